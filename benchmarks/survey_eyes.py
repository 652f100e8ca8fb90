"""
MaNGA galaxies as other surveys would have seen them, made from their maps.

Each function takes a `~kinmis.Galaxy` and a random generator and returns a new galaxy, of which
the sky is still known: nothing here uses the code that changes training examples.
"""

import astropy.units as u
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import gaussian_filter
from scipy.spatial import QhullError, cKDTree

from kinmis import Galaxy, VelocityField

#: FWHM of the point-spread function of MaNGA, arcsec, and side of its spaxels.
PSF, SPAXEL = 2.54, 0.5


def remade(field, velocity=None, good=None, bin_id=None, **changes):
    """Return a field with some of its arrays replaced."""
    values = {"east": field.east, "north": field.north, "component": field.component,
              "bin_id": field.bin_id if bin_id is None else bin_id,
              "meta": {**field.meta, "survey": None}, **changes}
    velocity = field.data if velocity is None else velocity
    good = ~field.mask if good is None else good & ~field.mask
    return VelocityField.from_arrays(np.where(good, velocity, np.nan), **values)


def each(galaxy, change):
    """Return a galaxy of which each field is changed; None where nothing is left of any."""
    fields = {name: change(field) for name, field in galaxy.fields.items()}
    fields = {name: field for name, field in fields.items() if field.n_valid}
    return Galaxy(**fields) if fields else None


def cut(galaxy, inside):
    """Keep what lies inside, a function of the offsets East and North in arcsec."""
    return each(galaxy, lambda field: remade(
        field, good=inside(field.east.value, field.north.value)))


def extent(galaxy):
    """Return the largest distance of a valid spaxel from the centre, arcsec."""
    return max(np.hypot(field.east.value, field.north.value)[~field.mask].max()
               for field in galaxy.fields.values() if field.n_valid)


def plain(galaxy, rng):
    """As it was."""
    return galaxy


def circle(galaxy, rng):
    """Circular field of 15" (SAMI)."""
    return cut(galaxy, lambda east, north: np.hypot(east, north) <= 7.5)


def square(galaxy, rng):
    """The largest square inside the hexagon, turned at random (MUSE, KMOS)."""
    side, angle = 0.634 * extent(galaxy), rng.uniform(0, np.pi / 2)
    cosine, sine = np.cos(angle), np.sin(angle)
    return cut(galaxy, lambda east, north: np.maximum(
        np.abs(east * cosine + north * sine), np.abs(north * cosine - east * sine)) <= side)


def inner(galaxy, rng):
    """The inner 60% of the radius."""
    radius = 0.6 * extent(galaxy)
    return cut(galaxy, lambda east, north: np.hypot(east, north) <= radius)


def half_lost(galaxy, rng):
    """Half of the field lost beyond a line through the centre."""
    angle = rng.uniform(0, 2 * np.pi)
    return cut(galaxy, lambda east, north: east * np.cos(angle) + north * np.sin(angle) >= 0)


def holes(galaxy, rng):
    """Half of the bins lost at random."""
    keep = rng.random(max(field.bin_id.max() for field in galaxy.fields.values()) + 1) < 0.5
    return each(galaxy, lambda field: remade(field, good=keep[field.bin_id]))


def fine(galaxy, rng):
    """Spaxels of 0.25"."""
    def change(field):
        fine = {name: np.repeat(np.repeat(values, 2, axis=0), 2, axis=1) for name, values in (
            ("velocity", field.velocity.value), ("bin_id", field.bin_id),
            ("east", field.east.value), ("north", field.north.value))}
        fine["east"] += np.tile([-SPAXEL / 4, SPAXEL / 4], field.shape[1])
        fine["north"] += np.repeat([-SPAXEL / 4, SPAXEL / 4] * field.shape[0], 1)[:, None]
        return VelocityField.from_arrays(**fine, component=field.component,
                                         meta={"id": field.id})
    return each(galaxy, change)


def coarse(galaxy, rng):
    """Spaxels of 1"."""
    return each(galaxy, lambda field: field[::2, ::2])


def merged(galaxy, rng):
    """A third of the bins, each the mean of its neighbours."""
    first = max(galaxy.fields.values(), key=lambda field: field.n_valid)
    names, center, _ = _bins(first)
    if len(names) < 6:
        return galaxy
    tree = cKDTree(center[rng.permutation(len(names))[:len(names) // 3]])

    def change(field):
        if not field.n_valid:
            return field
        names, center, value = _bins(field)
        joined = np.full(names.max() + 2, -1)
        joined[names] = tree.query(center)[1]
        # each bin had the S/N of any other, so that bins count alike
        count = np.bincount(joined[names])
        mean = np.bincount(joined[names], value) / np.maximum(count, 1)
        number = joined[np.where(field.mask, -1, field.bin_id)]
        return remade(field, mean[number], bin_id=number)

    return each(galaxy, change)


def _bins(field):
    """Return number, centre and velocity of each bin of a field."""
    good = ~field.mask
    names, first, index, size = np.unique(field.bin_id[good], return_index=True,
                                          return_inverse=True, return_counts=True)
    center = [np.bincount(index, values.value[good]) / size
              for values in (field.east, field.north)]
    return names, np.stack(center, axis=1), field.data[good].astype(float)[first]


def unbinned_gas(galaxy, rng):
    """Gas with a velocity of its own in each spaxel, as in HYB10 files; stars as they were."""
    if galaxy.gas is None or galaxy.gas.n_bins < 4:
        return galaxy
    return Galaxy(stellar=galaxy.stellar, gas=_unbinned(galaxy.gas, rng))


def unbinned(galaxy, rng):
    """Both fields with a velocity of its own in each spaxel (SAMI, CALIFA gas)."""
    return each(galaxy, lambda field: field if field.n_bins < 4 else _unbinned(field, rng))


def _unbinned(field, rng):
    """Interpolate between bins and put the noise back, larger where bins were."""
    good = ~field.mask
    _, center, value = _bins(field)
    _, index, size = np.unique(field.bin_id[good], return_inverse=True, return_counts=True)
    where = np.stack([field.east.value[good], field.north.value[good]], axis=1)
    try:
        smooth = LinearNDInterpolator(center, value)(where)
    except QhullError:      # bins on one line have no triangles
        smooth = np.full(len(where), np.nan)
    outside = np.isnan(smooth)
    smooth[outside] = NearestNDInterpolator(center, value)(where[outside])
    # noise of a bin: its difference from its neighbours; of a spaxel: with S/N, as the root of
    # the number, of which the correlation of spaxels leaves a part
    tree = cKDTree(center)
    near = tree.query(center, k=min(5, len(center)))[1][:, 1:]
    rough = np.median(np.abs(value - value[near].mean(axis=1))) * 1.2
    noise = gaussian_filter(rng.normal(size=field.shape), 0.8)
    noise /= noise.std()
    velocity = np.zeros(field.shape)
    velocity[good] = smooth + rough * np.minimum(size[index], 16) ** 0.25 * noise[good]
    return VelocityField.from_arrays(velocity, east=field.east, north=field.north,
                                     mask=field.mask, component=field.component,
                                     meta={"id": field.id})


def bin_list(galaxy, rng):
    """A list of bins without a map (ATLAS3D)."""
    def change(field):
        if not field.n_valid:
            return field
        _, place, value = _bins(field)
        return VelocityField.from_arrays(value, east=place[:, 0], north=place[:, 1],
                                         component=field.component, meta={"id": field.id})
    return each(galaxy, change)


def noisy(galaxy, rng, level=10.0):
    """Noise of 10 km/s added to each bin."""
    def change(field):
        noise = rng.normal(0, level, field.bin_id.max() + 2)
        return remade(field, field.data + noise[field.bin_id])
    return each(galaxy, change)


def very_noisy(galaxy, rng):
    """Noise of 30 km/s added to each bin."""
    return noisy(galaxy, rng, 30.0)


def blurred(galaxy, rng):
    """A point-spread function twice as large, which the field says."""
    width = np.sqrt(3) * PSF / SPAXEL / 2.3548

    def change(field):
        good = ~field.mask
        weight = np.maximum(gaussian_filter(good.astype(float), width), 1e-6)
        smooth = gaussian_filter(np.where(good, field.data, 0.0), width) / weight
        number = np.where(good, field.bin_id, -1)
        count = np.bincount(number[good])
        mean = np.bincount(number[good], smooth[good]) / np.maximum(count, 1)
        return remade(field, mean[number], meta={"id": field.id,
                                                 "psf_fwhm": 2 * PSF * u.arcsec})
    return each(galaxy, change)


def mirrored_sky(galaxy, rng):
    """East for West: the mirror image of the galaxy."""
    return each(galaxy, lambda field: remade(field, east=-field.east))


def mirrored_array(galaxy, rng):
    """Columns in the other order and axes exchanged, the sky as it is."""
    return each(galaxy, lambda field: VelocityField.from_arrays(
        field.velocity[:, ::-1].T, east=field.east[:, ::-1].T, north=field.north[:, ::-1].T,
        bin_id=field.bin_id[:, ::-1].T, component=field.component, meta={"id": field.id}))


EYES = {function.__name__: function for function in (
    plain, mirrored_sky, mirrored_array, fine, coarse, bin_list, circle, square, inner, half_lost,
    holes, merged, unbinned_gas, unbinned, noisy, very_noisy, blurred)}


def draw(galaxies, path):
    """Draw galaxies through all eyes: stars above gas."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(1.3 * len(EYES), 2.6 * len(galaxies)), layout="constrained")
    axes = figure.subplots(2 * len(galaxies), len(EYES))
    for number, galaxy in enumerate(galaxies):
        for column, (name, eye) in enumerate(EYES.items()):
            seen = eye(galaxy, np.random.default_rng(number))
            for row, part in enumerate(("stellar", "gas")):
                axis, field = axes[2 * number + row, column], getattr(seen, part)
                axis.set(xticks=[], yticks=[], aspect="equal")
                if not number and not row:
                    axis.set_title(name.replace("_", " "), size=7)
                if field is None:
                    continue
                good = ~field.mask
                reach = np.percentile(np.abs(field.data[good] - np.median(field.data[good])), 95)
                axis.scatter(field.east.value[good], field.north.value[good], s=0.6,
                             c=field.data[good] - np.median(field.data[good]), cmap="RdBu_r",
                             vmin=-reach, vmax=reach, marker="s")
                axis.set(xlim=(17, -17), ylim=(-17, 17))
    figure.savefig(path, dpi=60)
