"""
What engines that only find an axis need beside it.

Whether the field rotates, how the data weigh, which side recedes, and the flags.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from kinmis.flags import flag_bits
from kinmis.position_angle import basis
from kinmis.position_angle.circular import wrap_360
from kinmis.position_angle.correlation import inflation, is_correlated, neighbours
from kinmis.position_angle.weighting import intrinsic_variance

#: Independent data that an angle needs.
SMALLEST = 10

#: Significance that counts as rotation: one false alarm in a thousand fields of noise.
THRESHOLD = stats.norm.isf(1e-3)

#: Radial functions that are tried, and the rows that each needs.
ROWS_NEEDED = {4: 50, 2: 25, 1: SMALLEST}

#: Sectors of azimuth, and how many in a row may be empty before it is flagged.
SECTORS, EMPTY_SECTORS = 36, 9

#: Rings in which net and total rotation are compared, and their ratio below which the sense
#: is ambiguous.
RINGS, BALANCED = 8, 0.2


@dataclass
class FreeFit:
    """
    A fit in which any angle may hold at any radius.

    Parameters
    ----------
    weight : `~numpy.ndarray`
        Weight of each row: one over variance plus intrinsic variance, or ones.
    noise : float
        Variance of unit weight.
    scatter : float
        Intrinsic scatter in km/s; without errors, all the scatter.
    residual : `~numpy.ndarray`
        Of each row, in km/s.
    parameters : int
        Number of parameters of the fit.
    explained, left : dict
        Chi-square that rotation explains and leaves, by its number of parameters.
    """

    weight: np.ndarray
    noise: float
    scatter: float
    residual: np.ndarray
    parameters: int
    explained: dict
    left: dict

    def significance(self, widening=1.):
        """
        Return the significance of rotation, in standard deviations of a normal distribution.

        That of an F-test of rotation with any angle at any radius against a constant. Of 4, 2
        and 1 radial functions those count with which rotation is most certain.

        Parameters
        ----------
        widening : float
            Data in correlated noise that count as one.
        """
        effective, chance = len(self.weight) / widening, 1.
        for taken, explained in self.explained.items():
            freedom = max(effective - taken - 1., effective / 4.)
            chance = min(chance, stats.f.sf(explained / taken * freedom / self.left[taken],
                                            taken, freedom))
        chance = np.clip(chance * len(self.explained), 1e-300, 1.)
        return max(float(stats.norm.isf(chance)), 0.)

    def row_variance(self, known):
        """
        Return the variance of each row.

        Parameters
        ----------
        known : bool
            Whether the weights know it. Otherwise it is the square of the residual: wrong for
            each, right for a sum over many, whichever of them are noisier.
        """
        if known:
            return self.noise / self.weight
        return self.residual**2 * len(self.weight) / (len(self.weight) - self.parameters)


def free_fit(rows, weights):
    """
    Fit v = v_sys + sum_km B_k(r) (a_km cos(m phi) + b_km sin(m phi)), B_k hats of radius.

    With m = 1, 3 and 5 it says how much the data scatter; with m = 1 alone, whether they
    rotate.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field, at least `SMALLEST`.
    weights : {"bins", "area"}
        "area" ignores the errors.

    Returns
    -------
    fit : `FreeFit`
    """
    outer = max(np.hypot(rows.east, rows.north).max(), np.finfo(float).tiny)
    columns = rows.mean(basis.columns(rows.east, rows.north, outer))
    # small numbers keep their digits when they are squared
    velocity = rows.velocity - np.median(rows.velocity)
    designs = [_design(columns, nodes) for nodes, needed in ROWS_NEEDED.items()
               if len(rows) >= needed]
    widest = columns if len(designs) == len(ROWS_NEEDED) else designs[0]
    freedom = len(rows) - len(widest)
    weight, scatter = np.ones(len(rows)), 0.
    if weights == "bins" and rows.ivar is not None:
        variance = 1. / rows.ivar
        for _ in range(3):
            # from equal weights on: the inverse variance alone rests on the few best data
            residual = _residual(widest, velocity, weight)
            scatter = intrinsic_variance(residual, variance, freedom, scatter)
            weight = 1. / (variance + scatter)
    residual = _residual(widest, velocity, weight)
    noise = weight @ residual**2 / freedom
    if weights == "area" or rows.ivar is None:
        scatter = noise
    constant = weight @ _residual(designs[0][:1], velocity, weight)**2
    explained, left = {}, {}
    for design in designs:
        taken = len(design) - 1
        # rounding leaves something of a perfect fit
        left[taken] = max(weight @ _residual(design, velocity, weight)**2, 1e-20 * constant)
        explained[taken] = max(constant - left[taken], 0.)
    return FreeFit(weight, noise, float(np.sqrt(scatter)), residual, len(widest), explained,
                   left)


def _design(columns, nodes):
    coarse = basis.coarsen(nodes)
    return np.vstack([columns[:1], coarse @ columns[1:1 + basis.K],
                      coarse @ columns[1 + basis.K:1 + 2 * basis.K]])


def _residual(design, velocity, weight):
    root = np.sqrt(weight)
    found = np.linalg.lstsq((design * root).T, velocity * root, rcond=None)[0]
    return velocity - found @ design


def widening(rows, shape, fit, influence):
    """
    Return the factor by which correlated noise widens the variance of the angle.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field.
    shape : tuple of int
        Shape of the field.
    fit : `FreeFit`
        The noise of its residuals counts.
    influence : `~numpy.ndarray`
        Change of the angle with the velocity of each row.

    Returns
    -------
    factor : float
        At least one.
    """
    root = np.sqrt(fit.weight)
    scaled = fit.residual * root
    # nothing is left of a perfect fit, and nothing depends on data that don't matter
    if not (np.any(scaled) and np.any(influence)):
        return 1.
    if not is_correlated(scaled, neighbours(rows, shape)):
        return 1.
    return float(inflation(rows, shape, scaled, influence / root, fit.parameters))


def failure(rows):
    """Return the flag of rows that can't give an angle, or None."""
    if rows.n_valid == 0:
        return "NO_DATA"
    if len(rows) < SMALLEST:
        return "TOO_FEW_DATA"
    return None if np.ptp(rows.velocity) > 0 else "NO_ROTATION"


def basic_values(rows):
    """Return what is known of any rows, as values of a `~kinmis.PositionAngle`."""
    return {"n_data": len(rows), "flags": 0,
            "area_fraction": float(rows.area.sum() / rows.n_valid) if rows.n_valid else np.nan}


def receding_side(rows, axis, v_sys, weight, variance):
    """
    Return which end of an axis recedes, and how surely.

    Parameters
    ----------
    rows : `~kinmis.position_angle.rows.FieldRows`
        The rows of one field.
    axis : float
        Position angle of the axis in deg.
    v_sys : float
        Systemic velocity in km/s.
    weight : `~numpy.ndarray`
        Weight of each row.
    variance : `~numpy.ndarray` or float
        Variance of each row in (km/s)^2.

    Returns
    -------
    values : dict
        ``pa`` in [0, 360) deg, mean rotation ``amplitude`` in km/s, ``sense_significance``,
        and ``flags``.
    """
    radius = np.maximum(np.hypot(rows.east, rows.north), np.finfo(float).tiny)
    angle = np.radians(axis)
    cosine = rows.mean((rows.east * np.sin(angle) + rows.north * np.cos(angle)) / radius)
    share = weight * cosine / max(np.sum(weight * cosine**2), np.finfo(float).tiny)
    rotation = share * (rows.velocity - v_sys)
    net, error = rotation.sum(), np.sqrt(np.sum(share**2 * variance))
    rings = np.array_split(rotation[np.argsort(rows.mean(radius))], RINGS)
    balance = abs(net) / max(sum(abs(ring.sum()) for ring in rings), np.finfo(float).tiny)
    significance = float(abs(net) / error) if error > 0 else np.inf
    ambiguous = significance < 3. or balance < BALANCED
    return {"pa": float(wrap_360(axis if net >= 0 else axis + 180.)), "amplitude": abs(net),
            "sense_significance": significance,
            "flags": flag_bits("AMBIGUOUS_SENSE") if ambiguous else 0}


def has_gap(rows):
    """Return whether more than a quarter of the azimuth holds no spaxel."""
    sector = np.floor(np.arctan2(rows.east, rows.north) * (SECTORS / (2 * np.pi))).astype(int)
    filled = np.flatnonzero(np.bincount(sector % SECTORS, minlength=SECTORS))
    gaps = np.diff(filled, append=filled[0] + SECTORS) - 1
    return bool(gaps.max() >= EMPTY_SECTORS)


def without_angle(values):
    """Return the values of a field in which no rotation was found."""
    kept = ("v_sys", "v_sys_err", "significance", "area_fraction", "n_data")
    return {**{name: values[name] for name in kept},
            "flags": flag_bits("NO_ROTATION")
            | (values["flags"] & flag_bits("INCOMPLETE_AZIMUTH"))}
