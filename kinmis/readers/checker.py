"""`check_reader`: what a reader, and the fields that it makes, lack."""

import inspect
import os
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass

import numpy as np

from kinmis.readers.field_checks import check_field
from kinmis.readers.findings import Finding
from kinmis.readers.formats import check_options, claimants, find, plain
from kinmis.readers.plugins import load_once

__all__ = ["ReaderReport", "check_reader"]

_ODD_SOURCES = {"None": None, "a number": 1.5, "bytes": b"x", "an empty text": "",
                "the name of no file": "kinmis-checks-that-no-such-file-exists",
                "a folder": tempfile.gettempdir(), "an object": object()}


@dataclass(frozen=True)
class ReaderReport:
    """
    What a reader and its fields are like. It prints as text, a line for each finding.

    Parameters
    ----------
    name, origin, source : str
        The format, where it comes from, and what it read.
    findings : tuple of `~kinmis.readers.findings.Finding`
        What was found, in the order in which it was looked for.
    galaxy : `~kinmis.Galaxy` or None
        What it read.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.readers.checker import check_reader
    >>> path = mock.write_maps(mock.galaxy(seed=1), ".")
    >>> report = check_reader("manga-dap", path)
    >>> report.passed, report.count("wrong")
    (True, 0)
    """

    name: str
    origin: str
    source: str
    findings: tuple
    galaxy: object = None

    @property
    def passed(self):
        """Whether nothing is wrong; something may be lacking."""
        return self.count("wrong") == 0

    def count(self, level):
        """Return how many findings are ``"good"``, ``"lacking"`` or ``"wrong"``."""
        return sum(finding.level == level for finding in self.findings)

    def __str__(self):
        lines = [f"{self.name} ({self.origin}) on {self.source}"]
        lines += [f"  {finding.level:7s}  {finding.text}" for finding in self.findings]
        counts = [f"{self.count(level)} {level}" for level in ("good", "lacking", "wrong")]
        return "\n".join([*lines, ", ".join(counts)])

    __repr__ = __str__


def check_reader(name, source, **options):
    """
    Check a reader on a file: what it recognises, what it returns, what the fields lack.

    Parameters
    ----------
    name : str
        Name of the format.
    source : str, os.PathLike or object
        A file, or what else the format reads.
    **options
        Options of the format.

    Returns
    -------
    report : `ReaderReport`

    Raises
    ------
    ValueError
        If there is no such format.
    TypeError
        If it has no such option.
    FileNotFoundError
        If the source is a path, and there is nothing that the format could read.

    Examples
    --------
    >>> from kinmis import mock
    >>> from kinmis.readers.checker import check_reader
    >>> mock.velocity_field(40, component="gas", id="NGC 1", seed=1).write("gas.fits")
    >>> print(check_reader("kinmis", "gas.fits"))
    kinmis (kinmis) on gas.fits
      good     recognises the source, and nothing that it should not
      ...
    """
    load_once()
    form, source = find(name), plain(source)
    check_options(form, options)
    findings = list(_of_recognition(form, source))
    galaxy, found = _read(form, source, options)
    findings += found
    if galaxy is not None:
        findings += _of_options(form, source, options, galaxy)
        for component, field in galaxy.fields.items():
            findings += [Finding(item.level, f"{component}: {item.text}")
                         for item in check_field(field)]
    return ReaderReport(form.name, form.origin, str(source), tuple(findings), galaxy)


def _of_recognition(form, source):
    """Yield what is to be said of ``identify`` and of competitors."""
    if not form.description.strip() or "\n" in form.description:
        yield Finding("wrong", "the description must be one line, for lists of formats")
    if form.identify is None:
        yield Finding("lacking", "registered without identify: it is used only where the user "
                                 f"gives format=\"{form.name}\"")
        return
    bad = False
    for what, odd in {**_ODD_SOURCES, "this source": source}.items():
        try:
            answer = bool(form.identify(odd))
        except Exception as error:      # whatever the author's code may raise
            yield Finding("wrong", f"identify raises {_told(error)} for {what}; it must return "
                                   "False for what it does not know")
            bad = True
            continue
        if what == "this source" and not answer:
            yield Finding("wrong", "identify does not recognise this source")
            bad = True
        elif what != "this source" and answer:
            yield Finding("wrong", f"identify claims {what}; look into the file")
            bad = True
    if bad:
        return
    yield Finding("good", "recognises the source, and nothing that it should not")
    others = [other for other in claimants(source) if other.name != form.name]
    above = [other.name for other in others if other.priority > form.priority]
    beside = [other.name for other in others if other.priority == form.priority]
    below = [other.name for other in others if other.priority < form.priority]
    if above:
        yield Finding("lacking", f"{above[0]} claims the source too and goes first, as its "
                                 "priority is higher; give register_reader a higher one")
    elif beside:
        yield Finding("lacking", f"{beside[0]} claims the source too, with the same priority; "
                                 "users get a warning. Give register_reader another priority")
    elif below:
        yield Finding("good", f"goes before {', '.join(below)}, of lower priority")


def _read(form, source, options):
    """Return the galaxy, or None, and what is to be said of reading it."""
    from kinmis.galaxy import Galaxy
    begin = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            galaxy = form.galaxy(source, **options)
        except FileNotFoundError:
            raise
        except Exception as error:      # whatever the author's code may raise
            frame = traceback.extract_tb(error.__traceback__)[-1]
            return None, [Finding("wrong", f"reading raises {_told(error)} "
                                           f"({os.path.basename(frame.filename)}, line "
                                           f"{frame.lineno})")]
    took = time.perf_counter() - begin
    if not isinstance(galaxy, Galaxy):
        return None, [Finding("wrong", f"the reader returns {type(galaxy).__name__}; it must "
                                       "return a kinmis.Galaxy")]
    findings = [Finding("good", f"reads {' and '.join(galaxy.fields)} in {took:.2g} s")]
    for text in dict.fromkeys(str(item.message) for item in caught):
        findings.append(Finding("lacking", f"gives the warning: {text}"))
    return galaxy, findings


def _of_options(form, source, options, galaxy):
    """Yield what is to be said of further calls of the reader."""
    if not (inspect.getdoc(form.galaxy) or "").strip():
        yield Finding("lacking", "the reader has no docstring; Galaxy.read.help shows it")
    kinds = [item.kind for item in inspect.signature(form.galaxy).parameters.values()]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        yield Finding("lacking", "the reader takes any option (**), so that a misspelt one goes "
                                 "unseen")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = form.galaxy(source, **options)
        if not all(_same(field, again.fields.get(name))
                   for name, field in galaxy.fields.items()):
            yield Finding("wrong", "reading twice gives different fields")
        for name, field in galaxy.fields.items():
            if not _same(field, form.field(source, component=name, **options)):
                yield Finding("wrong", f"VelocityField.read(..., \"{name}\") gives another "
                                       "field than the galaxy has")
        if isinstance(source, str) and os.path.exists(source):
            yield from _of_missing_file(form, source, options)


def _of_missing_file(form, source, options):
    missing = os.path.join(tempfile.gettempdir(), "kinmis-no-such-" + os.path.basename(source))
    try:
        form.galaxy(missing, **options)
    except OSError:
        yield Finding("good", "says so where a file is missing")
    except Exception as error:      # whatever the author's code may raise
        yield Finding("lacking", f"raises {_told(error)} for a missing file; FileNotFoundError "
                                 "says more")
    else:
        yield Finding("wrong", "returns a galaxy for a file that does not exist")


def _same(first, second):
    return (second is not None and first.shape == second.shape
            and np.array_equal(first.mask, second.mask)
            and np.array_equal(first.data[~first.mask], second.data[~second.mask])
            and np.array_equal(first.east, second.east, equal_nan=True))


def _told(error):
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
