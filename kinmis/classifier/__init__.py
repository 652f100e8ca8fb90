"""
Classification of velocity fields: how far each can be trusted.

Keras and JAX are imported on first use.
"""

from importlib import import_module

_HOMES = {
    "Classification": "classification", "Classifier": "model", "FineTuned": "fine_tuning",
    "GalaxyClassification": "classification", "ModelError": "store", "classify": "prediction",
    "fine_tune": "fine_tuning", "load_model": "model", "model_id": "model", "train": "training_run",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'kinmis.classifier' has no attribute {name!r}")
    value = getattr(import_module(f"kinmis.classifier.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOMES})
