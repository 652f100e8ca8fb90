"""The fit of a block of fields that have the same number of radial functions."""

from functools import partial

import numpy as np
from scipy.special import fdtrc, ndtri

from kinmis.flags import flag_bits
from kinmis.position_angle import basis
from kinmis.position_angle.circular import angle_difference, wrap_360
from kinmis.position_angle.correlation import inflation, is_correlated
from kinmis.position_angle.posterior import (ALWAYS_NORMAL, NEVER_NORMAL, Posterior,
                                             grid_intervals, is_normal, normal_intervals)
from kinmis.position_angle.result import PositionAngle
from kinmis.position_angle.solution import Choice, blocks, reduce, rotation_chi2
from kinmis.position_angle.tangent import inner_and_outer, linearise, net_rotation
from kinmis.position_angle.weighting import Block

#: Significance that counts as rotation: one false alarm in a thousand fields of noise.
THRESHOLD = -ndtri(1e-3)

#: Degrees of freedom that a rotation fitted to noise takes up, by number of radial functions:
#: amplitudes, and an angle whose effect is less than that of one linear parameter.
ROTATION_FREEDOM = {4: 5.8, 2: 3.6, 1: 2.}

#: What is still known of a field without rotation.
WITHOUT_ROTATION = ("v_sys", "v_sys_err", "significance", "area_fraction", "n_data", "n_clipped",
                    "flags")


class BlockFit:
    """
    The fit of B fields.

    Parameters
    ----------
    fields : list of `~kinmis.VelocityField`
        The fields.
    rows : list of `~kinmis.position_angle.rows.FieldRows`
        Their rows.
    nodes : {1, 2, 4}
        Number of radial functions.
    options : `~kinmis.position_angle.harmonic.Options`
        How.
    """

    def __init__(self, fields, rows, nodes, options):
        self.fields, self.rows, self.nodes, self.options = fields, rows, nodes, options
        self.used = blocks(nodes)
        # small numbers keep their digits when they are squared
        self.offset = np.array([r.velocity.sum() / len(r) for r in rows])
        self.data = Block([r.columns for r in rows],
                          [r.velocity - v for r, v in zip(rows, self.offset)],
                          [None if r.ivar is None else 1. / r.ivar for r in rows])
        # few data would be followed by a free fit of all harmonics
        free = self.used if nodes == basis.K else self.used[:1 + 2 * nodes]
        self.data.iterate(free, options.clip)
        # whether there is rotation at all does not depend on how the angle is weighted
        self.tests = {n: rotation_chi2(reduce(self.data.gram, blocks(n)))
                      for n in ROTATION_FREEDOM if n <= nodes}
        if options.weights == "area":
            for i, r in enumerate(rows):
                self.data.set_area(i, r.area)
        self.count = np.array([np.count_nonzero(kept) for kept in self.data.kept])
        self.reduced = reduce(self.data.gram, self.used)
        self.correlation, self.seen, self.weighting = np.ones((3, len(rows)))
        self.chi2_reduced = np.full(len(rows), np.nan)

    def results(self):
        """
        Return the results.

        Returns
        -------
        results : list of `~kinmis.PositionAngle`
            One for each field, in order.
        """
        evenness = [w.sum()**2 / (w @ w) / np.count_nonzero(w) for w in self.data.weight]
        choice = Choice(self.reduced, self.count, np.array(evenness), self.options.harmonics)
        tangent = linearise(self.reduced, choice)
        self._look_at_data(range(len(self.rows)), choice, tangent)
        # Correlated noise looks like structure: choose again with fewer data. How correlated
        # the noise is can't be told from structure either, so meet in the middle.
        changed = choice.choose(self.count / np.sqrt(self.correlation))
        if len(changed):
            tangent = linearise(self.reduced, choice)
            self._look_at_data(changed, choice, tangent)
        return self._describe(choice, tangent)

    def _look_at_data(self, which, choice, tangent):
        """Find out how correlation and weights widen the errors of some fields."""
        # residual and influence of each datum on the angle, from one product
        model = np.column_stack([tangent.constant, tangent.coefficients]) @ self.used
        change = np.column_stack([tangent.direction_constant, tangent.direction]) @ self.used
        both = np.stack([model, change], axis=1)
        for i, (fitted, change) in self.data.evaluate(which, both):
            residual, weight = self.data.velocity[i] - fitted, self.data.weight[i]
            if self.data.variance[i] is not None:
                kept = self.data.kept[i]
                self.chi2_reduced[i] = np.sum((residual**2 / self.data.variance[i])[kept]) / (
                    self.count[i] - choice.parameters[i])
            if self.options.weights == "area":
                # sandwich: a bin of many spaxels weighs more, but is not better known
                moved = weight * change * residual
                alike = (weight @ residual**2) * (weight @ change**2) / self.count[i]
                if alike > 0:
                    self.weighting[i] = moved @ moved / alike
                scaled, influence = residual * (weight > 0), weight * change
            else:
                rooted = np.sqrt(weight)
                scaled, influence = residual * rooted, change * rooted
            self.correlation[i] = self.seen[i] = 1.
            if self.options.correlated:
                layout = self.rows[i].layout
                # data on one line say nothing of the angle
                if influence.any() and is_correlated(scaled, layout.neighbours):
                    self.correlation[i], self.seen[i] = inflation(layout, scaled, influence,
                                                                  choice.parameters[i])

    def _significance(self):
        """
        Return the significance of rotation in standard deviations of a normal distribution.

        That of the number of radial functions with which it is most certain: weak or badly
        sampled rotation shows better with few.
        """
        # between what the residuals show and what the noise may be: the former sounds too many
        # false alarms, the latter misses rotation of real galaxies with structure
        effective = self.count / np.sqrt(self.seen * self.correlation)
        chance = np.ones(len(effective))
        for nodes, (explained, chi2) in self.tests.items():
            taken = ROTATION_FREEDOM[nodes]
            freedom = np.maximum(effective - nodes - 2., effective / 4.)
            ratio = np.maximum(explained, 0.) / taken * freedom / chi2
            chance = np.minimum(chance, fdtrc(taken, freedom, ratio))
        return np.maximum(-ndtri(np.clip(chance * len(self.tests), 1e-300, 1.)), 0.)

    def _describe(self, choice, tangent):
        """Return the results, given the choice of harmonics."""
        # correlated noise leaves fewer independent data, and each parameter fits more of it
        effective = self.count / self.correlation
        freedom = np.maximum(effective - choice.parameters, effective / 4.)
        noise = choice.chi2 / (freedom * self.correlation)
        unit = noise * self.correlation * self.weighting
        net, gross, variance = net_rotation(self.reduced, choice.theta)
        net_error = np.sqrt(unit * variance)
        weight = self.reduced.weight.sum(axis=1)
        pa = wrap_360(np.degrees(choice.theta) + np.where(net < 0, 180., 0.))
        posteriors = [Posterior(self.reduced.normal[i], self.reduced.right[i],
                                choice.harmonics(i), self.reduced.weight[i], net_error[i],
                                unit[i], freedom[i]) for i in range(len(pa))]
        sigma = np.degrees(np.sqrt(unit * tangent.theta_variance))
        second = choice.rotation.explained - choice.other < 9. * unit
        on_grid = second | ~self._normal(choice, sigma, unit)
        bounds = _bounds(pa, sigma, freedom, posteriors, on_grid)
        parts, parts_errors = np.degrees(inner_and_outer(self.reduced, unit))
        parts[parts_errors > 30.] = np.nan
        values = {
            "pa": pa, "pa_err": (bounds[1] - bounds[0]) / 2,
            "pa_lower_68": pa + bounds[0], "pa_upper_68": pa + bounds[1],
            "pa_lower_95": pa + bounds[2], "pa_upper_95": pa + bounds[3],
            "pa_inner": wrap_360(parts[0]), "pa_inner_err": parts_errors[0],
            "pa_outer": wrap_360(parts[1]), "pa_outer_err": parts_errors[1],
            "v_sys": self.offset + tangent.constant,
            "v_sys_err": np.sqrt(unit * tangent.constant_variance),
            "amplitude": np.abs(net) / weight, "intrinsic_scatter": self._scatter(noise),
            "chi2_reduced": self.chi2_reduced, "significance": self._significance(),
            "sense_significance": np.abs(net) / net_error,
            "area_fraction": [r.area @ kept / r.n_valid
                              for r, kept in zip(self.rows, self.data.kept)],
            "n_data": self.count,
            "n_clipped": np.array([len(r) for r in self.rows]) - self.count,
        }
        values["flags"] = self._flags(values, second, gross / weight)
        return self._package(values, choice, tangent, posteriors)

    def _normal(self, choice, sigma, unit):
        """Return whether the posterior of each field is normal."""
        normal = ~(sigma >= ALWAYS_NORMAL)
        for solution, mine, which in choice.groups():
            unsure = (sigma[which] >= ALWAYS_NORMAL) & (sigma[which] <= NEVER_NORMAL)
            mine, which = mine[unsure], which[unsure]
            if len(which):
                normal[which] = is_normal(
                    self.reduced.normal[which], self.reduced.right[which], solution.harmonics,
                    np.degrees(solution.theta[mine]), sigma[which], unit[which])
        return normal

    def _scatter(self, noise):
        """Return the intrinsic scatter; without errors to compare with, all of the scatter."""
        alone = np.array([r.ivar is None for r in self.rows])
        if self.options.weights == "area":
            alone[:] = True
        return np.sqrt(np.where(alone, noise * self.count / self.reduced.total,
                                self.data.scatter))

    def _flags(self, values, second, gross):
        """Return the bits."""
        rotates = values["significance"] > THRESHOLD
        # weighted mean of signed over that of unsigned rotation: how much cancels
        balance = values["amplitude"] / np.maximum(gross, 1e-300)
        turn = np.abs(angle_difference(values["pa_inner"], values["pa_outer"]))
        turn_error = np.hypot(values["pa_inner_err"], values["pa_outer_err"])
        conditions = {
            "NO_ROTATION": ~rotates,
            "AMBIGUOUS_SENSE": rotates & ((values["sense_significance"] < 3.) | (balance < 0.2)),
            "CORRELATED_NOISE": self.correlation > 1.5,
            "OUTLIERS_CLIPPED": values["n_clipped"] > 0.02 * values["n_data"],
            "INNER_OUTER_DIFFER": rotates & (turn > 30.) & (turn > 3. * turn_error),
            "MULTIMODAL": rotates & second,
            "INCOMPLETE_AZIMUTH": np.array([r.has_gap for r in self.rows]),
            "POOR_FIT": rotates & (values["intrinsic_scatter"] > values["amplitude"] / 2),
        }
        return sum(np.where(on, flag_bits(name), 0) for name, on in conditions.items())

    def _package(self, values, choice, tangent, posteriors):
        """Return the results as objects."""
        lists = {name: np.asarray(value).tolist() for name, value in values.items()}
        coefficients = np.column_stack([self.offset + tangent.constant,
                                        tangent.coefficients]) @ self.used
        results = []
        for i, field in enumerate(self.fields):
            mine = {name: value[i] for name, value in lists.items()}
            posterior = posteriors[i]
            model = partial(_model_velocity, field, self.options.center, self.rows[i].outer,
                            coefficients[i])
            if mine["significance"] <= THRESHOLD:
                mine = {name: mine[name] for name in WITHOUT_ROTATION}
                posterior = model = None
            results.append(PositionAngle(mine, "harmonic", self.options.weights,
                                         choice.harmonics(i), field, posterior, model,
                                         self.options.center))
        return results


def _bounds(pa, sigma, freedom, posteriors, on_grid):
    """Return lower and upper 68%, lower and upper 95% bound relative to the angle."""
    half_68, half_95 = normal_intervals(sigma, freedom)
    bounds = np.array([-half_68, half_68, -half_95, half_95])
    for i in np.flatnonzero(on_grid):
        # given the sense, the angle lies within 90 deg
        offsets = np.arange(-90., 90., 0.5 if sigma[i] > 2. else 0.25)
        log = posteriors[i].given_sense(pa[i] + offsets)
        bounds[:, i] = grid_intervals(offsets, log[:, None])[:, 0]
    return bounds


def _model_velocity(field, center, outer, coefficients):
    """Return the model velocity at every spaxel of the field, in km/s."""
    columns = basis.columns(field.east.value.ravel() - center[0],
                            field.north.value.ravel() - center[1], outer)
    return (coefficients @ columns).reshape(field.shape)
