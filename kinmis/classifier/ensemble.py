"""Several networks of one shape run as one, in batches of two fixed sizes."""

import numpy as np

from kinmis.classifier.backend import import_keras
from kinmis.classifier.network import build_network
from kinmis.classifier.views import N_VIEWS, all_views

__all__ = ["Ensemble"]

#: Fields in a batch. Each size is compiled once: one for a single galaxy, and one for many, as
#: large as fits the cache of a core with all its views.
BATCHES = (2, 8)


class Ensemble:
    """
    Networks of one shape with different weights.

    Parameters
    ----------
    network : `~kinmis.classifier.network.NetworkConfig`
    inputs : `~kinmis.classifier.inputs.InputConfig`
    members : list of lists of `~numpy.ndarray`
        Weights of each network, in the order of ``model.weights``.
    """

    def __init__(self, network, inputs, members):
        self.network, self.inputs, self.members = network, inputs, members
        self._forward = None

    def run(self, rows):
        """
        Return what the networks say of each field, averaged over views.

        Parameters
        ----------
        rows : dict of `~numpy.ndarray`
            As `~kinmis.classifier.inputs.as_rows` returns them, m fields.

        Returns
        -------
        outputs : dict of `~numpy.ndarray`
            Of each output, shape (m, members, k): logits and embeddings.
        """
        n = len(rows["scalars"])
        if not n:
            raise ValueError("there is nothing to run on")
        if self._forward is None:
            self._forward = self._compile()
        # all batches are handed over before the first answer is waited for
        waiting = []
        for start, stop, size in _cut(n):
            batch = [np.zeros((size, *rows[name].shape[1:]), np.float32)
                     for name in ("images", "scalars")]
            for values, name in zip(batch, ("images", "scalars")):
                values[:stop - start] = rows[name][start:stop]
            waiting.append((stop - start, [forward(*batch) for forward in self._forward]))
        return {name: np.concatenate([
            np.stack([np.asarray(one[name]) for one in said], axis=1)[:kept]
            for kept, said in waiting]) for name in waiting[0][1][0]}

    def _compile(self):
        """Return a function for each member, from images and scalars to means over views."""
        keras = import_keras()

        def build():
            return build_network(self.network, self.inputs.size, 1 + len(self.inputs.scalars),
                                 blank=True)

        if keras.backend.backend() == "jax":
            return _jax_forward(build(), self.members)
        return [_keras_forward(build(), weights) for weights in self.members]


def _keras_forward(model, weights):
    model.set_weights(weights)

    def forward(images, scalars):
        said = model.predict_on_batch(_views(images, scalars, np))
        return {name: _mean(np.asarray(value)) for name, value in said.items()}

    return forward


def _jax_forward(model, members):
    """Return compiled functions: one program for all members, without Keras' own overhead."""
    import jax

    @jax.jit
    def program(weights, images, scalars):
        batch = _views(images, scalars, jax.numpy)
        said = model.stateless_call(*weights, batch, training=False)[0]
        return {name: _mean(value) for name, value in said.items()}

    def bind(weights):
        model.set_weights(weights)
        held = [[jax.device_put(variable.value) for variable in variables]
                for variables in (model.trainable_variables, model.non_trainable_variables)]
        return lambda images, scalars: program(held, images, scalars)

    return [bind(weights) for weights in members]


def _views(images, scalars, library):
    views = all_views(images, library)
    return {"images": views.reshape(-1, *views.shape[2:]),
            "scalars": library.repeat(scalars, N_VIEWS, axis=0)}


def _mean(said):
    return said.reshape(-1, N_VIEWS, said.shape[-1]).mean(axis=1)


def _cut(n):
    """Yield start, stop and size of the batches of n fields."""
    small, large = BATCHES
    start = 0
    while start < n:
        size = small if n - start <= small else large
        yield start, min(start + size, n), size
        start += size
