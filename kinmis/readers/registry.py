"""
``read`` and ``write`` of galaxies and fields, on a private registry of formats.

The registry is an `astropy.io.registry.UnifiedIORegistry`. It never sees a call without a
format: it would open the path and hand on a file object, and take a plate-IFU for a missing file.
"""

from threading import Lock

from astropy.io.registry import UnifiedIORegistry, UnifiedReadWrite

from kinmis.readers.formats import (READERS, WRITERS, check_options, claims, find,
                                    identify_format, plain, register_reader, register_writer,
                                    unregister_reader)
from kinmis.readers.plugins import load_once

__all__ = ["GalaxyRead", "GalaxyWrite", "VelocityFieldRead", "VelocityFieldWrite",
           "identify_format", "read", "register_reader", "register_writer",
           "unregister_reader"]

registry = UnifiedIORegistry()
_synced = {}
_lock = Lock()


def read(source, *, format=None, **options):
    """
    Read a galaxy, both its fields in one pass.

    Parameters
    ----------
    source : str, os.PathLike or object
        A path, a name that a format understands, or an object.
    format : str, optional
        Name of the format; by default it is recognised from the source.
    **options
        Options of the format.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is damaged, or not of the format.
    ValueError, TypeError
        If the format is unknown or can't be recognised, or lacks an option.

    Examples
    --------
    >>> import tempfile
    >>> from kinmis import mock
    >>> from kinmis.readers import read
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     galaxy = read(mock.write_maps(mock.galaxy(seed=1), folder))
    >>> galaxy.gas
    <VelocityField ...: gas Ha-6564, 48 x 48, 1279 valid in 1279 bins, ... km/s>
    """
    from kinmis.galaxy import Galaxy
    return _read(Galaxy, source, format, options)


class _Method(UnifiedReadWrite):
    """What reading and writing have in common: lists of formats, and help."""

    def __init__(self, instance, cls):
        super().__init__(instance, cls, type(self).method, registry=registry)

    def list_formats(self, out=None):
        """
        Print the formats, with a line about each.

        Parameters
        ----------
        out : file-like, optional
            Where to write; by default the list is printed.
        """
        load_once()
        forms = READERS if self.method == "read" else WRITERS
        width = max(map(len, forms))
        text = "\n".join(f"{name:{width}}  {forms[name].description}" for name in sorted(forms))
        print(text, file=out)

    def help(self, format=None, out=None):
        """
        Show the documentation of a format and its options.

        Parameters
        ----------
        format : str, optional
            Name of the format; by default the general documentation is shown.
        out : file-like, optional
            Where to write; by default a pager is used.

        Raises
        ------
        ValueError
            If there is no such format.
        """
        _sync()
        if format is not None:
            find(format, READERS if self.method == "read" else WRITERS)
        super().help(format, out)


class GalaxyRead(_Method):
    """
    Read a galaxy, both its fields in one pass.

    ``Galaxy.read.list_formats()`` lists the formats, ``Galaxy.read.help(format)`` shows the
    options of one.

    Parameters
    ----------
    source : str, os.PathLike or object
        A path, a name that a format understands (such as a plate-IFU), or an object.
    format : str, optional
        Name of the format; by default it is recognised from the source.
    **options
        Options of the format.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is damaged, or not of the format.
    ValueError, TypeError
        If the format is unknown or can't be recognised, or lacks an option.
    """

    method = "read"

    def __call__(self, source, *, format=None, **options):
        return _read(self._cls, source, format, options)


class VelocityFieldRead(_Method):
    """
    Read the velocity field of one component; it keeps the other as its ``partner``.

    ``VelocityField.read.list_formats()`` lists the formats,
    ``VelocityField.read.help(format)`` shows the options of one.

    Parameters
    ----------
    source : str, os.PathLike or object
        A path, a name that a format understands (such as a plate-IFU), or an object.
    component : {"stellar", "gas"}, optional
        Which field; by default the stars, or the only one that there is.
    format : str, optional
        Name of the format; by default it is recognised from the source.
    **options
        Options of the format.

    Returns
    -------
    field : `~kinmis.VelocityField`

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is damaged, or not of the format.
    ValueError, TypeError
        If the format is unknown or can't be recognised, or lacks an option, or the source
        lacks the component.
    """

    method = "read"

    def __call__(self, source, component=None, *, format=None, **options):
        return _read(self._cls, source, format, options, component=component)


class GalaxyWrite(_Method):
    """
    Write the galaxy to a file, from which ``Galaxy.read`` gives back every attribute.

    ``Galaxy.write.list_formats()`` lists the formats, ``Galaxy.write.help(format)`` shows
    the options of one.

    Parameters
    ----------
    path : str or os.PathLike
        Name of the file.
    format : str, optional
        Name of the format.
    **options
        Options of the format, such as ``overwrite=True``.

    Raises
    ------
    OSError
        If the file exists.
    ValueError, TypeError
        If the format is unknown, or the metadata hold something that can't be written.
    """

    method = "write"

    def __call__(self, path, *, format="kinmis", **options):
        _sync()
        form = find(format, WRITERS)
        registry.get_writer(form.name, self._cls)(self._instance, plain(path), **options)


class VelocityFieldWrite(GalaxyWrite):
    """
    Write the field to a file, from which ``VelocityField.read`` gives back every attribute.

    The ``partner`` is left out. ``VelocityField.write.list_formats()`` lists the formats,
    ``VelocityField.write.help(format)`` shows the options of one.

    Parameters
    ----------
    path : str or os.PathLike
        Name of the file.
    format : str, optional
        Name of the format.
    **options
        Options of the format, such as ``overwrite=True``.

    Raises
    ------
    OSError
        If the file exists.
    ValueError, TypeError
        If the format is unknown, or the metadata hold something that can't be written.
    """


def _read(cls, source, name, options, **component):
    _sync()
    source = plain(source)
    form = find(identify_format(source) if name is None else name)
    check_options(form, options)
    reader = registry.get_reader(form.name, cls)
    try:
        return reader(source, **component, **options)
    except Exception as error:
        named = _naming(error, source)
        if named is error:
            raise
        raise named from error


def _sync():
    """Tell astropy's registry of formats that came or went; its tables of formats are slow."""
    load_once()
    current = {**{("read", name): form for name, form in READERS.items()},
               **{("write", name): form for name, form in WRITERS.items()}}
    if current == _synced:
        return
    from kinmis.galaxy import Galaxy
    from kinmis.velocity_field import VelocityField
    with _lock, registry.delay_doc_updates(Galaxy), registry.delay_doc_updates(VelocityField):
        for cls, attribute in ((Galaxy, "galaxy"), (VelocityField, "field")):
            for mode, name in _synced.keys() - current.keys():
                if mode == "read":
                    registry.unregister_reader(name, cls)
                    registry.unregister_identifier(name, cls)
                else:
                    registry.unregister_writer(name, cls)
            for (mode, name), form in current.items():
                if mode == "read":
                    registry.register_reader(name, cls, getattr(form, attribute), force=True)
                    registry.register_identifier(name, cls, _identifier(form), force=True)
                else:
                    registry.register_writer(name, cls, getattr(form, attribute), force=True)
        _synced.clear()
        _synced.update(current)


def _identifier(form):
    """Return what astropy's registry calls to recognise a format."""
    def identify(origin, path, fileobj, *args, **options):
        return origin == "read" and claims(form, plain(path if path is not None else args[0]))
    return identify


def _naming(error, source):
    """Return the error, or one like it that names the source where the message does not."""
    message = str(error.args[0]) if len(error.args) == 1 else str(error)
    if not isinstance(source, str) or source in str(error):
        return error
    for kind in (FileNotFoundError, OSError, KeyError, ValueError, TypeError):
        if isinstance(error, kind):
            return kind(f"{source}: {message}")
    error.add_note(f"while reading {source}")
    return error
