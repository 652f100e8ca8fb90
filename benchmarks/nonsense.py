"""
Velocity fields that are nonsense: noise, stripes, constants, pictures, many galaxies.

    python benchmarks/nonsense.py nonsense.png

draws some of each kind. `make_nonsense` returns them as `~kinmis.VelocityField`, of one velocity
a spaxel of 0.5", in hexagonal, round and square fields of view of 12 to 32". The photograph is the
one that matplotlib ships.
"""

import argparse
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from kinmis import Galaxy, VelocityField

SPAXEL = 0.5
SHAPES = ("hexagon", "circle", "square")

#: Fields of view, arcsec across; and how far velocities reach, km/s.
ACROSS, REACH = (12.0, 32.0), (40.0, 250.0)


def footprint(shape, across):
    """Return offsets East and North of the spaxels of a field, and which are inside."""
    half = int(across / 2 / SPAXEL) + 1
    north, east = np.mgrid[-half:half + 1, -half:half + 1] * SPAXEL
    radius = across / 2
    if shape == "circle":
        inside = np.hypot(east, north) <= radius
    elif shape == "square":
        inside = np.maximum(np.abs(east), np.abs(north)) <= radius / np.sqrt(2)
    else:
        side = radius * np.sqrt(3) / 2
        inside = ((np.abs(north) <= side) & (np.abs(np.sqrt(3) / 2 * east + north / 2) <= side)
                  & (np.abs(np.sqrt(3) / 2 * east - north / 2) <= side))
    return east, north, inside


def white_noise(rng, east, north):
    """Each spaxel by itself."""
    return rng.normal(size=east.shape)


def correlated_noise(rng, east, north):
    """Noise that neighbouring spaxels share, as those of one fibre do."""
    return gaussian_filter(rng.normal(size=east.shape), rng.uniform(0.7, 1.5))


def stripes(rng, east, north):
    """Waves or bars in one direction, at least three across the field."""
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(1.5, np.ptp(east) / 3.5)
    wave = np.sin(2 * np.pi * (east * np.cos(angle) + north * np.sin(angle)) / period
                  + rng.uniform(0, 2 * np.pi))
    return np.sign(wave) if rng.random() < 0.5 else wave


def checkerboard(rng, east, north):
    """Squares of either sign, at least three across the field."""
    side = rng.uniform(1.0, np.ptp(east) / 4)
    offset = rng.uniform(0, side, 2)
    return np.where((np.floor((east + offset[0]) / side)
                     + np.floor((north + offset[1]) / side)) % 2, 1.0, -1.0)


def constant(rng, east, north):
    """One velocity, with noise far below any spectrograph's."""
    return 1e-3 * rng.normal(size=east.shape)


def photograph(rng, east, north):
    """Most of a photograph, turned and mirrored."""
    picture = _photograph()
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    return _sample(rng, np.rot90(picture, rng.integers(4)), east)


def dead_leaves(rng, east, north):
    """Discs of any size and shade that hide each other, with the statistics of photographs."""
    field, span = np.zeros(east.shape), np.ptp(east)
    for _ in range(300):
        # sizes as in nature: as many in each octave of area
        radius = span * 0.03 / np.sqrt(rng.uniform(0.01, 1))
        where = rng.uniform(-0.6, 0.6, 2) * span
        field[np.hypot(east - where[0], north - where[1]) < radius] = rng.normal()
    return field


def pink_noise(rng, east, north):
    """Power as 1/f^2, as in clouds and landscapes."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(east.shape[1]),
                                      np.fft.fftfreq(east.shape[0])))
    frequency[0, 0] = np.inf
    return np.fft.ifft2(np.fft.fft2(rng.normal(size=east.shape)) / frequency).real


def many_galaxies(rng, east, north):
    """A cluster: dozens of small objects, each with a velocity of its own, on empty sky."""
    field, span = np.zeros(east.shape), np.ptp(east)
    for _ in range(rng.integers(20, 60)):
        where, size = rng.uniform(-0.5, 0.5, 2) * span, rng.uniform(0.5, 1.3)
        inside = np.hypot(east - where[0], north - where[1]) < size
        field[inside] = rng.normal() + 0.3 * rng.normal() * (east - where[0])[inside] / size
    return field + 0.03 * rng.normal(size=east.shape)


def letters(rng, east, north):
    """A page of writing: strokes of one velocity on another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(1, 1), dpi=120)
    canvas = FigureCanvasAgg(figure)
    size = rng.uniform(9, 16)
    for line in range(8):
        text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ2345789"), 12))
        figure.text(0.0, 1 - (line + 1) * size / 60, text, size=size, weight="bold")
    canvas.draw()
    return _sample(rng, np.asarray(canvas.buffer_rgba())[::-1, :, 0].astype(float), east)


@lru_cache(maxsize=1)
def _photograph():
    from matplotlib import cbook, image
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return image.imread(file, format="jpg").astype(float).mean(axis=-1)[::-1]


def _sample(rng, picture, east):
    """Return a large part of a picture, averaged to the spaxels of a field."""
    side = rng.uniform(0.6, 1.0) * min(picture.shape)
    corner = [rng.uniform(0, length - side) for length in picture.shape]
    step = side / len(east)
    smooth = gaussian_filter(picture, step / 3)
    grid = (np.arange(len(east)) + 0.5) * step
    return map_coordinates(smooth, np.meshgrid(corner[0] + grid, corner[1] + grid,
                                               indexing="ij"), order=1, mode="nearest")


KINDS = {function.__name__: function for function in (
    white_noise, correlated_noise, stripes, checkerboard, constant, photograph, dead_leaves,
    pink_noise, many_galaxies, letters)}


def make_nonsense(kind, n, *, seed=0, pairs=False):
    """
    Make nonsense.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    n : int
    seed : int
    pairs : bool
        Galaxies of which both fields are of that kind, rather than single fields.

    Returns
    -------
    items : list of `~kinmis.VelocityField` or `~kinmis.Galaxy`
    """
    rng = np.random.default_rng((seed, list(KINDS).index(kind)))
    items = []
    for number in range(n):
        shape, across = SHAPES[number % 3], rng.uniform(*ACROSS)
        fields = [_field(kind, rng, shape, across, component)
                  for component in ("stellar", "gas")]
        items.append(Galaxy(*fields) if pairs else fields[number // 3 % 2])
    return items


def _field(kind, rng, shape, across, component):
    east, north, inside = footprint(shape, across)
    velocity = KINDS[kind](rng, east, north)
    velocity = velocity - velocity[inside].mean()
    if kind != "constant":
        velocity *= rng.uniform(*REACH) / np.percentile(np.abs(velocity[inside]), 95)
    velocity += rng.uniform(-30, 30)
    return VelocityField.from_arrays(velocity, east=east, north=north, mask=~inside,
                                     component=component, meta={"id": kind})


def draw(path, n=6):
    """Draw some of each kind."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(1.6 * n, 1.6 * len(KINDS)), layout="constrained")
    axes = figure.subplots(len(KINDS), n)
    for row, kind in zip(axes, KINDS):
        for axis, field in zip(row, make_nonsense(kind, n)):
            reach = np.nanpercentile(np.abs(field.velocity.value), 95)
            axis.pcolormesh(field.east.value, field.north.value, field.velocity.value,
                            cmap="RdBu_r", vmin=-reach, vmax=reach)
            axis.set(aspect="equal", xticks=[], yticks=[])
        row[0].set_ylabel(kind.replace("_", "\n"))
    figure.savefig(path, dpi=70)


def main():
    parser = argparse.ArgumentParser(description="Picture of nonsense")
    parser.add_argument("picture", help="file to write")
    draw(parser.parse_args().picture)


if __name__ == "__main__":
    main()
