"""What a picture says in words about a field, its angle and a misalignment."""

from typing import NamedTuple

import astropy.units as u
import numpy as np

from kinmis._units import scalar_in
from kinmis.position_angle import PositionAngle

COMPONENTS = {"stellar": "Stars", "gas": "Gas", None: "Velocity"}
LINES = {"Ha": r"H$\alpha$", "Hb": r"H$\beta$", "Hg": r"H$\gamma$", "OIII": "[O III]",
         "OII": "[O II]", "NII": "[N II]", "SII": "[S II]"}
# where lower case without underscores would not be plain enough
FLAG_WORDS = {
    "NO_ROTATION": "no rotation detected", "AMBIGUOUS_SENSE": "receding side uncertain",
    "INNER_OUTER_DIFFER": "inner and outer PA differ",
    "MULTIMODAL": "a second PA fits nearly as well",
    "SOURCE_WARNING": "quality warning of the source",
}


class Angle(NamedTuple):
    """The angle that a picture shows, in deg, and what goes with it; NaN for none."""

    pa: float
    lower: float = np.nan
    upper: float = np.nan
    v_sys: float = np.nan
    flags: tuple = ()
    result: PositionAngle | None = None
    center: tuple = (0., 0.)

    @property
    def ok(self):
        return bool(np.isfinite(self.pa))


def as_angle(pa, field):
    """
    Return the angle to draw, or None for no angle.

    Parameters
    ----------
    pa : `~kinmis.PositionAngle`, `~astropy.units.Quantity`, float, None or bool
        As for `kinmis.plotting.plot_field`.
    field : `~kinmis.VelocityField`
        Is fitted if ``pa`` is None.
    """
    if pa is False:
        return None
    if pa is None or pa is True:
        pa = field.fit_pa()
    if not isinstance(pa, PositionAngle):
        try:
            return Angle(scalar_in(pa, u.deg, "pa") % 360)
        except (TypeError, ValueError, u.UnitsError) as error:
            raise type(error)("pa must be a PositionAngle, one angle, None (measure it) or "
                              f"False (draw none), not {pa!r}") from None
    lower, upper = pa.interval_68.value
    if not np.isfinite(lower + upper):
        lower, upper = pa.pa.value + pa.pa_err.value * np.array([-1, 1])
    return Angle(pa.pa.value, lower, upper, pa.v_sys.value, tuple(pa.flag_names), pa,
                 pa.center)


def plain(text):
    """Return text of the user's in which matplotlib finds no mathematics."""
    return str(text).replace("$", r"\$")


def name_of(field):
    """Return what moves: "Stars", or "Gas" with the emission line."""
    name = COMPONENTS[field.component]
    if field.line:
        ion = field.line.split("-")[0]
        name += f" ({LINES[ion] if ion in LINES else plain(field.line)})"
    return name


def angle_words(angle):
    """Return "PA 40.3 +/- 1.2 deg", or why there is none."""
    if angle is None:
        return ""
    if not angle.ok:
        return "no PA"
    return "PA " + _with_error(angle.pa, (angle.upper - angle.lower) / 2)


def remarks(field, angle, words):
    """Return what else is to be said of a field, as a list of a few words each."""
    said = list(words)
    if not field.n_valid:
        said.append("no valid spaxels")
    if angle is not None:
        said += [FLAG_WORDS.get(name, name.lower().replace("_", " ")) for name in angle.flags
                 if name != "NO_DATA"]
        if not angle.ok and not angle.flags:
            said.append("no angle found")
        if np.isfinite(angle.v_sys):
            said.append(rf"$V_\mathrm{{sys}}$ = {_signed(angle.v_sys)} km/s")
    return said


def misalignment_words(misalignment):
    """Return the angle between stars and gas, and how likely it is a misalignment."""
    if misalignment is None or not misalignment.ok:
        return ""
    threshold = misalignment.threshold.to_value(u.deg)
    probability = float(misalignment.probability)
    chance = ("> 0.99" if probability > 0.99 else "< 0.01" if probability < 0.01
              else f"= {probability:.2f}")
    return (f"misalignment {_with_error(misalignment.absolute.value, misalignment.error.value)}, "
            rf"$P$(> {threshold:g}$\degree$) {chance}")


def as_labels(labels):
    """Return extra words of the user's as a list; a `~kinmis.Classification` says its own."""
    if labels is None:
        return []
    one = isinstance(labels, str) or hasattr(labels, "words")
    return [plain(getattr(label, "words", label)) for label in ([labels] if one else labels)]


def _with_error(value, error):
    if not np.isfinite(error):
        return rf"{value:.1f}$\degree$"
    digits = 2 if error < 0.095 else 1 if error < 9.95 else 0
    return rf"{value:.{digits}f}$\degree$ $\pm$ {error:.{digits}f}$\degree$"


def _signed(value):
    # a true minus sign, and no minus before a zero
    return f"{round(value, 1) + 0:.1f}".replace("-", "\N{MINUS SIGN}")
