"""
Position angles by the package pafit of M. Cappellari.

pafit is installed by itself (``pip install kinmis[pafit]``): its licence allows neither
redistribution nor commercial use. This module calls it and makes up for what it leaves to the
user: masked data, the direction of its angles, the systemic velocity, the receding side, and
the meaning of its error.
"""

from functools import partial

import numpy as np

from kinmis.position_angle.axis import (Axis, AxisPosterior, describe, failure, free_fit,
                                        widening)
from kinmis.position_angle.result import PositionAngle
from kinmis.position_angle.rows import field_rows

# the example runs where the package is installed
__doctest_requires__ = {"fit_with_pafit": ["pafit"]}

#: The error that pafit quotes is one of 3 sigma.
SIGMAS = 3.


def fit_with_pafit(field, *, weights="bins", center=(0., 0.), rmin=None, rmax=None, steps=361):
    """
    Fit the position angle of one field with the package pafit.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        The field.
    weights : {"bins", "area"}
        "bins": each bin is one datum at its mean position, with its error where it has one,
        limited by an intrinsic scatter. "area": all spaxels alike.
    center : pair of float
        Centre of rotation, arcsec to the East and North of the field's own.
    rmin, rmax : float, optional
        Range of radius in arcsec.
    steps : int
        Number of trial angles over half the circle.

    Returns
    -------
    result : `~kinmis.PositionAngle`
        Without a model. ``pa_err`` is a third of the error that pafit quotes, which is too
        wide on regular fields (it covers the truth in 93 to 98% of them) and too narrow with
        outliers or a lopsided footprint; it is rounded to the step. NaN and flags where there
        are too few data or no rotation.

    Raises
    ------
    ImportError
        If pafit is not installed.
    ValueError
        If ``steps`` is below 37.

    Notes
    -----
    pafit knows no masks, and one NaN gives it the angle 0 silently: it gets valid data only.
    It runs from +x to +y, so that on offsets to the East its angle is 180 deg minus the
    position angle. It returns an axis; the receding side is the one to which the mean velocity
    along the axis is positive. Before the fit the median is subtracted. Data without errors
    get their scatter about a smooth field as error, so that the quoted error means something.

    References
    ----------
    .. [1] Krajnovic, D., et al. 2006, MNRAS, 366, 787, Appendix C

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.position_angle.pafit import fit_with_pafit
    >>> result = fit_with_pafit(mock.velocity_field(pa=75, size=8, seed=1))
    >>> bool(abs(result.pa.value - 75) < 2)
    True
    """
    fit_kinematic_pa = _pafit()
    if steps != int(steps) or steps < 37:
        raise ValueError(f"steps must be a whole number, 37 or more, not {steps!r}")
    rows = field_rows(field, center, rmin, rmax)
    result = partial(PositionAngle, method="pafit", weights=weights, source=field,
                     center=tuple(center))
    values = failure(rows)
    if values is not None:
        return result(values)
    fit = free_fit(rows, weights)
    if weights == "area":
        row, east, north = rows.row_of_spaxel(), rows.east, rows.north
        # the chi-square counts each spaxel of a bin, but the bins are what is independent
        error = np.full(len(row), fit.scatter * np.sqrt(len(row) / len(rows)))
    else:
        row, (east, north) = np.arange(len(rows)), rows.place.T
        error = fit.weight ** -0.5 if rows.ivar is not None else np.full(len(rows), fit.scatter)
    velocity = rows.velocity[row]
    offset = np.median(velocity)
    # a perfect field has no scatter, but pafit divides by it
    error = np.maximum(error, 1e-9 * np.ptp(velocity))
    angle, quoted, shift = fit_kinematic_pa(east, north, velocity - offset, debug=False,
                                            nsteps=int(steps), quiet=True, plot=False, dvel=error)
    angle = (180. - float(angle)) % 180.
    values = describe(rows, weights, fit, Axis(
        angle, float(quoted) / SIGMAS, float(offset + shift),
        float(np.sqrt(np.mean(fit.variance) / len(rows))), _correlation(rows, fit, angle)))
    if "pa" not in values:
        return result(values)
    return result(values, posterior_of=AxisPosterior(values["pa"], values["pa_err"],
                                                     values["sense_significance"]))


def _correlation(rows, fit, angle):
    """Return how much correlated noise widens the error of rotation about an axis."""
    turn = np.arctan2(rows.east, rows.north) - np.radians(angle)
    return widening(rows, fit, rows.mean(np.sin(turn)) * fit.weight)


def _pafit():
    """Return the function of the package, with help where it is missing."""
    try:
        from pafit.fit_kinematic_pa import fit_kinematic_pa
    except ImportError as error:
        raise ImportError(
            "method='pafit' needs the package pafit: pip install kinmis[pafit] (its licence "
            "allows no commercial use and no redistribution). method='bisymmetric' is the same "
            f"idea without it. [{error}]") from error
    return fit_kinematic_pa
