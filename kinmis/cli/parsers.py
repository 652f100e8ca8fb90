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
    for add in (_add_measure, _add_classify, _add_plot, _add_mock, _add_demo,
                _add_train, _add_fetch, _add_readers, _add_report, _add_compare):
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
    group.add_argument("--release", dest="reader", metavar="DR17", action="append",
                       type=lambda text: ("release", text),
                       help="data release of plate-IFUs: DR15, DR16 or DR17")
    group.add_argument("--access", dest="reader", metavar="WAY", action="append",
                       type=lambda text: ("access", text),
                       help="where plate-IFUs come from: api (Marvin), sas (files of the archive), "
                            "local (below $SAS_BASE_DIR) or auto (the default)")
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
        kinmis measure 8485-1901 7815-3702 --release DR17
        kinmis measure --list files.txt --out angles.fits --weights area
        kinmis measure --table sample.fits --column path --out angles.parquet
        kinmis measure --list survey.txt --out catalogue/       a long run, which can go on
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
    how.add_argument("--classify", choices=("auto", "yes", "no"), default="auto",
                     help="classify the fields (default: if the extra classifier is installed)")
    where = parser.add_argument_group("where to measure")
    where.add_argument("--workers", metavar="N", type=_count, default=None,
                       help="number of processes (default: as many as there are cores, for a "
                            "folder; else this one)")
    where.add_argument("--dask", metavar="ADDRESS",
                       help="scheduler of a dask cluster, such as tcp://127.0.0.1:8786")
    where.add_argument("--chunk-size", metavar="N", type=_count, default=None,
                       help="galaxies that are measured together and kept in one file "
                            "(default: 256)")
    output = parser.add_argument_group("output")
    output.add_argument("--out", metavar="FILE",
                        help="write the table: .ecsv, .fits, .vot or .xml (VOTable), .parquet; "
                             "or the folder of a long run, which keeps what is done: the same "
                             "command goes on where it was")
    output.add_argument("--overwrite", action="store_true",
                        help="replace a file that exists, or begin a folder anew")
    output.add_argument("--retry-failed", action="store_true",
                        help="measure again what has failed in the folder")
    output.add_argument("--progress", action="store_const", const=True, default="auto",
                        help="show a progress bar even where stderr is no terminal")
    output.add_argument("--quiet", action="store_true", help="no progress bar and no summary")


def _add_classify(commands):
    parser = _command(
        commands, "classify", "classify", "classify galaxies: how far to trust each field",
        "Classify the velocity fields of stars and gas as an expert would: 0 do not use, 1 messy, "
        "2 clean. Each is seen beside the other, where a file has both. Without --out the main "
        "columns are shown, a row a field; the file holds all of them.", """
        kinmis classify manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz
        kinmis classify maps/*.fits.gz --out quality.ecsv
        kinmis classify --list files.txt --min-confidence 0.9
        """)
    parser.epilog += ("\n\nexit code: 0 if every galaxy was read, 1 if some failed, "
                      "2 for wrong usage.")
    parser.add_argument("sources", metavar="FILE", nargs="*",
                        help="file, or identifier that a format knows")
    parser.add_argument("--list", metavar="FILE", action="append", default=[], dest="lists",
                        help="text file with a source a line; - is standard input")
    parser.add_argument("--min-confidence", metavar="P", type=float, default=None,
                        help="0.5 to 1: no verdict where the more probable of usable and not "
                             "usable is less probable than this")
    parser.add_argument("--model", metavar="FOLDER",
                        help="model that kinmis train made (default: the one of the package)")
    _add_reading(parser.add_argument_group("how to read"))
    output = parser.add_argument_group("output")
    output.add_argument("--out", metavar="TABLE",
                        help="write the table: .ecsv, .fits, .vot or .xml (VOTable), .parquet")
    output.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    output.add_argument("--progress", action="store_const", const=True, default="auto",
                        help="show a progress bar even where stderr is no terminal")
    output.add_argument("--quiet", action="store_true", help="no progress bar and no summary")


def _add_train(commands):
    parser = _command(
        commands, "train", "train", "train a classifier from labelled galaxies",
        "Train networks on a folder of labelled galaxies, calibrate them, and save the model. "
        "The folder holds labels.csv and the fields: velocity_maps.npz, or files that kinmis can "
        "read with the name of the galaxy in theirs. A run that was killed goes on with the same "
        "command, and gives the same model.", """
        kinmis train --data manga_mpl8 --out run
        kinmis classify FILE --model run/model
        """)
    parser.add_argument("--data", metavar="FOLDER", required=True, help="labelled galaxies")
    parser.add_argument("--out", metavar="FOLDER", required=True,
                        help="folder of the run: model/ is the model, curves.png and "
                             "network_*/curve.csv are the learning curves")
    parser.add_argument("--members", metavar="N", type=_count, default=2,
                        help="number of networks (default: 2)")
    parser.add_argument("--epochs", metavar="N", type=_count, default=None,
                        help="how often each sees all galaxies (default: as the model of the "
                             "package was trained)")
    parser.add_argument("--batch-size", metavar="N", type=_count, default=None,
                        help="galaxies in a batch")
    parser.add_argument("--seed", metavar="N", type=int, default=None,
                        help="number that makes the run the same every time (default: 1)")
    parser.add_argument("--name", default="kinmis-quality", help="name of the model")
    parser.add_argument("--version", default="1", help="version of the model")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


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
    parser.add_argument("--classify", action="store_true",
                        help="classify the fields, and write their quality above them")
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


def _add_fetch(commands):
    parser = _command(
        commands, "fetch", "fetch", "download MAPS files of MaNGA",
        "Download MAPS files from the archive of the survey into a folder. Each is looked through "
        "before it gets its name. What is there already is left, and what broke off goes on where "
        "it ended, so that the same command can be given again.", """
        kinmis fetch 8485-1901 7815-3702 --to maps
        kinmis fetch --list sample.txt --to maps --release DR15
        kinmis fetch --list sample.txt --to $SAS_BASE_DIR --tree
        """)
    parser.epilog += "\n\nexit code: 0 if all are there, 1 if some are not, 2 for wrong usage."
    parser.add_argument("sources", metavar="ID", nargs="*", help="plate-IFU")
    parser.add_argument("--list", metavar="FILE", action="append", default=[], dest="lists",
                        help="text file with a plate-IFU a line; - is standard input")
    parser.add_argument("--to", metavar="FOLDER", required=True,
                        help="folder to write to; it is made where it does not exist")
    parser.add_argument("--tree", action="store_true",
                        help="lay the files out as the archive does, so that the folder can be "
                             "$SAS_BASE_DIR")
    parser.add_argument("--release", metavar="DR17", help="data release: DR15, DR16 or DR17 (the "
                                                          "default)")
    parser.add_argument("--bintype", metavar="NAME", help="bins, such as VOR10 (default: HYB10)")
    parser.add_argument("--template", metavar="NAME",
                        help="templates (default: those that Marvin has)")
    parser.add_argument("--sas-url", metavar="URL", help="root of another archive")
    parser.add_argument("--timeout", metavar="S", type=float, default=30.,
                        help="seconds in which each piece has to come (default: 30)")
    parser.add_argument("--overwrite", action="store_true", help="download what is there, too")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")


def _add_readers(commands):
    parser = _command(
        commands, "readers", "readers", "list the formats, or check a reader",
        "List the formats that can be read, those of installed plug-ins among them, with what "
        "each recognises and where it comes from. With NAME, tell all about one. With --check, "
        "read a file and say what the reader and its fields lack.", """
        kinmis readers
        kinmis readers fits-image
        kinmis readers --which FILE
        kinmis readers --check my-format FILE
        """)
    parser.epilog += "\n\nexit code of --check: 0 if nothing is wrong, 1 otherwise."
    parser.add_argument("name", metavar="NAME", nargs="?", help="format to tell all about")
    parser.add_argument("--which", metavar="FILE",
                        help="say which formats recognise a file, and which is taken")
    parser.add_argument("--check", metavar=("NAME", "FILE"), nargs=2,
                        help="check the reader of a format on a file")
    parser.add_argument("--reader", metavar="OPTION=VALUE", action="append", default=[],
                        type=_pair, help="option of the reader for --check; may be repeated")


def _add_report(commands):
    parser = _command(
        commands, "report", "report", "make a page about a catalogue",
        "Make one HTML file about a catalogue: the summary, misalignments, position angles, "
        "errors, flags, and pictures of the most misaligned, the least certain and the "
        "out-of-distribution galaxies.", """
        kinmis report catalogue/
        kinmis report angles.fits --out angles.html
        """)
    parser.add_argument("catalogue", metavar="CATALOGUE",
                        help="folder or table that kinmis measure wrote")
    parser.add_argument("--out", metavar="FILE",
                        help="page to write (default: report.html in the folder)")
    parser.add_argument("--pictures", metavar="N", type=_count, default=8,
                        help="galaxies of each kind (default: 8)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def _add_compare(commands):
    parser = _command(
        commands, "compare", "compare", "compare two catalogues of the same galaxies",
        "Print how position angles and labels differ between two catalogues.", """
        kinmis compare old/ new/
        kinmis compare old.fits new.fits --out differences.ecsv --plot differences.png
        """)
    parser.add_argument("old", metavar="OLD", help="folder or table that kinmis measure wrote")
    parser.add_argument("new", metavar="NEW", help="the other one")
    parser.add_argument("--by", metavar="COLUMN", default="id",
                        help="column that says which galaxy it is (default: id)")
    parser.add_argument("--out", metavar="FILE", help="table of the differences to write")
    parser.add_argument("--plot", metavar="FILE", help="picture of the differences to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


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
