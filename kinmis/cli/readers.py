"""``kinmis readers``."""

import inspect
import sys
import textwrap

from kinmis.cli.errors import UsageError

__all__ = ["run"]

WIDTH = 92


def run(args):
    """List formats, tell of one, say which reads a file, or check one."""
    if (args.name is not None) + (args.check is not None) + (args.which is not None) > 1:
        raise UsageError("give one of NAME, --which and --check")
    if args.reader and args.check is None:
        raise UsageError("--reader goes with --check")
    from kinmis.readers.formats import READERS
    from kinmis.readers.plugins import load_once
    _with_warnings(load_once)
    if args.check is not None:
        return _check(*args.check, dict(args.reader))
    if args.which is not None:
        return _which(args.which)
    if args.name is not None:
        return _tell(_known(args.name))
    print("\n\n".join(_entry(READERS[name]) for name in sorted(READERS)))
    return 0


def _entry(form):
    """Return the lines about a format."""
    lines = [form.name, *_wrapped(form.description),
             *_wrapped(f"recognises: {form.recognises}"),
             f"    from: {form.origin}, priority {form.priority}"]
    return "\n".join(lines)


def _wrapped(text):
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")


def _tell(form):
    """Print all about a format: its presets, and the documentation of its options."""
    print(_entry(form))
    for name, preset in _presets(form.name).items():
        print("\n".join(textwrap.wrap(f"preset {name}: {preset.description}", WIDTH,
                                      initial_indent="    ", subsequent_indent="        ")))
    text = inspect.getdoc(form.galaxy)
    print("\n" + (text or "The reader has no documentation."))
    return 0


def _presets(name):
    from kinmis.readers.presets import PRESETS
    from kinmis.readers.table_presets import TABLE_PRESETS
    return {"fits-image": PRESETS, "bin-table": TABLE_PRESETS}.get(name, {})


def _which(source):
    """Print which formats recognise a file, that which is taken first."""
    from kinmis.readers.formats import claimants, identify_format
    found = _with_warnings(claimants, source)
    if not found:
        identify_format(source)     # raises the error that a user would get
    for number, form in enumerate(found):
        print(f"{form.name}: {'taken' if number == 0 else 'claims it too'} (priority "
              f"{form.priority}, from {form.origin})")
    return 0


def _check(name, source, options):
    from kinmis.readers.checker import check_reader
    _known(name)
    report = _with_warnings(check_reader, name, source, **options)
    print(report)
    return 0 if report.passed else 1


def _known(name):
    from kinmis.readers.formats import find
    try:
        return find(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _with_warnings(function, *args, **options):
    """Call a function, and tell of its warnings in a line each."""
    import warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return function(*args, **options)
        finally:
            for text in dict.fromkeys(str(item.message) for item in caught):
                print(f"kinmis: warning: {text}", file=sys.stderr)
