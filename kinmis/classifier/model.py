"""`Classifier`: networks, calibration and statistics that belong together."""

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.special import expit

from kinmis._input import COMPONENTS
from kinmis.classifier.calibration import Calibration
from kinmis.classifier.classification import Classification, GalaxyClassification
from kinmis.classifier.ensemble import Ensemble
from kinmis.classifier.inputs import InputConfig, as_rows, make_inputs
from kinmis.classifier.network import FEATURES, NOTES, NetworkConfig, build_network
from kinmis.classifier.outliers import Outliers
from kinmis.classifier.prepare import prepare
from kinmis.classifier.store import read_model, write_model
from kinmis.flags import flag_bits

__all__ = ["SHIPPED", "Classifier", "load_model", "model_id"]

#: The folder of the model that comes with the package.
SHIPPED = Path(__file__).parent / "weights" / "kinmis-quality-1"

#: Galaxies whose images are made before the networks see them.
CHUNK = 256


class Classifier:
    """
    A trained classifier of velocity fields.

    `Classifier.load` makes one, `kinmis.classify` uses the one that comes with the package.

    Parameters
    ----------
    ensemble : `~kinmis.classifier.ensemble.Ensemble`
    calibration : `~kinmis.classifier.calibration.Calibration`
    outliers : `~kinmis.classifier.outliers.Outliers`
    info : dict
        ``name``, ``version``, ``heads`` (names of the heads in use) and whatever describes the
        training, as plain values.

    Examples
    --------
    >>> from kinmis.classifier import Classifier
    >>> model = Classifier.load()
    >>> model.id.split(" ")[0]
    'kinmis-quality'
    """

    def __init__(self, ensemble, calibration, outliers, info):
        self.ensemble, self.calibration, self.outliers = ensemble, calibration, outliers
        self.info = info

    @property
    def id(self):
        """Name, version and the beginning of the checksum of the weights."""
        return _id(self.info)

    @classmethod
    def load(cls, folder=None):
        """
        Load a model and verify its files.

        Parameters
        ----------
        folder : path, optional
            By default, the model that comes with kinmis.

        Returns
        -------
        model : `Classifier`

        Raises
        ------
        kinmis.classifier.ModelError
            If a file is missing, damaged, altered or of another version.
        ImportError
            If Keras is missing.
        """
        def build(description):
            inputs = InputConfig.from_dict(description["inputs"])
            return build_network(NetworkConfig.from_dict(description["network"]), inputs.size,
                                 1 + len(inputs.scalars), blank=True)

        info, members, statistics = read_model(SHIPPED if folder is None else folder, build)
        ensemble = Ensemble(NetworkConfig.from_dict(info["network"]),
                            InputConfig.from_dict(info["inputs"]), members)
        return cls(ensemble, Calibration(**info["calibration"]), Outliers(**statistics), info)

    def save(self, folder, overwrite=False):
        """
        Save the model as a folder that `load` reads.

        Parameters
        ----------
        folder : path
        overwrite : bool
            Replace a model that is there.

        Raises
        ------
        FileExistsError
            If there is one and ``overwrite`` is false.
        """
        description = {**{name: value for name, value in self.info.items()
                          if name not in ("format", "sha256")},
                       "network": self.ensemble.network.to_dict(),
                       "inputs": self.ensemble.inputs.to_dict(),
                       "calibration": self.calibration.to_dict()}
        inputs = self.ensemble.inputs
        self.info = write_model(
            folder, description, self.ensemble.members,
            lambda: build_network(self.ensemble.network, inputs.size, 1 + len(inputs.scalars),
                                  blank=True),
            self.outliers.to_arrays(), overwrite)

    def classify(self, items, *, min_confidence=None, clean=True):
        """
        Classify fields and galaxies; see `kinmis.classify`.

        Parameters
        ----------
        items : `~kinmis.VelocityField`, `~kinmis.Galaxy`, or sequence of them
            None in a sequence gives a result without data.
        min_confidence : float, optional
            From 0.5 to 1: below it there is no verdict.
        clean : bool
            Whether to clean fields that have not been cleaned.

        Returns
        -------
        results : `Classification`, `GalaxyClassification`, or list of them
        """
        from kinmis.galaxy import Galaxy
        from kinmis.velocity_field import VelocityField
        if min_confidence is not None and not 0.5 <= min_confidence <= 1:
            raise ValueError("min_confidence must lie between 0.5 and 1, or be None, "
                             f"not {min_confidence!r}")
        single = isinstance(items, (VelocityField, Galaxy))
        items = [items] if single else list(items)
        results = []
        for start in range(0, len(items), CHUNK):
            results += self._classify([prepare(item, clean=clean)
                                       for item in items[start:start + CHUNK]], min_confidence)
        return results[0] if single else results

    def predict(self, lattices):
        """
        Return what the networks say of galaxies, calibrated, as arrays.

        Parameters
        ----------
        lattices : sequence of `~kinmis.classifier.lattice.Lattice`

        Returns
        -------
        said : dict of `~numpy.ndarray`
            ``logits`` (n, 2, 2), ``probabilities`` (n, 2, 3), ``features`` (n, 2, 3), ``notes``
            (n, 2, 3), ``ood_score`` (n, 2), ``embedding`` (n, 2, members, k), and ``present``
            (n, 2). The second axis is stars and gas; NaN where there is no such field.
        """
        rows, *place = as_rows(*make_inputs(lattices, self.ensemble.inputs))
        place = tuple(place)
        present = np.zeros((len(lattices), 2), bool)
        present[place] = True
        paired = present.all(axis=1)[place[0]]
        outputs = self.ensemble.run(rows)
        logits = outputs["quality"].mean(axis=1)
        said = {"logits": logits, "embedding": outputs["embedding"],
                "probabilities": self.calibration.probabilities(logits, place[1], paired),
                "features": expit(outputs["features"].mean(axis=1)),
                "notes": expit(outputs["notes"].mean(axis=1)),
                "ood_score": self.outliers.score(rows, place[1])}
        whole = {"present": present}
        for name, value in said.items():
            whole[name] = np.full((len(lattices), 2, *value.shape[1:]), np.nan)
            whole[name][place] = value
        return whole

    def _classify(self, items, min_confidence):
        seen = [k for k, item in enumerate(items) if item.lattice is not None]
        said = self.predict([items[k].lattice for k in seen]) if seen else {}
        rows = {k: {name: values[row] for name, values in said.items()}
                for row, k in enumerate(seen)}
        return [self._result(item, rows.get(k), min_confidence) for k, item in enumerate(items)]

    def _result(self, item, row, min_confidence):
        from kinmis.galaxy import Galaxy
        results = {name: self._one(item, name, row, min_confidence) for name in item.wanted}
        if isinstance(item.target, Galaxy):
            return GalaxyClassification(**results)
        return next(iter(results.values()))

    def _one(self, item, name, row, min_confidence):
        identity = None if item.target is None else item.target.id
        component = getattr(item.target, "component", name)
        i = None if name is None else COMPONENTS.index(name)
        if row is None or not row["present"][i]:
            return Classification(np.full(3, np.nan), float("nan"), component,
                                  flags=flag_bits("NO_DATA"), min_confidence=min_confidence,
                                  model=self.id, id=identity)
        heads = self.info["heads"]
        features = {key: float(value) for key, value in zip(FEATURES, row["features"][i])
                    if f"{name}_{key}" in heads}
        notes = {key: float(value) for key, value in zip(NOTES, row["notes"][i])
                 if name == "gas" and f"gas_{key}" in heads}
        score = float(row["ood_score"][i])
        return Classification(
            row["probabilities"][i], score, component, bool(row["present"].all()), features,
            notes, flag_bits("OUT_OF_DISTRIBUTION") if score > 1 else 0, min_confidence,
            item.cleaned[name], self.id, identity)


def _id(info):
    return f"{info['name']} {info['version']} ({_digest(info)})"


def _digest(info):
    together = "".join(f"{name}:{value}" for name, value in sorted(
        info.get("sha256", {}).items()))
    return hashlib.sha256(together.encode()).hexdigest()[:8] if together else "not saved"


@lru_cache(maxsize=1)
def load_model():
    """Return the model that comes with the package, loaded once."""
    return Classifier.load()


@lru_cache(maxsize=1)
def model_id():
    """Return name, version and checksum of the model that comes with the package."""
    return _id(read_model(SHIPPED)[0])
