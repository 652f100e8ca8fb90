"""
Formats: what is known of each, and which of them a source has.

A format is recognised on the source as the user gave it, since only that tells a plate-IFU
from a missing file.
"""

import functools
import inspect
import os
import warnings
from dataclasses import dataclass

from kinmis.exceptions import ReaderWarning
from kinmis.readers.plugins import load_built_in, load_once, origin_of

__all__ = ["Format", "READERS", "WRITERS", "check_options", "claimants", "claims", "find",
           "identify_format", "plain", "register_reader", "register_writer",
           "unregister_reader"]


@dataclass(frozen=True)
class Format:
    """A format that can be read (``galaxy`` and ``field`` are readers) or written."""

    name: str
    galaxy: object
    field: object
    description: str
    identify: object = None
    priority: int = 0
    recognises: str = ""
    origin: str = "kinmis"


READERS = {}
WRITERS = {}


def register_reader(name, read_galaxy, identify=None, *, description, priority=0,
                    read_field=None, recognises=None, force=False):
    """
    Add a format to ``Galaxy.read`` and ``VelocityField.read``.

    Parameters
    ----------
    name : str
        What the user gives as ``format``.
    read_galaxy : callable
        ``read_galaxy(source, **options)`` returns a `~kinmis.Galaxy`. The source is what
        the user gave; a path comes as a string, with ``~`` expanded.
    identify : callable, optional
        ``identify(source)`` returns whether the source is of this format, and never raises.
        Without it the format is used only when the user names it.
    description : str
        One line for the list of formats.
    priority : int, optional
        Where several formats claim a source, the highest priority wins. Built-in formats
        that the content tells for sure have 10.
    read_field : callable, optional
        ``read_field(source, component=None, **options)`` returns a
        `~kinmis.VelocityField`; by default it is picked from what ``read_galaxy`` returns.
    recognises : str, optional
        What ``identify`` goes by, in a few words, for lists.
    force : bool, optional
        Replace a format of the same name.

    Raises
    ------
    ValueError
        If there is a format of that name, and ``force`` is not given.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis import Galaxy, VelocityField, register_reader
    >>> from kinmis.readers.registry import unregister_reader
    >>> def read_table(source, *, separator=None):
    ...     east, north, velocity = np.loadtxt(source, delimiter=separator, unpack=True)
    ...     return Galaxy(gas=VelocityField.from_arrays(velocity, east=east, north=north))
    >>> register_reader("my-table", read_table, lambda source: str(source).endswith(".txt"),
    ...                 description="Text table of east, north and velocity")
    >>> unregister_reader("my-table")
    """
    load_built_in()
    if name in READERS and not force:
        raise ValueError(f"there is a format '{name}' already; choose another name, or give "
                         "force=True to replace it")
    unregister_reader(name, missing_ok=True)
    if recognises is None:
        recognises = ("only by its name, format=" if identify is None
                      else "what its own test accepts")
    READERS[name] = Format(name, read_galaxy, read_field or _picking(read_galaxy),
                           description, identify, priority, recognises, origin_of(read_galaxy))


def unregister_reader(name, *, missing_ok=False):
    """
    Remove a format from ``Galaxy.read`` and ``VelocityField.read``.

    Parameters
    ----------
    name : str
        Name of the format.
    missing_ok : bool, optional
        Do nothing where there is no such format.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if not missing_ok:
        find(name)
    READERS.pop(name, None)


def register_writer(name, write_galaxy, write_field, *, description):
    """
    Add a format to ``Galaxy.write`` and ``VelocityField.write``.

    Parameters
    ----------
    name : str
        What the user gives as ``format``.
    write_galaxy, write_field : callable
        ``write(object, path, **options)`` for a `~kinmis.Galaxy` and a
        `~kinmis.VelocityField`.
    description : str
        One line for the list of formats.
    """
    WRITERS[name] = Format(name, write_galaxy, write_field, description)


def claims(form, source):
    """Return whether a format recognises a source; one that fails at it does not."""
    try:
        return form.identify is not None and bool(form.identify(source))
    except Exception as error:  # whatever a plug-in may raise; the other formats go on
        warnings.warn(f"the format '{form.name}' failed to look at {source!r} and is skipped: "
                      f"{type(error).__name__}: {error}", ReaderWarning, stacklevel=3)
        return False


def identify_format(source):
    """
    Return the name of the format that a source has.

    Parameters
    ----------
    source : str, os.PathLike or object
        A path, a name that a format understands, or an object.

    Returns
    -------
    name : str

    Raises
    ------
    FileNotFoundError
        If there is no such file, and no format knows the name.
    OSError
        If the file is damaged.
    ValueError, TypeError
        If no format recognises the source.

    Warns
    -----
    ReaderWarning
        If several formats of one priority, or formats of several plug-ins, claim it: the
        message names the one that is taken. Of one priority that is the first in alphabetical
        order.

    Examples
    --------
    >>> from kinmis.readers import identify_format
    >>> identify_format("8485-1901")
    'marvin'
    """
    source = plain(source)
    found = claimants(source, every=False)
    if not found:
        _raise_unrecognised(source)
    taken = found[0]
    if len(found) > 1:
        reason = (", which has the highest priority," if taken.priority > found[1].priority
                  else "")
        warnings.warn(f"{source} is claimed by the formats "
                      f"{', '.join(form.name for form in found)}; '{taken.name}'{reason} is "
                      "taken. Give format= to choose another.", ReaderWarning, stacklevel=2)
    return taken.name


def claimants(source, *, every=True):
    """
    Return the formats that recognise a source, that which is taken first.

    Parameters
    ----------
    source : str, os.PathLike or object
        A path, a name that a format understands, or an object.
    every : bool, optional
        Whether to ask all formats; otherwise those that a format of higher priority beats are
        asked only if the two come from two packages, whose authors may not know of each
        other. Nobody is told that kinmis' own formats were beaten, or win.

    Returns
    -------
    formats : list of `Format`
    """
    load_once()
    source = plain(source)
    found = []
    for form in sorted(READERS.values(), key=lambda form: (-form.priority, form.name)):
        beaten = found and form.priority < found[0].priority
        if beaten and not every and ("kinmis" in (form.origin, found[0].origin)
                                     or form.origin == found[0].origin):
            continue
        if claims(form, source):
            found.append(form)
    return found


def plain(source):
    """Expand a path; leave anything else as it is."""
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    return os.path.expanduser(source) if isinstance(source, str) else source


def find(name, forms=READERS):
    load_built_in()
    if name not in forms:
        raise ValueError(f"there is no format {name!r}; there are:\n{_list(forms)}")
    return forms[name]


def _list(forms):
    return "\n".join(f"  {name}: {forms[name].description}" for name in sorted(forms))


def _raise_unrecognised(source):
    if not isinstance(source, str):
        hint = "; give its path" if hasattr(source, "read") else ""
        raise TypeError(f"no format reads an object of the type {type(source).__name__}{hint}; "
                        f"formats:\n{_list(READERS)}")
    if not os.path.exists(source):
        raise FileNotFoundError(f"there is no file {source!r}, and no format knows it as a name; "
                                f"formats:\n{_list(READERS)}")
    if os.path.isdir(source):
        raise IsADirectoryError(f"{source!r} is a folder; give the path of a file")
    from kinmis.readers.fits_stream import first_header
    try:
        first_header(source)
    except ValueError as error:
        reason = str(error)     # not FITS: another format may have been meant
    else:
        reason = f"{source}: a FITS file of no known kind"
    raise ValueError(f"{reason}. Give format= if it is one of these:\n{_list(READERS)}")


@functools.cache
def _options(function):
    """Return the names of a reader's options, or None for any."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


def check_options(form, options):
    known = _options(form.galaxy)
    if known is not None and not known >= options.keys():
        wrong = ", ".join(sorted(options.keys() - known))
        raise TypeError(f"the format '{form.name}' has no option {wrong}; it has "
                        f"{', '.join(sorted(known)) or 'none'}")


def _picking(read_galaxy):
    """Return a reader of one field, made from a reader of galaxies."""
    @functools.wraps(read_galaxy)
    def read_field(source, component=None, **options):
        fields = read_galaxy(source, **options).fields
        if component is None:
            component = next(iter(fields))
        if component not in fields:
            raise ValueError(f"there is no component {component!r}; there is "
                             f"{' and '.join(fields)}")
        return fields[component]
    read_field.__doc__ = ("Read the field of one component; it keeps the other as its partner.\n\n"
                          "``component`` is \"stellar\" or \"gas\"; by default the stars, or the "
                          "only one that\nthere is. The options are those of the reader of the "
                          "galaxy, which is described here:\n\n"
                          + inspect.cleandoc(read_galaxy.__doc__ or "(no description)"))
    return read_field
