"""Models in folders: a description, weights, statistics, and checksums of what belongs to it."""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np

from kinmis.classifier.backend import import_keras, weights_of

__all__ = ["FORMAT", "ModelError", "read_model", "write_model"]

#: Version of the layout of a folder, and of what the numbers in it mean.
FORMAT = 1

DESCRIPTION = "model.json"
STATISTICS = "outliers.npz"

#: What a description has to hold.
NEEDED = ("name", "version", "heads", "network", "inputs", "calibration", "sha256")


class ModelError(ValueError):
    """A model's files are missing, damaged, altered, or of another version."""


def write_model(folder, description, members, build, statistics, overwrite=False):
    """
    Write a model.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    description : dict
        Plain values; checksums are added.
    members : list of lists of `~numpy.ndarray`
        Weights of each network.
    build : callable
        Returns a network to set them on.
    statistics : dict of `~numpy.ndarray`
    overwrite : bool
        Replace a model that is there.

    Raises
    ------
    FileExistsError
        If there is a model and ``overwrite`` is false.
    """
    folder = Path(folder)
    if (folder / DESCRIPTION).exists() and not overwrite:
        raise FileExistsError(f"{folder} holds a model; choose another folder, or overwrite=True")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("member_*.weights.h5"):
        old.unlink()
    (folder / DESCRIPTION).unlink(missing_ok=True)
    names = []
    network = build()
    for number, weights in enumerate(members):
        network.set_weights(weights)
        names.append(f"member_{number}.weights.h5")
        _save_weights(network, folder / names[-1])
    np.savez_compressed(folder / STATISTICS, **statistics)
    description = {"format": FORMAT, **description,
                   "sha256": {name: _checksum(folder / name) for name in (*names, STATISTICS)}}
    # last, so that a folder with a description is whole
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n",
                                      encoding="utf-8")
    return description


def read_model(folder, build=None):
    """
    Read a model and verify it.

    Parameters
    ----------
    folder : path
    build : callable, optional
        Takes the description and returns a network to load weights into.

    Returns
    -------
    description : dict
    members : list of lists of `~numpy.ndarray`
        Weights of each network; empty without ``build``.
    statistics : dict of `~numpy.ndarray`

    Raises
    ------
    ModelError
        If a file is missing or is not what it was when the model was made, or the layout is
        of another version.
    """
    folder = Path(folder)
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no model: {DESCRIPTION} is missing") from None
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} can't be read: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise ModelError(f"the model in {folder} has the layout {found!r}, but this version of "
                         f"kinmis reads {FORMAT}; install the version of kinmis that made it, "
                         "or train it anew")
    lacking = [name for name in NEEDED if name not in description]
    if lacking:
        raise ModelError(f"{path} lacks {', '.join(lacking)}; copy the whole folder again, or "
                         "train the model anew")
    for name, expected in description["sha256"].items():
        if not (folder / name).is_file():
            raise ModelError(f"the model in {folder} is incomplete: {name} is missing; "
                             "install kinmis again, or copy the whole folder")
        if _checksum(folder / name) != expected:
            raise ModelError(f"{folder / name} is damaged or altered: its SHA-256 is not the "
                             f"one in {DESCRIPTION}; install kinmis again, or copy the whole "
                             "folder")
    with np.load(folder / STATISTICS, allow_pickle=False) as file:
        statistics = {name: file[name] for name in file.files}
    members = []
    if build is not None:
        try:
            network = build(description)
            for name in description["sha256"]:
                if name.endswith(".weights.h5"):
                    _load_weights(network, folder / name)
                    members.append(weights_of(network))
        except (KeyError, TypeError, ValueError, UserWarning) as error:
            raise ModelError(f"the network that {path} describes does not fit the weights beside "
                             f"it: {str(error).splitlines()[0]}") from error
    return description, members, statistics


def _save_weights(network, path):
    import_keras()
    with warnings.catch_warnings():
        # keras 3.15 hands arrays to h5py in a way that NumPy 2.4 deprecates
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"keras|h5py")
        network.save_weights(str(path))


def _load_weights(network, path):
    with warnings.catch_warnings():
        # keras warns of some weights that do not fit, and leaves them out
        warnings.simplefilter("error", UserWarning)
        network.load_weights(str(path))


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
