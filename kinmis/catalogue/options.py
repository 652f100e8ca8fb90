"""Options of a measurement, checked before it starts."""

from dataclasses import dataclass, field

import astropy.units as u
import numpy as np

from kinmis._units import scalar_in

__all__ = ["Options", "options_of"]


@dataclass(frozen=True)
class Options:
    """
    How to read and measure a galaxy; it can be sent to another process.

    Parameters
    ----------
    format : str or None
        Format of the sources.
    reader : dict
        Options of the reader.
    clean : dict or None
        Options of `kinmis.clean`; None for no cleaning.
    fit : dict
        Options of `kinmis.fit_pa`.
    threshold : float
        Limit of a misalignment in deg.
    common : bool
        Whether to compare the fields over their common footprint too.
    model : str or None
        Name and version of the model that classifies; None for no classification.
    """

    format: str = None
    reader: dict = field(default_factory=dict)
    clean: dict = field(default_factory=dict)
    fit: dict = field(default_factory=dict)
    threshold: float = 30.
    common: bool = True
    model: str = None

    @classmethod
    def checked(cls, *, format, reader, clean, fit, threshold, common, classify=False):
        """
        Return options that work.

        They are tried on a small field first, so that a mistake in them is told at once and
        not by every galaxy.

        Raises
        ------
        ValueError, TypeError, ImportError
            What a wrong option, or a missing package, leads to.
        """
        limit = scalar_in(threshold, u.deg, "threshold")
        if limit is None:
            raise TypeError("threshold must be an angle, not None")
        if isinstance(clean, bool):
            clean = {} if clean else None
        elif not isinstance(clean, dict):
            raise TypeError("clean must be True, False or a dict of options, "
                            f"not {type(clean).__name__}")
        from kinmis.catalogue.classification import choose_model
        options = cls(format, dict(reader), clean, dict(fit), limit, bool(common),
                      choose_model(classify))
        options._try()
        return options

    def _try(self):
        from kinmis.galaxy import Galaxy
        from kinmis.misalignment import measure_misalignments
        from kinmis.velocity_field import VelocityField
        if self.format is not None:
            from kinmis.readers.formats import check_options, find, load_once
            load_once()
            check_options(find(self.format), self.reader)
        north, east = np.mgrid[-8:9, -8:9] * 0.5
        field = VelocityField.from_arrays(
            30 * east + np.hypot(east, north), east=east, north=north,
            error=np.ones(east.shape), meta={"reff": 2 * u.arcsec})
        if self.clean is not None:
            field = field.clean(**self.clean)
        measure_misalignments([Galaxy(stellar=field, gas=field)], clean=False, common=False,
                              threshold=self.threshold, **self.fit)

    def plain(self):
        """Return the options as plain values, for the metadata of a table."""
        return {"format": self.format, "reader": _texts(self.reader),
                "clean": False if self.clean is None else _texts(self.clean) or True,
                "fit": _texts(self.fit), "threshold_deg": self.threshold, "common": self.common,
                "model": self.model}


def _texts(options):
    kept = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, kept) else str(value)
            for name, value in options.items()}


def options_of(*, format=None, clean=True, weights="bins", method="harmonic", fit_options=None,
               threshold=30 * u.deg, common=True, classify="auto", **reader_options):
    """Return the checked options that the keywords of `kinmis.measure` stand for."""
    return Options.checked(
        format=format, reader=reader_options, clean=clean, threshold=threshold, common=common,
        fit={"method": method, "weights": weights, **(fit_options or {})}, classify=classify)
