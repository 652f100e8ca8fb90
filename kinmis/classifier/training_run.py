"""`train`: from labelled galaxies to a model, in one reproducible run that can be killed."""

import json
from pathlib import Path

import numpy as np

from kinmis.classifier.backend import import_keras, weights_of
from kinmis.classifier.calibration import Calibration
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.evaluation import predict_cases, summarise
from kinmis.classifier.metrics import average_precision
from kinmis.classifier.model import Classifier
from kinmis.classifier.network import FEATURES, NOTES
from kinmis.classifier.outliers import Outliers
from kinmis.classifier.split import SALT, SPLITS
from kinmis.classifier.training import CHECKPOINT, TrainingConfig, train_member

__all__ = ["assemble", "train"]

#: A head stays if validation plates hold this many true ones, and its average precision is this
#: part of the way from guessing to perfection.
HEAD_COUNT, HEAD_SKILL = 5, 0.2


def train(data, out, *, members=2, config=None, name="kinmis-quality", version="1",
          progress=True):
    """
    Train a model.

    Networks of different seeds are trained one after the other on the training plates, and
    calibrated together on the validation plates. Test plates are not touched. A run that was
    killed goes on from the last whole epoch, and gives the same model.

    Parameters
    ----------
    data : path
        Folder of labelled galaxies, as for `~kinmis.classifier.dataset.load_dataset`.
    out : path
        Folder of the run: ``model/`` is the result, ``curves.png`` and ``network_*/curve.csv``
        the learning curves, ``run.json`` the settings.
    members : int
        Number of networks.
    config : `~kinmis.classifier.training.TrainingConfig`, optional
    name, version : str
        Of the model.
    progress : bool

    Returns
    -------
    model : `~kinmis.classifier.Classifier`

    Raises
    ------
    FileExistsError
        If ``out`` holds a run with other settings.
    FileNotFoundError, ValueError
        As for `~kinmis.classifier.dataset.load_dataset`; or if a side of the split is empty.
    """
    config = TrainingConfig() if config is None else config
    out = Path(out)
    settings = {"members": members, "name": name, "version": version, **config.to_dict()}
    _claim(out, settings)
    dataset = load_dataset(data, progress)
    sides = {side: dataset.take(dataset.sides == side) for side in ("train", "validation")}
    for side, (lattices, _) in sides.items():
        if not lattices:
            raise ValueError(f"no galaxy of {data} falls on the {side} side of the split, which "
                             f"goes by what stands before the first hyphen of its name; "
                             f"{len(dataset)} galaxies are too few to train from scratch: "
                             "fine_tune needs 50 to 300")
    weights = [_member(sides, config.with_seed(config.seed + k), out / f"network_{k}", progress)
               for k in range(members)]
    draw_curves(out)
    info = {"name": name, "version": version, "training": settings,
            "data": {"galaxies": {side: len(lattices) for side, (lattices, _) in sides.items()},
                     "split": {"salt": SALT, "shares": SPLITS}}}
    model = assemble(weights, config, sides["train"], sides["validation"], info)
    model.save(out / "model", overwrite=True)
    return model


def _claim(out, settings):
    """Make the folder of a run, or make sure that it is of the same run."""
    path = out / "run.json"
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != settings:
            raise FileExistsError(f"{out} holds a run with other settings (see {path}); give "
                                  "the same, or another folder")
        return
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _member(sides, config, folder, progress):
    """Return the weights of one network, trained now or before."""
    done = folder / "weights.npz"
    if done.exists():
        with np.load(done, allow_pickle=False) as file:
            return [file[f"arr_{k}"] for k in range(len(file.files))]
    model = train_member(*sides["train"], config, validation=sides["validation"],
                         folder=folder, progress=progress)
    weights = weights_of(model)
    partial = folder / "partial.npz"
    np.savez(partial, *weights)
    partial.rename(done)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    import_keras().backend.clear_session()
    return weights


def assemble(members, config, training, validation, info):
    """
    Make a model of trained networks: calibrate, and learn what is familiar.

    Parameters
    ----------
    members : list of lists of `~numpy.ndarray`
    config : `~kinmis.classifier.training.TrainingConfig`
    training, validation : tuple
        Lattices and labels.
    info : dict
        Name, version and description.

    Returns
    -------
    model : `~kinmis.classifier.Classifier`
    """
    ensemble = Ensemble(config.network, config.inputs, members)
    outliers = Outliers.fit(training[0], validation[0], config.inputs, config.seed)
    model = Classifier(ensemble, Calibration(), outliers, dict(info))
    held = predict_cases(model, validation[0])
    quality = validation[1].quality[held["galaxy"], held["component"]]
    labelled = quality >= 0
    seen = held["component"], held["paired"]
    model.calibration = Calibration.fit(held["logits"][labelled], quality[labelled],
                                        *(values[labelled] for values in seen))
    held["probabilities"] = model.calibration.probabilities(held["logits"], *seen)
    precision = head_precision(held, validation[1])
    model.info["heads"] = [head for head, (count, rate, value) in precision.items()
                           if count >= HEAD_COUNT and value - rate >= HEAD_SKILL * (1 - rate)]
    model.info["head_precision"] = {head: {"count": count, "rate": rate, "precision": value}
                                    for head, (count, rate, value) in precision.items()}
    model.info["validation"] = summarise(held, validation[1])
    return model


def head_precision(said, labels):
    """
    Return count, rate and average precision of each head, fields seen as pairs.

    Parameters
    ----------
    said : dict
        As `~kinmis.classifier.evaluation.predict_cases` returns it.
    labels : `~kinmis.classifier.labels.Labels`

    Returns
    -------
    heads : dict
        From name to number of true ones, their share, and the average precision.
    """
    found = {}
    for i, component in enumerate(("stellar", "gas")):
        rows = said["paired"] & (said["component"] == i)
        galaxy = said["galaxy"][rows]
        feature = labels.features[galaxy, i]
        for k, name in enumerate(FEATURES):
            found[f"{component}_{name}"] = _precision(
                feature[feature >= 0] == k + 1, said["features"][rows][feature >= 0, k])
        if component == "gas":
            notes = labels.notes[galaxy]
            told = ((notes >= 0) & (labels.quality[galaxy, 1] == 0)
                    & (labels.quality[galaxy, 0] > 0))
            for k, name in enumerate(NOTES):
                found[f"gas_{name}"] = _precision(notes[told] == k + 1,
                                                  said["notes"][rows][told, k])
    return found


def _precision(truth, score):
    value = average_precision(truth, score)
    return (int(np.count_nonzero(truth)), float(np.mean(truth)) if len(truth) else 0.0,
            float(value) if np.isfinite(value) else 0.0)


def draw_curves(out):
    """Draw the learning curves of a run, ``curves.png``."""
    import csv

    from matplotlib.figure import Figure
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for path in sorted(Path(out).glob("network_*/curve.csv")):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        epoch = [int(row["epoch"]) for row in rows]
        left.plot(epoch, [float(row["loss"]) for row in rows], label=path.parent.name)
        right.plot(epoch, [float(row["validation_auc"]) for row in rows])
    left.set(xlabel="epoch", ylabel="loss, training plates", yscale="log")
    right.set(xlabel="epoch", ylabel="ROC AUC, validation plates")
    left.legend(frameon=False)
    figure.savefig(Path(out) / "curves.png", dpi=150)
