"""`caveats`: in what a field differs from those that the classifier was trained on."""

import html
from dataclasses import dataclass

import astropy.units as u

from kinmis.surveys import TRAINING, describe

__all__ = ["Caveat", "Caveats", "find_caveats"]

HALPHA = ("ha", "halpha", "h-alpha")


@dataclass(frozen=True)
class Caveat:
    """
    One thing in which a field differs from the training data.

    Parameters
    ----------
    name : str
        Short name, such as ``"binning"``.
    value : float or str or None
        What this field has; None where nothing tells it.
    range : tuple of float or str
        What the training fields have: lowest and highest value, or words.
    sentence : str
        The same as a sentence.

    Examples
    --------
    >>> from kinmis import mock
    >>> caveat = mock.velocity_field(size=60, seed=1).clean().caveats()[0]
    >>> caveat.name, caveat.range
    ('binning', 'Voronoi bins')
    >>> print(caveat)
    Each spaxel has a velocity of its own; in training fields stars and gas shared Voronoi bins.
    """

    name: str
    value: object
    range: object
    sentence: str

    def __str__(self):
        return self.sentence


class Caveats(tuple):
    """
    The caveats of a field: a tuple of `Caveat` that prints as text, a line each.

    Examples
    --------
    >>> from kinmis import mock
    >>> caveats = mock.velocity_field(bins=200, component="gas", seed=1).clean().caveats()
    >>> caveats, len(caveats)
    (None: the field is like those that the classifier was trained on., 0)
    """

    @property
    def names(self):
        """Names of the caveats."""
        return [caveat.name for caveat in self]

    def __str__(self):
        return "\n".join(map(str, self)) or (
            "None: the field is like those that the classifier was trained on.")

    __repr__ = __str__

    def _repr_html_(self):
        if not self:
            return f"<p>{html.escape(str(self))}</p>"
        return "<ul>" + "".join(f"<li>{html.escape(str(item))}</li>" for item in self) + "</ul>"


# what is compared with a range of numbers: name, words for below and above
_NUMBERS = (
    ("spaxels", "The field is {value:.0f} spaxels across; training fields are {low:.0f} to "
                "{high:.0f}."),
    ("resolution", "The field is {value:.1f} times as wide as the PSF{whose}; training fields "
                   "are {low:.0f} to {high:.0f} times."),
    ("sampling", "A width of the PSF{whose} is {value:.1f} spaxels; in training fields it is "
                 "about 5."),
    ("reach", "The field reaches {value:.1f} effective radii; training fields were meant to "
              "reach 1.5 or 2.5."),
    ("roundness", "The narrowest extent of the data is {value:.2f} of the widest; in training "
                  "fields, hexagons of which parts are missing, it is {low:.2f} to {high:.2f}."),
    ("coverage", "The data fill {value:.0%} of their outline; in training fields at least "
                 "{low:.0%}."),
    ("offset", "The data lie {value:.2f} of their radius off the centre of the galaxy; in "
               "training fields at most {high:.2f}."),
    ("bins", "The field has {value:.0f} independent data; training fields have {low:.0f} to "
             "{high:.0f}."),
    ("velocity", "Velocities spread by {value:.0f} km/s about the middle (5th to 95th "
                 "percentile); in training fields by {low:.0f} to {high:.0f} km/s."),
    ("redshift", "The redshift is {value:.3g}; training galaxies have {low} to {high}."),
)


def find_caveats(field):
    """
    Say in what a field differs from those that the classifier was trained on.

    This is about how far the judgement of the classifier, which learnt from maps of one
    survey, carries over. No position angle depends on it, except where a caveat says so.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        The field, as it is to be classified.

    Returns
    -------
    caveats : `Caveats`
        Empty for a field like the training fields.

    See Also
    --------
    kinmis.surveys.TRAINING : the ranges, and where they come from.

    Notes
    -----
    Where the metadata do not tell the PSF, that of the survey's profile is taken, and the
    sentence says so. Handedness of the array is no caveat, as positions on the sky count;
    that a file does not tell where East is, is one.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.caveats import find_caveats
    >>> find_caveats(mock.velocity_field(component="gas", size=60, seed=1))
    Each spaxel has a velocity of its own; in training fields stars and gas shared Voronoi bins.
    The field was not cleaned; training fields were. classify() cleans with the same options.
    The field is 121 spaxels across; training fields are 23 to 66.
    The field is 24.2 times as wide as the PSF; training fields are 5 to 13 times.
    The field has 9299 independent data; training fields have 12 to 1630.
    """
    numbers = describe(field)
    if numbers["extent"] is None:
        return Caveats([Caveat("empty", 0, "data", "The field has no valid data.")])
    return Caveats([*_of_kind(field), *_of_numbers(field, numbers)])


def _of_kind(field):
    """Yield what has no number."""
    if field.component is None:
        yield Caveat("component", None, "stellar or gas",
                     "Nothing tells whether these are stars or gas; the classifier was trained "
                     "on either, knowing which.")
    if field.line is not None and not field.line.lower().startswith(HALPHA):
        yield Caveat("line", field.line, "H-alpha",
                     f"The gas was measured from {field.line}; in training fields from H-alpha.")
    if field.data.ndim == 1:
        yield Caveat("list", "list of bins", "map",
                     "The field is a list of bins; training fields are maps. Its shape is "
                     "guessed from the positions.")
    elif field.bin_id is None or field.n_bins == field.n_valid:
        yield Caveat("binning", "spaxels", "Voronoi bins",
                     "Each spaxel has a velocity of its own; in training fields stars and gas "
                     "shared Voronoi bins.")
    shape = field.profile and field.profile.shape
    if shape not in (None, "hexagon"):
        yield Caveat("shape", shape, "hexagon",
                     f"The field of view of {field.profile.name} is a {shape}; training fields "
                     "are hexagons.")
    if field.meta.get("orientation") == "assumed":
        yield Caveat("orientation", "assumed", "told by the file",
                     "The file does not tell where North and East are; they are taken to be up "
                     "and left. Otherwise every angle is wrong, and may be mirrored.")
    if "cleaning" not in field.meta:
        yield Caveat("cleaning", "not cleaned", "cleaned at 3 sigma",
                     "The field was not cleaned; training fields were. classify() cleans with "
                     "the same options.")


def _of_numbers(field, numbers):
    """Yield what is out of the range of the training fields."""
    psf, whose = _psf(field)
    spaxel = numbers["spaxel"]
    values = {name: numbers[name] for name in ("roundness", "coverage", "offset", "bins",
                                               "velocity")}
    if spaxel:
        values["spaxels"] = numbers["extent"] / spaxel
    if psf:
        values["resolution"] = numbers["extent"] / psf
        if spaxel:
            values["sampling"] = psf / spaxel
    if whose or not psf:
        yield Caveat("psf", None, "2.5 arcsec",
                     "Nothing tells the PSF; that of training fields is 2.5 arcsec"
                     + (f", and usual for {field.profile.name} is {psf} arcsec." if psf else
                        ". Rotation within one PSF is hidden."))
    if not psf and spaxel and spaxel not in TRAINING["spaxel"]:
        expected = TRAINING["spaxel"]
        yield Caveat("spaxel", spaxel, (expected.low, expected.high),
                     f"Spaxels are {spaxel:.2g} arcsec; those of training fields 0.5 arcsec.")
    radius = _number(field.meta.get("reff"), u.arcsec)
    if radius:
        values["reach"] = numbers["extent"] / 2 / radius
    values["redshift"] = _number(field.meta.get("z"), u.one)
    for name, sentence in _NUMBERS:
        value, expected = values.get(name), TRAINING[name]
        if value is not None and value not in expected:
            yield Caveat(name, value, (expected.low, expected.high), sentence.format(
                value=value, low=expected.low, high=expected.high, whose=whose))


def _psf(field):
    """Return the width of the PSF (arcsec) and, if it is not this field's own, whose it is."""
    own = _number(field.meta.get("psf_fwhm"), u.arcsec)
    if own:
        return own, ""
    profile = field.profile
    if profile is None or profile.psf_fwhm is None:
        return None, ""
    return profile.psf_fwhm, f" (that usual for {profile.name})"


def _number(value, unit):
    """Return a number of the metadata, None where there is none or none that counts."""
    if isinstance(value, u.Quantity):
        value = value.to_value(unit)
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    return value if value > 0 and value < float("inf") else None
