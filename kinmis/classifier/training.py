"""One network trained from scratch or further, so that a killed run goes on where it was."""

import csv
import json
import zlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from kinmis.classifier.augmentation import AugmentConfig, augment
from kinmis.classifier.backend import import_keras
from kinmis.classifier.checkpoint import Checkpoint
from kinmis.classifier.inputs import InputConfig, as_rows, make_inputs
from kinmis.classifier.metrics import roc_auc
from kinmis.classifier.network import OUTPUTS, NetworkConfig, build_network

__all__ = ["TrainingConfig", "make_targets", "train_member"]

#: Name of the file in a run's folder that it goes on from.
CHECKPOINT = "checkpoint.npz"

#: What each output counts in the loss.
LOSS_WEIGHTS = {"quality": 1.0, "features": 0.3, "notes": 0.2}


@dataclass(frozen=True)
class TrainingConfig:
    """
    Everything that decides what a training run gives.

    Parameters
    ----------
    epochs, batch_size : int
    learning_rate, weight_decay : float
        Of AdamW; the rate rises over two epochs and falls along a cosine.
    smoothing : float
        Quality labels are taken to be wrong this often.
    seed : int
        Of weights, order and augmentation.
    inputs : `~kinmis.classifier.inputs.InputConfig`
    network : `~kinmis.classifier.network.NetworkConfig`
    augmentation : `~kinmis.classifier.augmentation.AugmentConfig`
    """

    epochs: int = 45
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.04
    seed: int = 1
    inputs: InputConfig = field(default_factory=InputConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)

    def to_dict(self):
        """Return plain values."""
        return {**asdict(self), "inputs": self.inputs.to_dict(),
                "network": self.network.to_dict(), "augmentation": self.augmentation.to_dict()}

    @classmethod
    def from_dict(cls, values):
        """Make one from what `to_dict` returned."""
        return cls(**{**values, "inputs": InputConfig.from_dict(values["inputs"]),
                      "network": NetworkConfig.from_dict(values["network"]),
                      "augmentation": AugmentConfig(**values["augmentation"])})

    def with_seed(self, seed):
        """Return the same with another seed."""
        return replace(self, seed=seed)


def make_targets(labels, galaxy, component, smoothing=0.0):
    """
    Return targets and weights of each output for rows.

    Parameters
    ----------
    labels : `~kinmis.classifier.labels.Labels`
    galaxy, component : `~numpy.ndarray` of int, shape (m,)
        What each row shows, as `~kinmis.classifier.inputs.as_rows` returns them.
    smoothing : float

    Returns
    -------
    targets, weights : dict of `~numpy.ndarray`
        By output, shapes (m, k) and (m,).
    """
    quality, features = labels.quality[galaxy, component], labels.features[galaxy, component]
    notes, stars = labels.notes[galaxy], labels.quality[galaxy, 0]
    at_least = quality[:, None] >= np.array([1, 2])
    targets = {"quality": at_least * (1 - 2 * smoothing) + smoothing,
               "features": features[:, None] == np.array([1, 2, 3]),
               "notes": notes[:, None] == np.array([1, 2, 3])}
    weights = {"quality": quality >= 0, "features": features >= 0,
               # experts gave notes only to unusable gas beside usable stars
               "notes": (notes >= 0) & (component == 1) & (quality == 0) & (stars > 0)}
    return ({name: value.astype(np.float32) for name, value in targets.items()},
            {name: value.astype(np.float32) for name, value in weights.items()})


def train_member(lattices, labels, config, *, validation=None, folder=None, initial=None,
                 progress=True):
    """
    Train one network.

    Parameters
    ----------
    lattices : list of `~kinmis.classifier.lattice.Lattice`
    labels : `~kinmis.classifier.labels.Labels`
    config : `TrainingConfig`
    validation : tuple, optional
        Lattices and labels that the learning curves are of. They decide nothing.
    folder : path, optional
        Where the learning curve (``curve.csv``) and the checkpoint after each epoch go. A run
        that finds a checkpoint goes on from it, and gives the same model.
    initial : list of `~numpy.ndarray`, optional
        Weights to begin from.
    progress : bool

    Returns
    -------
    model : `keras.Model`
        With the average of the weights over the last epochs (exponential moving average).

    Raises
    ------
    ValueError
        If the checkpoint in ``folder`` is of a run with other settings or labels.
    """
    keras = import_keras()
    keras.utils.set_random_seed(config.seed)
    model = build_network(config.network, config.inputs.size, 1 + len(config.inputs.scalars))
    if initial is not None:
        model.set_weights(initial)
    # the embedding is for later use: training has no loss for it
    trained = keras.Model(model.inputs, {name: output for name, output in model.output.items()
                                         if name in OUTPUTS})
    examples = _Examples(keras, lattices, labels, config)
    steps = len(examples) * config.epochs
    warm = min(2 * len(examples), steps // 5)
    rate = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 20, max(steps - warm, 1), alpha=0.0,
        warmup_target=config.learning_rate, warmup_steps=warm)
    trained.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, clipnorm=1.0,
                                         use_ema=True,
                                         # of short runs, the last tenth
                                         ema_momentum=min(0.995, max(1 - 10 / steps, 0))),
        loss={name: keras.losses.BinaryCrossentropy(from_logits=True) for name in OUTPUTS},
        loss_weights=LOSS_WEIGHTS)
    callbacks, done = [_Seed(keras, examples)], 0
    if folder is not None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = Checkpoint(folder / CHECKPOINT, trained, _key(config, labels))
        done = checkpoint.restore()
    # the row of an epoch is written first: one that is done again replaces it
    if validation is not None or folder is not None:
        callbacks.append(_Curve(keras, validation, config, folder, progress))
    if folder is not None:
        callbacks.append(checkpoint.callback(keras))
    if done < config.epochs:
        trained.fit(examples, initial_epoch=done, epochs=config.epochs, callbacks=callbacks,
                    verbose=0, shuffle=False)
    trained.optimizer.finalize_variable_values(trained.trainable_variables)
    return model


def _key(config, labels):
    """Return what tells one run from another: settings, and a checksum of the labels."""
    known = np.stack([*labels.quality.T, *labels.features.T, labels.notes])
    return {**json.loads(json.dumps(config.to_dict())), "galaxies": len(labels),
            "labels": zlib.crc32(known.astype("<i8").tobytes())}


def _Examples(keras, lattices, labels, config):
    """Return the batches of an epoch, the same for one seed and epoch however they are made."""

    class Examples(keras.utils.PyDataset):
        epoch = 0

        def __len__(self):
            return max(len(lattices) // config.batch_size, 1)

        def __getitem__(self, batch):
            order = np.random.default_rng((config.seed, self.epoch)).permutation(len(lattices))
            index = order[batch * config.batch_size:(batch + 1) * config.batch_size]
            rng = np.random.default_rng((config.seed, self.epoch, 1 + batch))
            images, scalars = augment([lattices[i] for i in index], config.augmentation,
                                      config.inputs, rng)
            rows, galaxy, component = _fixed(*as_rows(images, scalars), 2 * len(index), rng)
            return rows, *make_targets(labels[index], galaxy, component, config.smoothing)

    return Examples()


def _fixed(rows, galaxy, component, n, rng):
    """Return as many rows as asked, some of them twice, so that one program fits all."""
    more = np.concatenate([np.arange(len(galaxy)), rng.integers(len(galaxy),
                                                                size=n - len(galaxy))])
    return {name: value[more] for name, value in rows.items()}, galaxy[more], component[more]


def _Seed(keras, examples):
    class Seed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            examples.epoch = epoch

    return Seed()


def _Curve(keras, validation, config, folder, progress):
    """Return the callback that writes the learning curve and shows progress."""
    from tqdm import tqdm

    class Curve(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.bar = tqdm(total=config.epochs, disable=not progress, unit="epoch",
                            desc=f"network {config.seed}")
            if validation is not None:
                lattices, labels = validation
                self.rows, *place = as_rows(*make_inputs(lattices, config.inputs))
                self.quality = labels.quality[tuple(place)]

        def on_epoch_end(self, epoch, logs=None):
            row = {"epoch": epoch + 1, "loss": logs["loss"]}
            if validation is not None:
                row["validation_auc"] = self.auc()
            if folder is not None:
                _append(folder / "curve.csv", row)
            self.bar.update(epoch + 1 - self.bar.n)
            self.bar.set_postfix({name: f"{value:.4f}" for name, value in row.items()
                                  if name != "epoch"})

        def auc(self):
            said = self.model.predict(self.rows, batch_size=256, verbose=0)
            known = self.quality >= 0
            return roc_auc(self.quality[known] > 0, said["quality"][known, 0])

        def on_train_end(self, logs=None):
            self.bar.close()

    return Curve()


def _append(path, row):
    """Add a row to a CSV file; rows of epochs that are done again go."""
    rows = []
    if path.exists():
        with open(path, newline="") as file:
            rows = [old for old in csv.DictReader(file) if int(old["epoch"]) < row["epoch"]]
    part = path.with_suffix(".part")
    with open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows([{name: old.get(name) for name in row} for old in rows] + [row])
    part.replace(path)
