"""
The harmonic engine: a likelihood for the angle, for many fields at once.

Each field is reduced to independent rows (`rows`), weighted (`weighting`) and summed up in a
normal matrix of 25 basis functions (`basis`); the angle and everything else follow from that
small matrix (`profile`, `solution`, `posterior`). Only the residuals need the data once more
(`correlation`).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from kinmis.flags import flag_bits
from kinmis.position_angle import basis
from kinmis.position_angle.circular import angle_difference, wrap_360
from kinmis.position_angle.correlation import inflation, is_correlated, neighbours
from kinmis.position_angle.posterior import (NORMAL_BELOW, Posterior, grid_intervals,
                                             normal_intervals)
from kinmis.position_angle.result import PositionAngle
from kinmis.position_angle.rows import field_rows
from kinmis.position_angle.solution import (blocks, inner_and_outer, linearise, net_rotation,
                                            reduce, solve)
from kinmis.position_angle.weighting import Block

#: Radial functions and the rows that they need.
ROWS_NEEDED = {4: 50, 2: 20, 1: 6}

#: Sets of harmonics to choose from, the simplest first.
CANDIDATES = ((1,), (1, 3), (1, 3, 5))

#: Rows that one block of fields holds at most, so that its basis functions stay in cache.
BLOCK_SPAXELS = 120_000

#: Significance that counts as rotation: one false alarm in a thousand fields of noise.
THRESHOLD = stats.norm.isf(1e-3)

#: Degrees of freedom that a rotation fitted to noise takes up, by number of radial functions:
#: amplitudes, and an angle whose effect is less than that of one linear parameter.
ROTATION_FREEDOM = {4: 5.8, 2: 3.6, 1: 2.}

#: Sectors of azimuth, and how many in a row may be empty before it is flagged.
SECTORS, EMPTY_SECTORS = 36, 9


@dataclass(frozen=True)
class Options:
    """Options of the engine; see `kinmis.fit_pa`."""

    weights: str = "bins"
    center: tuple = (0., 0.)
    rmin: float | None = None
    rmax: float | None = None
    clip: float | None = 6.
    harmonics: tuple | None = None
    correlated: bool = True


def fit_harmonic(fields, options=Options()):
    """
    Fit the position angles of many fields.

    Parameters
    ----------
    fields : sequence of `~kinmis.VelocityField`
        The fields; of any size.
    options : `Options`
        How.

    Returns
    -------
    results : list of `~kinmis.PositionAngle`
        One for each field, in order.
    """
    results = [None] * len(fields)
    block, held = [], 0
    for index, field in enumerate(fields):
        rows = field_rows(field, options.center, options.rmin, options.rmax)
        nodes = next((n for n, needed in ROWS_NEEDED.items() if len(rows) >= needed), None)
        if nodes is None or not np.ptp(rows.velocity) > 0:
            results[index] = _without_fit(field, rows, nodes, options)
            continue
        if block and held + len(rows.spaxel) > BLOCK_SPAXELS:
            _fit_block(block, options, results)
            block, held = [], 0
        block.append((index, field, rows, nodes))
        held += len(rows.spaxel)
    if block:
        _fit_block(block, options, results)
    return results


def _without_fit(field, rows, nodes, options):
    """Return the result of a field that can't be fitted."""
    if rows.n_valid == 0:
        name = "NO_DATA"
    else:
        name = "TOO_FEW_DATA" if nodes is None else "NO_ROTATION"
    return PositionAngle({"flags": flag_bits(name), "n_data": len(rows)}, "harmonic",
                         options.weights, options.harmonics or (1,), field)


def _fit_block(block, options, results):
    """Fit the fields of a block; those with as many radial functions in one go."""
    for nodes in ROWS_NEEDED:
        chosen = [item for item in block if item[3] == nodes]
        if chosen:
            fit = _Fit(chosen, nodes, options)
            for (index, *_), result in zip(chosen, fit.results()):
                results[index] = result


class _DataErrors:
    """
    What residuals say of the errors of B fields.

    ``correlation`` and ``weighting`` are the factors by which correlated noise and weights
    other than the inverse variance raise the variance of the angle; ``chi2_reduced`` is the
    reduced chi-square with the field's own errors, NaN without.
    """

    def __init__(self, fields):
        self.correlation, self.weighting = np.ones(fields), np.ones(fields)
        self.chi2_reduced = np.full(fields, np.nan)

    def __getitem__(self, item):
        part = _DataErrors(0)
        for name, value in vars(self).items():
            setattr(part, name, value[item])
        return part


def _choose(solutions, data):
    """Return which set of harmonics the Bayesian information criterion prefers (B,)."""
    criterion = np.array([data * np.log(s.chi2 + 1e-300) + s.parameters * np.log(data)
                          for s in solutions])
    # few data can't tell distortions from noise
    for values, solution in zip(criterion[1:], solutions[1:]):
        values[data < 4 * solution.parameters] = np.inf
    return criterion.argmin(axis=0)


class _Fit:
    """The fit of a block of fields with the same number of radial functions."""

    def __init__(self, block, nodes, options):
        self.options, self.nodes = options, nodes
        self.fields = [field for _, field, _, _ in block]
        self.rows = [rows for _, _, rows, _ in block]
        self.used = blocks(nodes)
        self.outer = np.array([np.hypot(rows.east, rows.north).max() for rows in self.rows])
        self.outer = np.maximum(self.outer, np.finfo(float).tiny)
        # small numbers keep their digits when they are squared
        self.offset = np.array([np.median(rows.velocity) for rows in self.rows])
        self.data = self._weighted_block()
        # few data would be followed by a free fit of all harmonics
        free = self.used if nodes == basis.K else self.used[:1 + 2 * nodes]
        self.data.iterate(free, options.clip)
        self.count = np.array([np.count_nonzero(kept) for kept in self.data.kept])
        self.tests = self._rotation_tests()
        if options.weights == "area":
            for i, rows in enumerate(self.rows):
                self.data.set_weights(i, rows.area)
        self.reduced = reduce(self.data.gram, self.used)

    def _weighted_block(self):
        rows = self.rows
        spaxels = np.array([len(r.spaxel) for r in rows])
        columns = basis.columns(np.concatenate([r.east for r in rows]),
                                np.concatenate([r.north for r in rows]),
                                np.repeat(self.outer, spaxels))
        first = np.concatenate([[0], np.cumsum(spaxels)[:-1]])
        if any(r.start is not None for r in rows):
            starts = [begin + (np.arange(len(r.spaxel)) if r.start is None else r.start)
                      for begin, r in zip(first, rows)]
            columns = np.add.reduceat(columns, np.concatenate(starts), axis=1)
            columns /= np.concatenate([r.area for r in rows])
        velocity = np.concatenate([r.velocity - v for r, v in zip(rows, self.offset)])
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
        return Block(np.vstack([columns, velocity]), offsets,
                     [None if r.ivar is None else 1. / r.ivar for r in rows])

    def results(self):
        """Return the results of all fields of the block."""
        allowed = [self.options.harmonics] if self.options.harmonics else CANDIDATES
        solutions = [solve(self.reduced, harmonics) for harmonics in allowed]
        errors = _DataErrors(len(self.fields))
        effective, best = self.count, np.full(len(self.fields), -1)
        # correlated noise looks like structure: choose again with the data that it leaves
        for _ in range(2):
            before, best = best, _choose(solutions, effective)
            for choice, solution in enumerate(solutions):
                which = np.flatnonzero((best == choice) & (before != choice))
                if len(which):
                    tangent = linearise(self.reduced[which], solution[which])
                    self._look_at_data(errors, which, solution[which], tangent)
            effective = self.count / np.sqrt(errors.correlation)
        results = [None] * len(self.fields)
        for choice, solution in enumerate(solutions):
            which = np.flatnonzero(best == choice)
            if len(which):
                described = self._describe(which, solution[which], errors[which])
                for i, result in zip(which, described):
                    results[i] = result
        return results

    def _rotation_tests(self):
        """Return explained and left chi-square of plain rotation, by number of functions."""
        tests = {}
        for nodes in ROTATION_FREEDOM:
            if nodes <= self.nodes:
                found = solve(reduce(self.data.gram, blocks(nodes)), (1,))
                tests[nodes] = found.explained, found.chi2
        return tests

    def _significance(self, which, factor):
        """
        Return the significance of rotation in standard deviations of a normal distribution.

        That of the number of radial functions with which it is most certain: weak or badly
        sampled rotation shows better with few.
        """
        effective = self.count[which] / factor
        chance = np.ones(len(which))
        for nodes in self.tests:
            explained, chi2 = (value[which] for value in self.tests[nodes])
            taken = ROTATION_FREEDOM[nodes]
            freedom = np.maximum(effective - nodes - 2., effective / 4.)
            chance = np.minimum(chance, stats.f.sf(explained / taken * freedom / chi2, taken,
                                                   freedom))
        chance = np.clip(chance * len(self.tests), 1e-300, 1.)
        return np.maximum(stats.norm.isf(chance), 0.)

    def _describe(self, which, solution, errors):
        """Return the results of some fields from their solution."""
        reduced = self.reduced[which]
        tangent = linearise(reduced, solution)
        correlation = errors.correlation
        # correlated noise leaves fewer independent data, and each parameter fits more of it
        effective = self.count[which] / correlation
        freedom = np.maximum(effective - solution.parameters, effective / 4.)
        noise = solution.chi2 / (freedom * correlation)
        unit = noise * correlation * errors.weighting
        significance = self._significance(which, correlation)
        rotates = significance > THRESHOLD

        net, gross, variance = net_rotation(reduced, solution.theta)
        net_error = np.sqrt(unit * variance)
        total = reduced.weight.sum(axis=1)
        pa = wrap_360(np.degrees(solution.theta) + np.where(net < 0, 180., 0.))
        posteriors = [Posterior(reduced.normal[i], reduced.right[i], solution.harmonics,
                                reduced.weight[i], net_error[i], unit[i], freedom[i])
                      for i in range(len(which))]
        bounds = self._bounds(pa, np.degrees(np.sqrt(unit * tangent.inverse[:, -1, -1])),
                              freedom, posteriors)
        parts, parts_errors = inner_and_outer(reduced, solution.harmonics, unit)
        parts, parts_errors = np.degrees(parts), np.degrees(parts_errors)
        parts[parts_errors > 30.] = np.nan
        scatter = (np.sqrt(self.data.scatter[which]) if self.options.weights == "bins"
                   else np.zeros(len(which)))
        alone = np.array([self.rows[i].ivar is None for i in which])
        mean_weight = reduced.total / self.count[which]
        scatter = np.where(alone | (self.options.weights == "area"),
                           np.sqrt(noise / mean_weight), scatter)
        values = {
            "pa": pa, "pa_err": (bounds[1] - bounds[0]) / 2,
            "pa_lower_68": pa + bounds[0], "pa_upper_68": pa + bounds[1],
            "pa_lower_95": pa + bounds[2], "pa_upper_95": pa + bounds[3],
            "pa_inner": wrap_360(parts[0]), "pa_inner_err": parts_errors[0],
            "pa_outer": wrap_360(parts[1]), "pa_outer_err": parts_errors[1],
            "v_sys": self.offset[which] + tangent.constant,
            "v_sys_err": np.sqrt(unit * tangent.constant_variance),
            "amplitude": np.abs(net) / total, "intrinsic_scatter": scatter,
            "chi2_reduced": errors.chi2_reduced, "significance": significance,
            "sense_significance": np.abs(net) / net_error,
            "area_fraction": [np.sum(self.rows[i].area * self.data.kept[i])
                              / self.rows[i].n_valid for i in which],
            "n_data": self.count[which],
            "n_clipped": [len(self.rows[i]) - self.count[i] for i in which],
        }
        bits = self._flags(which, values, solution, correlation, rotates, unit, gross / total)
        values["flags"] = bits
        return self._package(which, values, rotates, solution, tangent, posteriors)

    def _look_at_data(self, errors, which, solution, tangent):
        """Fill in what the residuals of some fields say of the errors."""
        coefficients = np.column_stack([tangent.constant, tangent.coefficients]) @ self.used
        direction = np.column_stack([tangent.direction_constant, tangent.direction]) @ self.used
        for j, i in enumerate(which):
            kept, weight = self.data.kept[i], self.data.weight[i]
            own = self.data.columns[:-1, self.data.slices[i]]
            residual, = self.data.residuals([i], coefficients[j:j + 1])
            freedom = self.count[i] - solution.parameters
            if self.data.variance[i] is not None:
                errors.chi2_reduced[i] = np.sum((residual**2 / self.data.variance[i])[kept]) / freedom
            change = direction[j] @ own
            if self.options.weights == "area":
                # sandwich: a bin of many spaxels weighs more, but is not better known
                level = np.sum(weight * residual**2)
                errors.weighting[i] = (np.sum((weight * change * residual)**2)
                                       * self.count[i] / level / np.sum(weight * change**2))
                scaled, influence = residual * kept, weight * change
            else:
                scaled, influence = residual * np.sqrt(weight), change * np.sqrt(weight)
            if self.options.correlated:
                shape = self.fields[i].shape
                if is_correlated(scaled, neighbours(self.rows[i], shape)):
                    errors.correlation[i] = inflation(self.rows[i], shape, scaled, influence,
                                                      solution.parameters)
                else:
                    errors.correlation[i] = 1.

    @staticmethod
    def _bounds(pa, sigma, freedom, posteriors):
        """Return lower and upper 68%, lower and upper 95% bound relative to the angle."""
        half_68, half_95 = normal_intervals(sigma, freedom)
        bounds = np.array([-half_68, half_68, -half_95, half_95])
        # given the sense, the angle lies within 90 deg
        offsets = np.arange(-90., 90., 0.5)
        for i in np.flatnonzero(half_68 > NORMAL_BELOW):
            log = posteriors[i].given_sense(pa[i] + offsets)
            bounds[:, i] = grid_intervals(offsets, log[:, None])[:, 0]
        return bounds

    def _flags(self, which, values, solution, correlation, rotates, unit, gross):
        """Return the bits of some fields."""
        # weighted mean of signed over that of unsigned rotation: how much cancels
        balance = values["amplitude"] / np.maximum(gross, 1e-300)
        turn = np.abs(angle_difference(values["pa_inner"], values["pa_outer"]))
        turn_error = np.hypot(values["pa_inner_err"], values["pa_outer_err"])
        scan, angles = solution.scan, len(solution.scan)
        peak = (scan >= np.roll(scan, 1, axis=0)) & (scan >= np.roll(scan, -1, axis=0))
        grid = np.arange(angles)[:, None] * 180. / angles
        away = np.abs(angle_difference(2 * grid, 2 * np.degrees(solution.theta))) > 60.
        near = (solution.explained - scan) / unit < 9.
        conditions = {
            "NO_ROTATION": ~rotates,
            "AMBIGUOUS_SENSE": rotates & ((values["sense_significance"] < 3.) | (balance < 0.2)),
            "CORRELATED_NOISE": correlation > 1.5,
            "OUTLIERS_CLIPPED": np.array(values["n_clipped"]) > 0.02 * values["n_data"],
            "INNER_OUTER_DIFFER": rotates & (turn > 30.) & (turn > 3. * turn_error),
            "MULTIMODAL": rotates & np.any(peak & away & near, axis=0),
            "INCOMPLETE_AZIMUTH": np.array([_has_gap(self.rows[i]) for i in which]),
            "POOR_FIT": rotates & (values["intrinsic_scatter"] > values["amplitude"] / 2),
        }
        return sum(np.where(on, flag_bits(name), 0) for name, on in conditions.items())

    def _package(self, which, values, rotates, solution, tangent, posteriors):
        """Return the results as objects."""
        lists = {name: np.asarray(value).tolist() for name, value in values.items()}
        coefficients = np.column_stack([tangent.constant, tangent.coefficients]) @ self.used
        coefficients[:, 0] += self.offset[which]
        results = []
        for j, i in enumerate(which):
            mine = {name: value[j] for name, value in lists.items()}
            posterior, model = posteriors[j], partial(
                _model_velocity, self.fields[i], self.options.center, self.outer[i],
                coefficients[j])
            if not rotates[j]:
                kept = ("v_sys", "v_sys_err", "significance", "area_fraction", "n_data",
                        "n_clipped", "flags")
                mine = {name: mine[name] for name in kept}
                posterior = model = None
            results.append(PositionAngle(mine, "harmonic", self.options.weights,
                                         solution.harmonics, self.fields[i], posterior, model))
        return results


def _has_gap(rows):
    """Whether more than a quarter of the azimuth holds no spaxel."""
    sector = np.floor(np.arctan2(rows.east, rows.north) * (SECTORS / (2 * np.pi))).astype(int)
    filled = np.flatnonzero(np.bincount(sector % SECTORS, minlength=SECTORS))
    gaps = np.diff(filled, append=filled[0] + SECTORS) - 1
    return bool(gaps.max() >= EMPTY_SECTORS)


def _model_velocity(field, center, outer, coefficients):
    """Return the model velocity at every spaxel of the field, in km/s."""
    columns = basis.columns(field.east.value.ravel() - center[0],
                            field.north.value.ravel() - center[1], outer)
    return (coefficients @ columns).reshape(field.shape)
