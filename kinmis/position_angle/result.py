"""`PositionAngle`: what a fit of the position angle says."""

import html
from dataclasses import dataclass, field

import astropy.units as u
import numpy as np

from kinmis._units import KMS
from kinmis.flags import decode_flags

__all__ = ["PositionAngle"]

# name -> (unit, what a fit that found nothing gives)
VALUES = {
    "pa": (u.deg, np.nan), "pa_err": (u.deg, np.nan),
    "pa_lower_68": (u.deg, np.nan), "pa_upper_68": (u.deg, np.nan),
    "pa_lower_95": (u.deg, np.nan), "pa_upper_95": (u.deg, np.nan),
    "pa_inner": (u.deg, np.nan), "pa_inner_err": (u.deg, np.nan),
    "pa_outer": (u.deg, np.nan), "pa_outer_err": (u.deg, np.nan),
    "v_sys": (KMS, np.nan), "v_sys_err": (KMS, np.nan),
    "amplitude": (KMS, np.nan), "intrinsic_scatter": (KMS, np.nan),
    "chi2_reduced": (None, np.nan), "significance": (None, np.nan),
    "sense_significance": (None, np.nan), "area_fraction": (None, np.nan),
    "n_data": (None, 0), "n_clipped": (None, 0), "flags": (None, 0),
}


def _quantity(name, description):
    def get(self):
        return self.values[name] * VALUES[name][0]
    return property(get, doc=description)


def _number(name, description):
    def get(self):
        return self.values[name]
    return property(get, doc=description)


@dataclass(frozen=True, eq=False, repr=False)
class PositionAngle:
    """
    A global kinematic position angle with its errors and what else the fit found.

    `kinmis.fit_pa` makes it. Angles run from North through East to the receding side, in
    [0, 360) deg. Where no angle could be measured, `pa` is NaN and `flags` say why.

    Parameters
    ----------
    values : dict
        Plain numbers by name, in deg and km/s; what is missing gets its default.
    method : str
        The engine: "harmonic", "bisymmetric" or "pafit".
    weights : str
        "bins" or "area".
    harmonics : tuple of int
        The harmonics m of the model.
    source : `~kinmis.VelocityField`, optional
        The field that was fitted.
    posterior_of : callable, optional
        Function from angles in deg to unnormalised log posterior density.
    model_of : callable, optional
        Function of no argument that returns the model velocity at each spaxel of the
        field, in km/s.
    center : pair of float
        Centre of the fit, arcsec to the East and North of the field's own.

    Examples
    --------
    >>> from kinmis import mock
    >>> fit = mock.velocity_field(pa=40, seed=1).fit_pa()
    >>> fit.ok, fit.flag_names
    (True, [])
    >>> print(fit.pa.round())
    40.0 deg
    >>> fit.model()
    <VelocityField: stellar, 48 x 48, 1279 valid, ... km/s>
    """

    values: dict
    method: str = "harmonic"
    weights: str = "bins"
    harmonics: tuple = (1,)
    source: object = None
    posterior_of: object = field(default=None)
    model_of: object = field(default=None)
    center: tuple = (0., 0.)

    def __post_init__(self):
        defaults = {name: default for name, (_, default) in VALUES.items()}
        unknown = self.values.keys() - defaults.keys()
        if unknown:
            raise KeyError(f"a PositionAngle has no value named {sorted(unknown)}")
        object.__setattr__(self, "values", {**defaults, **self.values})

    pa = _quantity("pa", "Position angle of the receding side, [0, 360) deg; NaN for none.")
    pa_err = _quantity("pa_err", "1-sigma error: half of the 68% interval (deg).")
    pa_inner = _quantity("pa_inner", "Angle of the inner half in radius (deg).")
    pa_inner_err = _quantity("pa_inner_err", "1-sigma error of `pa_inner` (deg).")
    pa_outer = _quantity("pa_outer", "Angle of the outer half in radius (deg).")
    pa_outer_err = _quantity("pa_outer_err", "1-sigma error of `pa_outer` (deg).")
    v_sys = _quantity("v_sys", "Systemic velocity relative to the field's zero (km/s).")
    v_sys_err = _quantity("v_sys_err", "1-sigma error of `v_sys` (km/s).")
    amplitude = _quantity("amplitude", "Weighted mean rotation amplitude, projected (km/s).")
    intrinsic_scatter = _quantity(
        "intrinsic_scatter", "Scatter about the model beyond the errors, or all of it where "
        "the field has no errors (km/s).")
    chi2_reduced = _number("chi2_reduced", "Reduced chi-square with the field's own errors; "
                                           "NaN where it has none.")
    significance = _number("significance", "Significance of the rotation in standard deviations "
                                           "of a normal distribution, at most 37; below 3.09 "
                                           "(one chance in 1000) there is no angle.")
    sense_significance = _number("sense_significance", "Net rotation over its error: how sure the "
                                                       "receding side is.")
    area_fraction = _number("area_fraction", "Fraction of the valid area that the fit used.")
    n_data = _number("n_data", "Number of independent data used.")
    n_clipped = _number("n_clipped", "Number of data clipped as outliers.")
    flags = _number("flags", "Bits; see `flag_names` and `kinmis.flags.FLAGS`.")

    @property
    def interval_68(self):
        """Bounds of the 68% interval (deg); they may lie outside [0, 360)."""
        return [self.values["pa_lower_68"], self.values["pa_upper_68"]] * u.deg

    @property
    def interval_95(self):
        """Bounds of the 95% interval (deg); they may lie outside [0, 360)."""
        return [self.values["pa_lower_95"], self.values["pa_upper_95"]] * u.deg

    @property
    def flag_names(self):
        """Names of the flags that are set."""
        return decode_flags(self.flags)

    @property
    def ok(self):
        """Whether there is an angle."""
        return bool(np.isfinite(self.values["pa"]))

    def posterior(self, angles=None):
        """
        Return the posterior probability density of the angle.

        Parameters
        ----------
        angles : `~astropy.units.Quantity` or array-like, optional
            Evenly spaced angles that cover the circle, in deg; by default every degree
            from 0 to 359.

        Returns
        -------
        density : `~numpy.ndarray`
            Per degree; it sums to one over the angles times their spacing. Flat where
            nothing is known.
        """
        angles = (np.arange(360.) if angles is None
                  else np.asarray(u.Quantity(angles, u.deg).value, float))
        if self.posterior_of is None or not self.ok:
            return np.full(angles.shape, 1 / 360)
        log = self.posterior_of(angles)
        density = np.exp(log - log.max())
        return density / (density.sum() * 360 / angles.size)

    def model(self):
        """
        Return the best model as a field that plots beside the data.

        Returns
        -------
        model : `~kinmis.VelocityField`
            Without uncertainty; masked where the field is.

        Raises
        ------
        ValueError
            If the fit found no angle, or the engine has no model.
        """
        return self.source._replace(data=self._model_velocity(), uncertainty=None, partner=None)

    def residual(self):
        """
        Return data minus model as a field.

        Returns
        -------
        residual : `~kinmis.VelocityField`

        Raises
        ------
        ValueError
            If the fit found no angle, or the engine has no model.
        """
        return self.source._replace(data=self.source.data - self._model_velocity(), partner=None)

    def _model_velocity(self):
        if self.model_of is None or self.source is None:
            raise ValueError(f"this {self.method} fit has no model "
                             f"({', '.join(self.flag_names) or 'no field kept'})")
        return self.model_of()

    def _facts(self):
        if not self.ok:
            return {"pa": "none", "flags": ", ".join(self.flag_names) or "none"}
        facts = {"pa": f"{self.pa.value:.1f} +/- {self.pa_err.value:.1f} deg",
                 "v_sys": f"{self.v_sys.value:.1f} +/- {self.v_sys_err.value:.1f} km/s",
                 "rotation": f"{self.significance:.1f} sigma",
                 "flags": ", ".join(self.flag_names) or "none"}
        return {label: text for label, text in facts.items() if "nan" not in text}

    def __repr__(self):
        facts = self._facts()
        pa = facts.pop("pa")
        return f"<PositionAngle: {pa}; " + "; ".join(
            f"{label} {text}" for label, text in facts.items()) + ">"

    __str__ = __repr__

    def _repr_html_(self):
        rows = "".join(f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
                       f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
                       for label, text in self._facts().items())
        return f"<table><caption>PositionAngle</caption>{rows}</table>"
