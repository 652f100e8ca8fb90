"""One galaxy on its way through the catalogue: what was read, measured and went wrong."""

import re
from dataclasses import dataclass, field

from kinmis._input import COMPONENTS
from kinmis.catalogue.columns import COLUMNS
from kinmis.flags import FLAGS, decode_flags, flag_bits

__all__ = ["Measured", "error_text", "one_line"]

MAX_MESSAGE = 500
_NO_MEASUREMENT = {flag.name: flag.description[0].lower() + flag.description[1:]
                   for flag in FLAGS if flag.name in ("NO_DATA", "TOO_FEW_DATA")}
# an identifier that is no path; it stands in for the id of a galaxy that could not be read
_IDENTIFIER = re.compile(r"[\w.+-]*\d[\w.+-]*")
_FILE_SUFFIX = re.compile(r"\.[A-Za-z]{2,}\w*$")


@dataclass
class Measured:
    """
    What is known of one galaxy.

    Parameters
    ----------
    source : str
        Where it comes from, as text.
    galaxy : `~kinmis.Galaxy` or None
        The galaxy as it was read.
    fields : dict
        From component to the cleaned field.
    angles : dict
        From component to the `~kinmis.PositionAngle`, for the fields that there are.
    comparisons : dict
        From "misalignment", "common", "stellar_photometric" and "gas_photometric" to a dict
        of plain numbers in deg.
    quality : dict
        From component to a dict of what the classifier says.
    messages : list of str
        What is to be told.
    warned : bool
        Whether the source warns of its own quality.
    broken : bool
        Whether an error came in the way.
    """

    source: str
    galaxy: object = None
    fields: dict = field(default_factory=dict)
    angles: dict = field(default_factory=dict)
    comparisons: dict = field(default_factory=dict)
    quality: dict = field(default_factory=dict)
    messages: list = field(default_factory=list)
    warned: bool = False
    broken: bool = False

    def fail(self, error, what=""):
        """Note an error; ``what`` says what could not be done."""
        self.broken = True
        self.messages.append((f"{what}: " if what else "") + error_text(error))

    def compared(self, which):
        """Return the numbers of a comparison, by default none."""
        return self.comparisons.get(which, {})

    def measured(self, component):
        """Whether the fit came to a result, be it that there is no rotation."""
        angle = self.angles.get(component)
        return angle is not None and (angle.ok or "NO_ROTATION" in angle.flag_names)

    @property
    def id(self):
        """Name of the galaxy."""
        if self.galaxy is not None and self.galaxy.id is not None:
            return str(self.galaxy.id)
        if _IDENTIFIER.fullmatch(self.source) and not _FILE_SUFFIX.search(self.source):
            return self.source
        return None

    @property
    def status(self):
        """ok, partial or failed; see the description of the column."""
        count = sum(self.measured(component) for component in COMPONENTS)
        if not count:
            return "failed"
        return "ok" if count == 2 and not self.broken else "partial"

    @property
    def flags(self):
        """All flags of the galaxy."""
        bits = self.compared("misalignment").get("flags", 0)
        for component in COMPONENTS:
            bits |= self.component_flags(component) or 0
        if self.warned:
            bits |= flag_bits("SOURCE_WARNING")
        if self.status == "failed":
            bits |= flag_bits("FAILED")
        return bits

    def component_flags(self, component):
        """Flags of one field; None where the galaxy could not even be read."""
        angle = self.angles.get(component)
        if angle is not None:
            return int(angle.flags) | self.quality.get(component, {}).get("flags", 0)
        if self.galaxy is not None and component not in self.galaxy.fields:
            return flag_bits("NO_DATA")
        return None

    stellar_flags = property(lambda self: self.component_flags("stellar"))
    gas_flags = property(lambda self: self.component_flags("gas"))
    stellar_harmonic = property(lambda self: self._harmonic("stellar"))
    gas_harmonic = property(lambda self: self._harmonic("gas"))

    def _harmonic(self, component):
        angle = self.angles.get(component)
        return max(angle.harmonics) if angle is not None and angle.ok else None

    @property
    def message(self):
        """One line of ASCII, which every format can hold; None where all is well."""
        parts = list(dict.fromkeys(self.messages))
        if self.galaxy is not None:
            parts += filter(None, map(self._lack, COMPONENTS))
        text = one_line("; ".join(parts)).encode("ascii", "backslashreplace").decode()
        return (text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE - 3] + "...") or None

    def _lack(self, component):
        """Say why a field has no result, where no error has said it."""
        if component not in self.galaxy.fields:
            return f"there is no {component} field"
        angle = self.angles.get(component)
        if angle is None or self.measured(component):
            return None
        reasons = [_NO_MEASUREMENT.get(name, name) for name in decode_flags(angle.flags)]
        return f"{component}: {'; '.join(reasons) or 'no result'}"

    def values(self):
        """
        Return the values of all columns.

        Returns
        -------
        values : dict
            None where there is no value.
        """
        values = {}
        for name, get, cast in _IN_ORDER:
            try:
                value = get(self)
                values[name] = None if value is None else cast(value)
            except Exception as error:  # told in the row
                self.fail(error, name)
                values[name] = None
        return values


_SUMS = ("status", "flags", "message")
# last what sums up the others, since a value may fail: metadata come from anywhere
_IN_ORDER = tuple((column.name, column.get, {str: str, float: float}.get(column.dtype, int))
                  for column in sorted(COLUMNS, key=lambda column: column.name in _SUMS))


def error_text(error):
    """
    Say an error in one line: its class and what it says.

    Of a message of several lines the first is kept; a clause at its end that announces the
    others is dropped.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    text : str
    """
    # the text of a KeyError comes in quotes
    text = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)
    first = (text.strip().splitlines() or [""])[0]
    first = re.sub(r"[;.] [^;.]*:$", "", first)
    return f"{type(error).__name__}: {first}".rstrip(": ")


def one_line(text):
    """Return the text with every run of white space and control characters as one space."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()
