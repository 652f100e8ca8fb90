"""`fit_pa`: the position angle of one field or of many, by any engine."""

from functools import cache

import astropy.units as u
from threadpoolctl import ThreadpoolController

from kinmis._input import as_fields
from kinmis._sky import check_center
from kinmis._units import scalar_in
from kinmis.flags import flag_bits
from kinmis.position_angle.harmonic import Options, fit_harmonic
from kinmis.position_angle.result import PositionAngle

__all__ = ["fit_pa"]

METHODS = ("harmonic", "bisymmetric", "pafit")
WEIGHTS = ("bins", "area")


def fit_pa(fields, method="harmonic", weights="bins", center=None, rmin=None, rmax=None,
           clip=6., harmonics=None, correlated=True):
    """
    Fit the global kinematic position angle.

    Parameters
    ----------
    fields : `~kinmis.VelocityField` or sequence of them
        One field, or many of any sizes; None in a sequence stands for a missing field.
    method : {"harmonic", "bisymmetric", "pafit"}
        The engine. "harmonic" is a likelihood of rotation curves with harmonic distortions;
        "bisymmetric" minimises the asymmetry of the field ([1]_, Appendix C); "pafit" calls
        the package of that name, which is an implementation of the latter.
    weights : {"bins", "area"}
        "bins": each independent datum counts once, with its inverse variance where it has
        one, limited by an intrinsic scatter that is fitted. "area": each spaxel counts alike,
        as in the catalogue of [2]_; the error still knows that bins are not independent.
    center : pair of `~astropy.units.Quantity` or float, optional
        Centre of rotation: offset to the East and North of the field's own (arcsec).
    rmin, rmax : `~astropy.units.Quantity` or float, optional
        Range of radius: an angle or plain numbers in arcsec, or a number of effective radii
        with the unit ``astropy.units.dimensionless_unscaled`` where the metadata has one.
    clip : float, optional
        Data beyond this many robust standard deviations from a free harmonic fit are left
        out; None keeps all. Harmonic engine only; with ``weights="area"`` it bears on the
        detection of rotation, not on the angle.
    harmonics : tuple of int, optional
        (1,), (1, 3) or (1, 3, 5); by default the Bayesian information criterion chooses.
        Harmonic engine only.
    correlated : bool
        Whether to look for correlated noise and widen the error accordingly. Harmonic
        engine only.

    Returns
    -------
    result : `~kinmis.PositionAngle` or list of them
        One for each field, in order. A field that can't be measured gives NaN and flags.

    Raises
    ------
    TypeError
        If something is no field.
    ValueError
        If an option has a value that it can't have.
    ImportError
        If the package pafit is asked for and missing.

    Notes
    -----
    The model of the harmonic engine is, with r the radius and phi the angle East of North,

    .. math:: v = v_{sys} + \\sum_{m} \\sum_{k=1}^{4} a_{km} B_k(r) \\cos m(\\phi - \\theta)

    with :math:`m = 1`; 1 and 3; or 1, 3 and 5, and :math:`B_k` linear hat functions of radius
    with nodes at 1/8, 1/4, 1/2 and all of the outer radius (fewer where there are few data).
    All but :math:`\\theta` is linear, so the chi-square as a function of :math:`\\theta` is
    small algebra. The error follows from its curvature, or from the posterior on the circle
    where that is wide or has another shape.

    References
    ----------
    .. [1] Krajnovic, D., et al. 2006, MNRAS, 366, 787
    .. [2] Duckworth, C., et al. 2020, MNRAS, 492, 1869

    Examples
    --------
    >>> from kinmis import fit_pa, mock
    >>> fields = [mock.velocity_field(pa=pa, seed=1) for pa in (30, 200)]
    >>> for result in fit_pa(fields):
    ...     print(result.pa.round())
    30.0 deg
    200.0 deg
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, not {method!r}")
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {WEIGHTS}, not {weights!r}")
    if harmonics not in (None, (1,), (1, 3), (1, 3, 5)):
        raise ValueError(f"harmonics must be (1,), (1, 3), (1, 3, 5) or None, not {harmonics!r}")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be a positive number or None, not {clip!r}")
    fields, single = as_fields(fields)
    center = (0., 0.) if center is None else check_center(center)
    results = [None] * len(fields)
    for ranges, which in _by_radial_range(fields, rmin, rmax).items():
        chosen = [fields[i] for i in which]
        options = Options(weights, center, *ranges, clip, harmonics, correlated)
        # the matrices are so small that more threads only wait for each other
        with _threads().limit(limits=1, user_api="blas"):
            found = _fit(chosen, method, options)
        for i, result in zip(which, found):
            results[i] = result
    results = [PositionAngle({"flags": flag_bits("NO_DATA")}, method, weights)
               if result is None else result for result in results]
    return results[0] if single else results


@cache
def _threads():
    return ThreadpoolController()


def _fit(fields, method, options):
    """Fit fields with one engine."""
    if method == "harmonic":
        return fit_harmonic(fields, options)
    if method == "bisymmetric":
        from kinmis.position_angle.bisymmetric import fit_bisymmetric as fit_one
    else:
        from kinmis.position_angle.pafit import fit_with_pafit as fit_one
    return [fit_one(field, weights=options.weights, center=options.center, rmin=options.rmin,
                    rmax=options.rmax) for field in fields]


def _by_radial_range(fields, rmin, rmax):
    """Return the indices of the fields that are there, by their (rmin, rmax) in arcsec."""
    groups = {}
    for i, field in enumerate(fields):
        if field is not None:
            ranges = tuple(_radius(value, name, field)
                           for value, name in ((rmin, "rmin"), (rmax, "rmax")))
            if None not in ranges and not ranges[0] < ranges[1]:
                raise ValueError(f"rmin ({ranges[0]:g} arcsec) must be below rmax "
                                 f"({ranges[1]:g} arcsec)")
            groups.setdefault(ranges, []).append(i)
    return groups


def _radius(value, name, field):
    if value is None:
        return None
    if isinstance(value, u.Quantity) and value.unit.is_equivalent(u.dimensionless_unscaled):
        reff = scalar_in(field.meta.get("reff"), u.arcsec, "meta['reff']")
        if reff is None:
            raise ValueError(f"{name} is in effective radii, but the metadata of "
                             f"{field.id or 'the field'} have none: set meta['reff']")
        return float(value.to_value(u.dimensionless_unscaled)) * reff
    radius = scalar_in(value, u.arcsec, name)
    if not radius >= 0:
        raise ValueError(f"{name} must not be negative, but is {radius:g} arcsec")
    return radius
