"""Plug-ins: readers that other packages add through the entry points ``kinmis.readers``."""

import warnings
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import entry_points
from threading import RLock

from kinmis.exceptions import ReaderWarning

__all__ = ["load_built_in", "load_once", "origin_of"]

GROUP = "kinmis.readers"
BUILT_IN = ("kinmis.readers.kinmis_fits", "kinmis.readers.manga_dap",
            "kinmis.readers.fits_image", "kinmis.readers.bin_table", "kinmis.marvin.reader",
            "kinmis.readers.cube")

_lock = RLock()
_loading = ContextVar("loading", default=None)     # the entry point that registers formats now
_state = {"built-in": None, "plug-ins": None}   # None, "running" or "done"


def load_built_in():
    """Import the modules of the built-in formats, which register themselves."""
    _once("built-in", lambda: [import_module(module) for module in BUILT_IN])


def load_once():
    """
    Load the built-in formats and every plug-in, the first time it is called.

    An entry point of the group ``kinmis.readers`` names a function, which is called without
    an argument, or a module; either calls `kinmis.readers.register_reader`. One that fails
    is skipped with a warning: a broken plug-in must not keep other formats from being read.

    Warns
    -----
    ReaderWarning
        If a plug-in can't be loaded.
    """
    load_built_in()
    for failure in _once("plug-ins", _load_plugins) or ():
        warnings.warn(failure, ReaderWarning, stacklevel=3)


def _load_plugins():
    failures = []
    for point in entry_points(group=GROUP):
        token = _loading.set(point)
        try:
            plugin = point.load()
            if callable(plugin):
                plugin()
        except Exception as error:  # whatever somebody else's code may raise
            failures.append(f"the reader plug-in '{point.name}' ({point.value}) can't be loaded "
                            f"and is skipped: {type(error).__name__}: {error}")
        finally:
            _loading.reset(token)
    return failures


def origin_of(reader):
    """
    Return where a format comes from that is being registered.

    Parameters
    ----------
    reader : callable
        Its reader.

    Returns
    -------
    origin : str
        ``"kinmis"``, the package of the plug-in with its version, or the module of the reader.
    """
    point = _loading.get()
    module = getattr(reader, "__module__", None) or "unknown module"
    if module.partition(".")[0] == "kinmis":
        return "kinmis"
    if point is None:
        return f"module {module}"
    return f"{point.dist.name} {point.dist.version}" if point.dist else f"plug-in {point.name}"


def _once(step, load):
    """Call ``load`` unless that was done; other threads wait, this one may come back in."""
    if _state[step] == "done":
        return None
    with _lock:
        if _state[step] is not None:
            return None
        _state[step] = "running"
        try:
            result = load()
        except BaseException:
            _state[step] = None
            raise
        _state[step] = "done"
        return result
