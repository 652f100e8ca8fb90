"""``kinmis plot``."""

import re
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kinmis.catalogue.row import error_text
from kinmis.cli.errors import UsageError
from kinmis.cli.inputs import refuse_folders

__all__ = ["run"]


def run(args):
    """Draw each galaxy; return 1 if some could not be drawn."""
    _need_matplotlib()
    refuse_folders(args.sources, args.command)
    paged = args.out is not None and args.out.lower().endswith(".pdf")
    if args.out is not None and len(args.sources) > 1 and not paged:
        raise UsageError("only a PDF takes several galaxies: give --out FILE.pdf, or no --out "
                         "for a picture each")
    if args.out is not None:
        _check(Path(args.out), args.overwrite)
    failed = 0
    with ExitStack() as stack:
        pages = None
        for source in args.sources:
            try:
                figure, name = _draw(source, args)
            except Exception as error:  # the other galaxies go on
                if len(args.sources) == 1 or args.debug:
                    raise
                print(f"kinmis: error: {error_text(error)}", file=sys.stderr)
                failed += 1
                continue
            if paged:
                pages = pages or stack.enter_context(_pages(args.out))
                pages.savefig(figure)
            else:
                path = Path(name + ".png" if args.out is None else args.out)
                _check(path, args.overwrite)
                figure.savefig(path)
                print(path)
    if pages is not None:
        print(args.out)
    return int(failed > 0)


def _draw(source, args):
    """Return the picture of a galaxy, and a name for its file."""
    from kinmis import Galaxy
    galaxy = Galaxy.read(source, format=args.format, **dict(args.reader))
    if args.clean:
        galaxy = galaxy.clean()
    fits = {component: field.fit_pa(method=args.method, weights=args.weights)
            for component, field in galaxy.fields.items()}
    labels = galaxy.classify(clean=args.clean) if args.classify else ()
    figure = galaxy.plot(pa=fits, residuals=args.residuals, style=args.style, labels=labels)
    name = galaxy.id or Path(source).name.removesuffix(".gz").removesuffix(".fits")
    return figure, re.sub(r"[^\w.+-]+", "_", name)


def _need_matplotlib():
    try:
        import matplotlib  # noqa: F401 (whether it works is the question)
    except ImportError:
        raise UsageError("pictures need matplotlib: pip install 'kinmis[plot]'") from None


def _check(path, overwrite):
    from matplotlib.figure import Figure
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in kinds:
        raise UsageError(f"'{path}' has no suffix of a picture; try .png, .pdf or .svg")
    if not path.parent.is_dir():
        raise UsageError(f"'{path}' can't be written: there is no folder '{path.parent}'")
    if path.exists() and not overwrite:
        raise UsageError(f"'{path}' exists; give --overwrite to replace it, or choose another "
                         "name")


@contextmanager
def _pages(path):
    """Open a PDF of many pages, with fonts that journals take (TrueType, not Type 3)."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages
    with rc_context({"pdf.fonttype": 42}), PdfPages(path) as pages:
        yield pages
