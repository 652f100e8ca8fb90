"""Keras, imported with JAX unless the user has chosen otherwise."""

import importlib.util
import os
import sys
import tempfile
from contextlib import contextmanager

import numpy as np

__all__ = ["NEEDS", "import_keras", "usual_settings", "weights_of"]

#: Packages of the extra that classification takes.
NEEDS = ("keras", "jax")


def import_keras():
    """
    Return the module ``keras``.

    Keras takes its backend when it is first imported: from ``KERAS_BACKEND``, else from the
    file ``keras.json`` in the user's home, which it writes if there is none, else TensorFlow.
    Here it is JAX, unless the user has imported Keras before or has set ``KERAS_BACKEND``.
    Neither the environment nor the file is changed.

    Returns
    -------
    keras : module

    Raises
    ------
    ImportError
        If Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    asked = os.environ.get("KERAS_BACKEND")
    missing = [name for name in (NEEDS if asked in (None, "", "jax") else NEEDS[:1])
               if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"classification needs {' and '.join(missing)}: "
                          'pip install "kinmis[classifier]"')
    with tempfile.TemporaryDirectory() as home:
        kept = dict(os.environ)
        # a folder of its own, so that keras.json is neither read nor written
        os.environ.update(KERAS_BACKEND=asked or "jax", KERAS_HOME=home)
        try:
            import keras
        except (ImportError, ValueError) as error:
            # keras raises ValueError for a backend that it does not know
            if asked:
                raise ImportError(
                    f"the environment variable KERAS_BACKEND asks for {asked!r}, with which "
                    f"Keras can't be imported ({error}): install that package, or unset it to "
                    "classify with JAX") from error
            raise ImportError(f"Keras can't be imported ({error}): "
                              'pip install "kinmis[classifier]"') from error
        finally:
            # Keras and JAX set variables of their own, too, for TensorFlow and for TPUs
            for name in os.environ.keys() - kept.keys():
                del os.environ[name]
            os.environ.update(kept)
    return keras


@contextmanager
def usual_settings(keras):
    """
    Let networks be built as if the user had not changed the settings of Keras.

    Parameters
    ----------
    keras : module
    """
    settings = (("image_data_format", "channels_last"), ("floatx", "float32"),
                ("dtype_policy", "float32"))
    kept = [(name, getattr(keras.config, name)()) for name, _ in settings]
    try:
        for name, value in settings:
            getattr(keras.config, f"set_{name}")(value)
        yield
    finally:
        for name, value in kept:
            getattr(keras.config, f"set_{name}")(value)


def weights_of(model):
    """
    Return the weights of a model as arrays, in the order of ``model.weights``.

    ``model.get_weights()`` does that in a way that NumPy 2 deprecates (Keras 3.15).
    """
    to_numpy = import_keras().ops.convert_to_numpy
    return [np.array(to_numpy(variable.value)) for variable in model.weights]
