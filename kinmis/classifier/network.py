"""
The network: a small residual network that looks at one field beside the other of its galaxy.

The field in question comes first, its partner second, whichever is stars and which is gas:
so that stars and gas teach one network what rotation looks like, and it sees how they differ.
Heads say how far to trust the field (ordinal quality) and what an expert would note of it.
"""

from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["FEATURES", "NOTES", "OUTPUTS", "NetworkConfig", "build_network"]

#: What an expert notes of a field, beside its quality, and of gas that is not usable.
FEATURES = ("decoupled_core", "warp", "merger_or_neighbour")
NOTES = ("depletion", "no_clear_rotation", "rotation_but_biased")

#: Outputs of the network (logits) and their lengths. Quality: at least 1, at least 2.
OUTPUTS = {"quality": 2, "features": len(FEATURES), "notes": len(NOTES)}


@dataclass(frozen=True)
class NetworkConfig:
    """
    Shape of the network.

    Parameters
    ----------
    stem : int
        Channels of the stem, which halves the image.
    widths : tuple of int
        Channels of each stage; each but the first halves the image.
    blocks : int
        Residual blocks of each stage.
    hidden : int
        Length of the vector before the heads.
    dropout : float
        Fraction of that vector that training drops.
    """

    stem: int = 24
    widths: tuple = (32, 64, 96)
    blocks: int = 1
    hidden: int = 128
    dropout: float = 0.3

    def to_dict(self):
        """Return plain values."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values):
        """Make one from what `to_dict` returned."""
        return cls(**{**values, "widths": tuple(values["widths"])})


def build_network(config, size, n_scalars, blank=False):
    """
    Build the network.

    Parameters
    ----------
    config : `NetworkConfig`
    size : int
        Side of the images.
    n_scalars : int
        Scalars of each field, with the one that says whether it is there.
    blank : bool
        Whether all weights are zero, for a network that gets those of another. Random ones take
        seconds: JAX compiles a program for each shape.

    Returns
    -------
    model : `keras.Model`
        Inputs "images" (n, size, size, 4): velocity and coverage of the field, then of its
        partner; "scalars" (n, 1 + 2 n_scalars): 1 for gas and -1 for stars, then the scalars of
        both. Outputs as `OUTPUTS`, and "embedding" (n, hidden).
    """
    from kinmis.classifier.backend import import_keras, usual_settings
    keras = import_keras()
    with usual_settings(keras):
        return _build(keras, config, size, n_scalars, blank)


def _build(keras, config, size, n_scalars, blank):
    layers = keras.layers

    weights = {"kernel_initializer": _zeros, "bias_initializer": _zeros} if blank else {}
    scales = dict.fromkeys(("beta_initializer", "gamma_initializer", "moving_mean_initializer",
                            "moving_variance_initializer"), _zeros) if blank else {}

    def conv(x, width, kernel=3, strides=1):
        x = layers.Conv2D(width, kernel, strides=strides, padding="same", use_bias=False,
                          **weights)(x)
        return layers.BatchNormalization(momentum=0.9, **scales)(x)

    inputs = {"images": keras.Input((size, size, 4), name="images"),
              "scalars": keras.Input((1 + 2 * n_scalars,), name="scalars")}
    x = layers.Activation("relu")(conv(inputs["images"], config.stem, strides=2))
    for stage, width in enumerate(config.widths):
        for block in range(config.blocks):
            strides = 2 if stage and not block else 1
            y = layers.Activation("relu")(conv(x, width, strides=strides))
            y = conv(y, width)
            if strides > 1:
                x = layers.AveragePooling2D(strides)(x)
            if x.shape[-1] != width:
                x = conv(x, width, kernel=1)
            x = layers.Activation("relu")(layers.Add()([x, y]))
    scalars = layers.Dense(32, activation="relu", **weights)(inputs["scalars"])
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x),
                              layers.GlobalMaxPooling2D()(x), scalars])
    embedding = layers.Dense(config.hidden, activation="relu", name="embedding", **weights)(x)
    x = layers.Dropout(config.dropout)(embedding)
    outputs = {name: layers.Dense(length, name=name, **weights)(x)
               for name, length in OUTPUTS.items()}
    return keras.Model(inputs, {**outputs, "embedding": embedding}, name="kinmis_quality")


def _zeros(shape, dtype=None):
    """Return zeros without a program of the backend."""
    return np.zeros(shape, dtype or "float32")
