"""Arguments and help texts of the command."""

import argparse
import ast
import textwrap

__all__ = ["make_parser"]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the layout of examples, and leaves room for long options."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=28, width=92)


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="kinmis", formatter_class=_Formatter, allow_abbrev=False,
        description="Which way do galaxies rotate, and how far can the answer be trusted?\n\n"
                    "Position angles of stars and gas, and the angle between the two, from the\n"
                    "velocity fields of integral-field surveys.",
        epilog=_examples("""
            kinmis demo                                   see it work on model galaxies
            kinmis measure manga-*-MAPS-*.fits.gz         a table on the screen
            kinmis measure *.fits.gz --out angles.ecsv    a table in a file
            kinmis plot FILE --out galaxy.pdf             a picture
            """) + "\n\nkinmis COMMAND --help says more about each.")
    parser.add_argument("--version", action=_Version, help="show the version and leave")
    parser.set_defaults(command=None, debug=False)
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for add in (_add_measure, _add_plot, _add_mock, _add_demo):
        add(commands)
    return parser


class _Version(argparse.Action):
    """Shows the version; finding it out takes a moment, so it is left until asked for."""

    def __init__(self, option_strings, dest, help):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser, *ignored):
        from kinmis import __version__
        print(f"kinmis {__version__}")
        parser.exit()


def _examples(text):
    return "examples:\n" + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ")


def _command(commands, name, module, short, long, examples):
    parser = commands.add_parser(
        name, help=short, formatter_class=_Formatter, allow_abbrev=False,
        description=textwrap.fill(long, 88), epilog=_examples(examples))
    parser.add_argument("--debug", action="store_true",
                        help="show where an error comes from (for a bug report)")

    def run(args):
        from importlib import import_module
        return import_module(f"kinmis.cli.{module}").run(args)
    parser.set_defaults(run=run)
    return parser


def _add_reading(group):
    group.add_argument("--format", metavar="NAME",
                       help="format of the files; by default it is recognised")
    group.add_argument("--reader", metavar="OPTION=VALUE", action="append", default=[],
                       type=_pair, help="option of the reader of that format; may be repeated")
    group.add_argument("--no-clean", dest="clean", action="store_false",
                       help="take the fields as they are: no clipping of outlying velocities, "
                            "no removal of detached regions")


def _add_fitting(group):
    group.add_argument("--weights", choices=("bins", "area"), default="bins",
                       help="what counts alike in the fit: each independent datum (bins, the "
                            "default), or each spaxel (area), as in the published catalogue")
    group.add_argument("--method", choices=("harmonic", "bisymmetric", "pafit"),
                       default="harmonic", help="engine of the fit (default: %(default)s)")


def _add_measure(commands):
    parser = _command(
        commands, "measure", "measure", "measure galaxies into a table",
        "Measure the kinematic position angles of stars and gas and their misalignment, a row a "
        "galaxy. A galaxy that can't be measured gets a row that says why. Without --out the "
        "main columns are shown; the file holds all of them.", """
        kinmis measure manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz
        kinmis measure maps/*.fits.gz --out angles.ecsv
        kinmis measure --list files.txt --out angles.fits --weights area
        kinmis measure --table sample.fits --column path --out angles.parquet
        """)
    parser.epilog += ("\n\nexit code: 0 if every galaxy was measured, 1 if some failed, "
                      "2 for wrong usage.")
    what = parser.add_argument_group("what to measure")
    what.add_argument("sources", metavar="FILE", nargs="*",
                      help="file, or identifier that a format knows")
    what.add_argument("--list", metavar="FILE", action="append", default=[], dest="lists",
                      help="text file with a source a line; blank lines and what follows # are "
                           "ignored; - is standard input")
    what.add_argument("--table", metavar="FILE",
                      help="table whose rows are measured; its columns are carried through")
    what.add_argument("--column", metavar="NAME",
                      help="column of --table that names the sources (default: the first of "
                           "source, path, file, filename, plateifu and id that there is)")
    _add_reading(parser.add_argument_group("how to read"))
    how = parser.add_argument_group("how to measure")
    _add_fitting(how)
    how.add_argument("--threshold", metavar="DEG", type=float, default=30.,
                     help="a galaxy is misaligned beyond this angle (default: 30)")
    output = parser.add_argument_group("output")
    output.add_argument("--out", metavar="FILE",
                        help="write the table: .ecsv, .fits, .vot or .xml (VOTable), .parquet")
    output.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    output.add_argument("--progress", action="store_const", const=True, default="auto",
                        help="show a progress bar even where stderr is no terminal")
    output.add_argument("--quiet", action="store_true", help="no progress bar and no summary")


def _add_plot(commands):
    parser = _command(
        commands, "plot", "plot", "draw galaxies",
        "Draw the velocity fields of stars and gas with their position angles: North is up, "
        "East is left, the red dot marks the receding side.", """
        kinmis plot manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz
        kinmis plot FILE --residuals --out fit.png
        kinmis plot maps/*.fits.gz --style paper --out figures.pdf
        """)
    parser.add_argument("sources", metavar="FILE", nargs="+",
                        help="file, or identifier that a format knows")
    parser.add_argument("--out", metavar="FILE",
                        help="picture to write; the suffix says what kind (.png, .pdf, .svg); "
                             "a PDF takes several galaxies, a page each (default: the name of "
                             "each galaxy with .png, in this folder)")
    parser.add_argument("--residuals", action="store_true",
                        help="draw model and residuals beside the data")
    parser.add_argument("--style", choices=("screen", "paper"), default="screen",
                        help="size and lettering (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    _add_reading(parser.add_argument_group("how to read"))
    _add_fitting(parser.add_argument_group("how to measure"))


def _add_mock(commands):
    parser = _command(
        commands, "mock", "mock", "make model galaxies as MaNGA MAPS files",
        "Make model galaxies of known position angle and write each as a MAPS file of the MaNGA "
        "Data Analysis Pipeline. The angles are drawn at random, and every third galaxy has "
        "gas that rotates differently from the stars; truth.ecsv lists them.", """
        kinmis mock --n 20 --out mocks
        kinmis measure --table mocks/truth.ecsv
        """)
    parser.add_argument("--n", metavar="N", type=_count, default=10,
                        help="how many galaxies (default: 10)")
    parser.add_argument("--out", metavar="FOLDER", default="mocks",
                        help="folder to write to; it is made where it does not exist "
                             "(default: %(default)s)")
    parser.add_argument("--schema", choices=("DR15", "DR17"), default="DR17",
                        help="data release whose layout the files have (default: %(default)s)")
    parser.add_argument("--seed", metavar="N", type=int, default=None,
                        help="number that makes the galaxies the same every time")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def _add_demo(commands):
    parser = _command(
        commands, "demo", "demo", "see it work, on model galaxies",
        "Make a few model galaxies as MAPS files, measure them, print the angles beside the "
        "truth, and draw one picture.", """
        kinmis demo
        kinmis demo --out somewhere
        """)
    parser.add_argument("--out", metavar="FOLDER",
                        help="folder for the files (default: a new folder kinmis-demo-... for "
                             "temporary files)")
    parser.add_argument("--seed", metavar="N", type=int, default=1,
                        help="number that makes the galaxies the same every time (default: 1)")


def _count(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return number


def _pair(text):
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form OPTION=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
