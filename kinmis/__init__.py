"""
Kinematic position angles, misalignments and quality of galaxies from IFU velocity fields.

Public names load on first use, so that ``import kinmis`` stays light.
"""

from importlib import import_module
from importlib.metadata import version as _version

__version__ = _version("kinmis")

_HOMES = {
    "VelocityField": "kinmis.velocity_field",
    "Galaxy": "kinmis.galaxy",
    "PositionAngle": "kinmis.position_angle",
    "fit_pa": "kinmis.position_angle",
    "Misalignment": "kinmis.misalignment",
    "misalign": "kinmis.misalignment",
    "clean": "kinmis.cleaning",
    "Classification": "kinmis.classifier",
    "classify": "kinmis.classifier",
    "measure": "kinmis.catalogue",
    "decode_flags": "kinmis.flags",
    "register_reader": "kinmis.readers",
    "KinmisWarning": "kinmis.exceptions",
}
_MODULES = ("mock", "plotting", "flags", "readers", "catalogue", "classifier", "position_angle",
            "surveys")

__all__ = [*_HOMES, "mock", "plotting"]


def __getattr__(name):
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = import_module(f"kinmis.{name}")
    else:
        raise AttributeError(f"module 'kinmis' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOMES, *_MODULES})
