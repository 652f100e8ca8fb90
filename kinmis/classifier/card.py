"""What was measured of the model that comes with the package: the numbers of its model card."""

import json

from kinmis.classifier.model import SHIPPED

__all__ = ["CARD", "read_card"]

#: File of the measurements, beside the model.
CARD = "card.json"


def read_card(folder=SHIPPED):
    """
    Return the description of a model and the measurements that belong to it.

    Parameters
    ----------
    folder : path, optional
        By default, the model that comes with the package.

    Returns
    -------
    card : dict
        ``model`` (the description), and what the scripts of the benchmarks wrote: ``test``,
        ``ablation``, ``transfer``, ``label_noise``, ``fine_tuning``.

    Raises
    ------
    ValueError
        If the measurements are of other weights.
    """
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    if card["sha256"] != model["sha256"]:
        raise ValueError(f"{folder / CARD} was measured with other weights than lie beside it")
    return {**card, "model": model}
