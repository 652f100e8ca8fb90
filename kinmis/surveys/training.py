"""What the fields are like that the classifier was trained on."""

from dataclasses import dataclass

__all__ = ["TRAINING", "TrainingRange"]


@dataclass(frozen=True)
class TrainingRange:
    """
    Between what values the training fields lie.

    Parameters
    ----------
    low, high : float
        The range.
    unit : str
        Unit, empty for a pure number.
    source : str
        Where it comes from.

    Examples
    --------
    >>> from kinmis.surveys import TRAINING
    >>> 5.0 in TRAINING["sampling"], 1.0 in TRAINING["sampling"]
    (True, False)
    """

    low: float
    high: float
    unit: str
    source: str

    def __contains__(self, value):
        return self.low <= value <= self.high


_MEASURED = "measured: 1st to 99th percentile of the 10,400 maps, rounded outward"

TRAINING = {
    "extent": TrainingRange(11.8, 32.6, "arcsec", _MEASURED),
    "spaxels": TrainingRange(23, 66, "spaxels", _MEASURED),
    "roundness": TrainingRange(0.33, 0.96, "", _MEASURED),
    "coverage": TrainingRange(0.71, 1.0, "", _MEASURED),
    "offset": TrainingRange(0.0, 0.27, "", _MEASURED),
    "bins": TrainingRange(12, 1630, "bins", _MEASURED),
    "velocity": TrainingRange(14, 450, "km/s", _MEASURED),
    "spaxel": TrainingRange(0.45, 0.55, "arcsec", "0.5 arcsec; a tenth either way"),
    "resolution": TrainingRange(4.6, 13.0, "PSF widths",
                                "extent over the median PSF of 2.54 arcsec (Law et al. 2016)"),
    "sampling": TrainingRange(4.0, 6.0, "spaxels",
                              "five spaxels of 0.5 arcsec; a fifth either way"),
    "reach": TrainingRange(1.0, 3.75, "effective radii",
                           "1.5 or 2.5 by design (Wake et al. 2017); a factor of 1.5 either way"),
    "redshift": TrainingRange(0.01, 0.15, "", "Hsieh et al. 2017"),
}
"""
Ranges of the training set: 10,400 maps of 5,200 galaxies of MaNGA, MPL-8, in hexagons of 12 to 32
arcsec, on grids of 32 to 76 spaxels of 0.5 arcsec.

Stars and H-alpha have the same Voronoi bins, and were cleaned by clipping at 3 sigma and dropping
detached regions, as `kinmis.clean` does. `kinmis.surveys.describe` measures the same quantities
of a field, and ``benchmarks/bench_training_set.py`` those of the maps.
"""
