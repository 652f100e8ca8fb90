"""Classification as a stage of the catalogue: which model, and what goes into the row."""

from importlib.util import find_spec

from kinmis._input import COMPONENTS
from kinmis.classifier.backend import NEEDS
from kinmis.position_angle.fit import _threads

__all__ = ["choose_model", "classify_galaxies"]


def choose_model(classify):
    """
    Decide, once for a run, whether to classify and with which model.

    Parameters
    ----------
    classify : bool or "auto"
        "auto" classifies where the packages are installed that it takes.

    Returns
    -------
    model : str or None
        Name and version; None for no classification.

    Raises
    ------
    ValueError
        If the option has another value.
    ImportError
        If it is asked for and a package is missing.
    """
    if classify not in (True, False, "auto"):
        raise ValueError(f"classify must be True, False or 'auto', not {classify!r}")
    if classify is False:
        return None
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing and classify == "auto":
        return None
    if missing:
        raise ImportError(f"classification needs {' and '.join(missing)}; install them with "
                          'pip install "kinmis[classifier]", or give classify=False')
    from kinmis.classifier.model import model_id
    return model_id()


def classify_galaxies(galaxies, model):
    """
    Classify a batch of galaxies.

    Parameters
    ----------
    galaxies : list of `~kinmis.Galaxy`
        As the classifier is to see them: nothing is cleaned here.
    model : str
        The model that was chosen for the run.

    Returns
    -------
    rows : list of dict
        For each galaxy, from component to a dict of plain numbers.

    Raises
    ------
    RuntimeError
        If the model here is another one.
    """
    from kinmis import classifier
    from kinmis.classifier.model import model_id
    if model_id() != model:
        raise RuntimeError(f"this process has the model {model_id()}, but the run began with "
                           f"{model}; install one version everywhere")
    # sums must come in the same order however many cores there are
    with _threads().limit(limits=1, user_api="blas"):
        # cleaned, or left as they are, by the stage before
        results = classifier.classify(galaxies, clean=False)
    rows = []
    for galaxy, result in zip(galaxies, results):
        found = {component: getattr(result, component) for component in COMPONENTS
                 if component in galaxy.fields}
        rows.append({component: _numbers(one) for component, one in found.items()
                     if one is not None})
    return rows


def _numbers(result):
    return {"quality": result.quality, "usable": result.usable, "ood_score": result.ood_score,
            "flags": int(result.flags),
            **{f"p{value}": p for value, p in enumerate(result.probabilities)}}
