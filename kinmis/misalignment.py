"""Kinematic misalignment: the difference of two position angles, and its probability."""

import html
from dataclasses import dataclass, field

import astropy.units as u
import numpy as np
from scipy.special import ndtr

from kinmis._units import scalar_in
from kinmis.common import common_footprint
from kinmis.flags import decode_flags, flag_bits
from kinmis.position_angle import PositionAngle, fit_pa
from kinmis.position_angle.circular import wrap_180, wrap_360

__all__ = ["Misalignment", "measure_misalignment", "measure_misalignments", "misalign"]

#: Below this 1-sigma error (deg) an angle is taken as normally distributed.
NARROW = 3.

#: Cells of the circle in which wide distributions are convolved.
CELLS = 720

_TURNS = np.arange(-2, 3)


@dataclass(frozen=True, eq=False, repr=False)
class Misalignment:
    """
    The angle between two directions of rotation.

    `misalign` and `kinmis.Galaxy.misalignment` make it.

    Parameters
    ----------
    values : dict
        ``difference``, ``error``, ``threshold`` (deg) and ``probability``.
    first, second : `~kinmis.PositionAngle` or None
        The angles, where they come from a fit.
    flags : int
        Bits; those of both angles and its own.
    common : `Misalignment`, optional
        The same over the spaxels that both fields share, binned alike.
    photometric : dict
        For a galaxy, the misalignment of each component with the photometric major axis, by
        ``"stellar"`` and ``"gas"``.

    Examples
    --------
    >>> from kinmis import mock
    >>> result = mock.galaxy(pa_stellar=350, pa_gas=20, seed=1).misalignment()
    >>> print(result.difference.round(), result.gas.pa.round())
    30.0 deg 20.0 deg
    >>> print(result.photometric["stellar"].absolute.round())
    0.0 deg
    """

    values: dict
    first: PositionAngle | None = None
    second: PositionAngle | None = None
    flags: int = 0
    common: object = None
    photometric: dict = field(default_factory=dict)

    @property
    def difference(self):
        """Second minus first angle (gas minus stars), in (-180, 180] deg; NaN for none."""
        return self.values["difference"] * u.deg

    @property
    def absolute(self):
        """Absolute value of `difference`, in [0, 180] deg."""
        return abs(self.difference)

    @property
    def error(self):
        """1-sigma error of the difference, both senses of rotation taken as known (deg)."""
        return self.values["error"] * u.deg

    @property
    def threshold(self):
        """The angle that `probability` refers to (deg)."""
        return self.values["threshold"] * u.deg

    @property
    def probability(self):
        """Probability that the absolute difference exceeds `threshold`; NaN for no angle."""
        return self.values["probability"]

    @property
    def stellar(self):
        """The first angle: that of the stars."""
        return self.first

    @property
    def gas(self):
        """The second angle: that of the gas."""
        return self.second

    @property
    def flag_names(self):
        """Names of the flags that are set."""
        return decode_flags(self.flags)

    @property
    def ok(self):
        """Whether both angles were measured."""
        return bool(np.isfinite(self.values["difference"]))

    def _facts(self):
        flags = ", ".join(self.flag_names)
        if not self.ok:
            return {"misalignment": "none", "flags": flags or "none"}
        facts = {
            "misalignment": f"{self.absolute.value:.1f} +/- {self.error.value:.1f} deg",
            f"P(> {self.threshold.value:g} deg)": f"{self.probability:.3f}"}
        if self.common is not None and self.common.ok:
            facts["on the common footprint"] = (f"{self.common.absolute.value:.1f} +/- "
                                                f"{self.common.error.value:.1f} deg")
        return {**facts, "flags": flags or "none"}

    def __repr__(self):
        return "<Misalignment: " + "; ".join(
            text if label == "misalignment" else f"{label} {text}"
            for label, text in self._facts().items()) + ">"

    __str__ = __repr__

    def _repr_html_(self):
        rows = "".join(f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
                       f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
                       for label, text in self._facts().items())
        return f"<table><caption>Misalignment</caption>{rows}</table>"


def misalign(first, second, *, threshold=30 * u.deg, axial=False):
    """
    Return the difference of two angles on the circle, with its probability.

    Parameters
    ----------
    first, second : `~kinmis.PositionAngle`, `~astropy.units.Quantity` or pair of them
        A fitted angle, an angle without error, or angle and 1-sigma error. The difference is
        second minus first; for a galaxy stars come first.
    threshold : `~astropy.units.Quantity` or float
        Angle for the probability of a larger difference (deg).
    axial : bool
        Whether one of the angles is an axis, such as a photometric major axis, that has no
        receding side: the difference is then in (-90, 90] deg.

    Returns
    -------
    result : `Misalignment`

    Raises
    ------
    TypeError
        If something is no angle.
    ValueError
        If the threshold is not between 0 and 180 deg.

    Notes
    -----
    The probability is that of the two posteriors, convolved on the circle; it includes the
    chance that a sense of rotation is wrong.

    Examples
    --------
    >>> import astropy.units as u
    >>> from kinmis import misalign
    >>> misalign((350 * u.deg, 3 * u.deg), (25 * u.deg, 4 * u.deg))
    <Misalignment: 35.0 +/- 5.0 deg; P(> 30 deg) 0.841; flags none>
    >>> misalign(10 * u.deg, 190 * u.deg, axial=True).absolute
    <Quantity 0. deg>
    """
    limit = scalar_in(threshold, u.deg, "threshold")
    if not 0 < limit < 180:
        raise ValueError(f"threshold must be between 0 and 180 deg, not {limit:g}")
    angles = [_Angle.of(value, name) for value, name in ((first, "first"), (second, "second"))]
    difference = float(wrap_180(angles[1].pa - angles[0].pa))
    if axial:
        difference = float(wrap_180(2 * difference)) / 2
    error = float(np.hypot(angles[0].error, angles[1].error))
    probability = (_probability(angles, difference, error, limit, axial)
                   if np.isfinite(difference) else np.nan)
    fits = [value if isinstance(value, PositionAngle) else None for value in (first, second)]
    flags = 0
    for fit in fits:
        flags |= fit.flags if fit is not None else 0
    return Misalignment({"difference": difference, "error": error, "threshold": limit,
                         "probability": probability}, *fits, flags)


@dataclass(frozen=True)
class _Angle:
    """An angle (deg) with its error and the probability that its sense is right."""

    pa: float
    error: float
    right: float = 1.
    fit: PositionAngle | None = None

    @classmethod
    def of(cls, value, name):
        if isinstance(value, PositionAngle):
            sense = value.values["sense_significance"]
            return cls(value.values["pa"], value.values["pa_err"],
                       1. if np.isnan(sense) else float(ndtr(sense)), value)
        pair = value if isinstance(value, (tuple, list)) and len(value) == 2 else (value, 0.)
        pa, error = (scalar_in(part, u.deg, name) for part in pair)
        if pa is None:
            raise TypeError(f"{name} must be a PositionAngle, an angle, or a pair of an angle "
                            "and its error, not None")
        if error < 0:
            raise ValueError(f"the error of {name} must not be negative, but is {error:g} deg")
        return cls(pa, error)

    def density(self, offsets):
        """Return the probability of cells around the angle, centred on ``offsets``."""
        if self.fit is not None and self.fit.posterior_of is not None and self.error > NARROW:
            mass = self.fit.posterior(wrap_360(self.pa + offsets))
            return mass / mass.sum()
        half = 180. / len(offsets)
        turned = np.asarray(wrap_180(offsets + 180.))
        return self.right * _normal_cells(np.asarray(wrap_180(offsets)), half, self.error) + (
            1. - self.right) * _normal_cells(turned, half, self.error)


def _normal_cells(offsets, half, sigma):
    """Return the mass of a wrapped normal distribution in cells of half width ``half``."""
    sigma = max(sigma, 1e-6)
    turns = offsets + 360. * np.arange(-1, 2)[:, None]
    return np.sum(ndtr((turns + half) / sigma) - ndtr((turns - half) / sigma), axis=0)


def _probability(angles, difference, error, limit, axial):
    """Return the probability that the absolute difference exceeds the limit."""
    period = 180. if axial else 360.
    if limit >= period / 2:
        return 0.
    if max(angle.error for angle in angles) <= NARROW:
        same = angles[0].right * angles[1].right + (
            1 - angles[0].right) * (1 - angles[1].right)
        beyond = [_beyond(difference + turn, max(error, 1e-9), limit, period)
                  for turn in (0., 180.)]
        return float(same * beyond[0] + (1 - same) * beyond[1])
    offsets = np.arange(CELLS) * 360. / CELLS
    spectra = [np.fft.rfft(angle.density(offsets)) for angle in angles]
    mass = np.maximum(np.fft.irfft(np.conj(spectra[0]) * spectra[1], CELLS), 0.)
    distance = np.abs(wrap_180((difference + offsets) * 360. / period)) * period / 360.
    # a cell on the limit counts in part
    width = 360. / CELLS
    outside = np.clip((distance - limit) / width + 0.5, 0., 1.)
    return float(np.clip(np.sum(mass * outside) / mass.sum(), 0., 1.))


def _beyond(difference, sigma, limit, period):
    """Return the mass of a wrapped normal distribution farther than the limit from zero."""
    turns = difference + period * _TURNS
    inside = ndtr(np.concatenate([limit - turns, -limit - turns]) / sigma)
    return 1. - (inside[:5] - inside[5:]).sum()


def measure_misalignment(galaxy, *, clean=True, threshold=30 * u.deg, common=True, **options):
    """
    Measure the misalignment of the stars and the gas of a galaxy.

    Parameters
    ----------
    galaxy : `~kinmis.Galaxy`
        A galaxy with both fields.
    clean : bool
        Whether to clean fields that are not yet clean, with the default options.
    threshold : `~astropy.units.Quantity` or float
        Angle for the probability of a larger misalignment (deg).
    common : bool
        Whether to measure it on the common footprint as well.
    **options
        As for `kinmis.fit_pa`.

    Returns
    -------
    result : `Misalignment`
        Gas minus stars. A field without measurable rotation gives NaN and flags.

    Raises
    ------
    ValueError
        If one of the two fields is missing.

    Examples
    --------
    >>> from kinmis import mock
    >>> galaxy = mock.galaxy(pa_stellar=40, pa_gas=220, seed=1)
    >>> galaxy.misalignment().absolute.round()
    <Quantity 180. deg>
    """
    missing = [name for name in ("stellar", "gas") if getattr(galaxy, name) is None]
    if missing:
        raise ValueError(f"{galaxy.id or 'the galaxy'} has no {missing[0]} field, so there is "
                         "no misalignment; fit the other field with fit_pa()")
    return measure_misalignments([galaxy], clean=clean, threshold=threshold, common=common,
                                 **options)[0]


def measure_misalignments(galaxies, *, clean=True, threshold=30 * u.deg, common=True,
                          angles=None, **options):
    """
    Measure the misalignments of many galaxies, all angles in one batch.

    Parameters
    ----------
    galaxies : sequence of `~kinmis.Galaxy`
        A missing field counts as one without data.
    clean, threshold, common, **options
        As for `measure_misalignment`.
    angles : sequence of pairs of `~kinmis.PositionAngle`, optional
        Angles of stars and gas that were fitted before; the fields are then taken as they
        are, and only those of the common footprint are fitted.

    Returns
    -------
    results : list of `Misalignment`
        One for each galaxy, in order.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.misalignment import measure_misalignments
    >>> galaxies = [mock.galaxy(pa_stellar=40, pa_gas=gas, seed=1) for gas in (40, 130)]
    >>> for result in measure_misalignments(galaxies):
    ...     print(result.absolute.round())
    0.0 deg
    90.0 deg
    """
    from kinmis.cleaning import clean as clean_fields

    pairs = [[galaxy.stellar, galaxy.gas] for galaxy in galaxies]
    if clean and angles is None:
        pairs = [[one if one is None or "cleaning" in one.meta else clean_fields(one)
                  for one in pair] for pair in pairs]
    shared = [common_footprint(*pair) if common and None not in pair else None
              for pair in pairs]
    whole, cut = _fit_pairs(pairs, shared, angles, options)
    results = []
    for i, galaxy in enumerate(galaxies):
        stars, gas = whole[i]
        result = misalign(stars, gas, threshold=threshold)
        flags, on_common = result.flags, None
        if shared[i] is not None:
            on_common = (result if cut[i] == whole[i]
                         else misalign(*cut[i], threshold=threshold))
        elif common and None not in pairs[i]:
            flags |= flag_bits("NO_COMMON_FOOTPRINT")
        axis = galaxy.meta.get("photometric_pa")
        photometric = {} if axis is None else {
            name: misalign(fit, axis, threshold=threshold, axial=True)
            for name, fit in (("stellar", stars), ("gas", gas))}
        results.append(Misalignment(result.values, stars, gas, flags, on_common, photometric))
    return results


def _fit_pairs(pairs, shared, angles, options):
    """
    Return the angles of pairs of fields, and those on their common footprints.

    All are fitted in one batch, so that what is laid out alike is laid out once; a field that
    is its own common footprint is fitted once.
    """
    cuts = [pair or () for pair in shared]
    known = {}
    if angles is not None:
        angles = [tuple(found) for found in angles]
        known = {id(field): angle for pair, found in zip(pairs, angles)
                 for field, angle in zip(pair, found)}
    wanted = {id(field): field for whole, cut in zip(pairs, cuts) for field in (*whole, *cut)
              if id(field) not in known}
    known.update(zip(wanted, fit_pa(list(wanted.values()), **options)))
    if angles is None:
        angles = [tuple(known[id(field)] for field in pair) for pair in pairs]
    return angles, [tuple(known[id(field)] for field in pair) for pair in cuts]
