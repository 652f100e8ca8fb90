"""`classify`: the quality of fields and galaxies, in one call."""

from kinmis.classifier.model import load_model

__all__ = ["classify"]


def classify(items, *, min_confidence=None, clean=True, model=None):
    """
    Classify velocity fields as an expert would: 0 do not use, 1 messy, 2 clean.

    A field that was read together with the other component of its galaxy is seen beside it.
    Fields that have not been cleaned are cleaned first, with the default options of
    `kinmis.clean`; the result says so.

    Parameters
    ----------
    items : `~kinmis.VelocityField`, `~kinmis.Galaxy`, or sequence of them
        One or many; None in a sequence gives a result without data. Any spaxel size, field of
        view, and lists of bins. A field that does not say its component counts as one of stars.
    min_confidence : float, optional
        From 0.5 to 1: where the probability of the more probable of usable and not usable is
        lower, there is no verdict (``quality`` is None).
    clean : bool
        Whether to clean fields that have not been cleaned. The networks know cleaned fields
        only.
    model : `~kinmis.classifier.Classifier`, optional
        By default the one that comes with kinmis.

    Returns
    -------
    results : `~kinmis.Classification`, `~kinmis.classifier.GalaxyClassification`, or list
        One for each item, in order.

    Raises
    ------
    TypeError
        If something is neither field nor galaxy.
    ValueError
        If ``min_confidence`` is out of its range.
    ImportError
        If Keras or JAX is missing: ``pip install "kinmis[classifier]"``.
    kinmis.classifier.ModelError
        If the model's files are damaged.

    Notes
    -----
    Networks look at each field in 16 views (the symmetries of the square, either sign of
    velocity); their answers are averaged and calibrated on galaxies that they were not trained
    on. Training data are maps of MaNGA with labels of [1]_; the model card tells how far that
    carries. A field whose ``ood_score`` is above 1 is unlike all of them.

    References
    ----------
    .. [1] Duckworth, C., et al. 2020, MNRAS, 492, 1869

    Examples
    --------
    >>> from kinmis import classify, mock
    >>> results = classify([mock.galaxy(pa_stellar=40, seed=1), None])
    >>> results[0].gas.quality, results[1].label
    (2, 'no data')
    """
    return (load_model() if model is None else model).classify(
        items, min_confidence=min_confidence, clean=clean)
