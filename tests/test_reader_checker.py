"""The check of readers: what it tells an author, and that it finds each fault."""

import astropy.units as u
import numpy as np
import pytest

from kinmis import Galaxy, VelocityField, mock, register_reader
from kinmis.cli import main
from kinmis.readers.checker import check_reader
from kinmis.readers.field_checks import check_field
from kinmis.readers.formats import READERS, unregister_reader
from kinmis.readers.plugins import load_built_in

MARK = "# a map"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "galaxy.map"
    path.write_text(MARK)
    return str(path)


def identify(source):
    """Return whether a source is a map of these tests."""
    try:
        with open(source if isinstance(source, str) else "") as file:
            return file.read(len(MARK)) == MARK
    except (OSError, ValueError):
        return False


@pytest.fixture
def check(path):
    """Return a function that registers a reader, checks it, and gives the lines of the report."""
    load_built_in()
    before = set(READERS)

    def run(reader=None, identify=identify, description="A map", **more):
        def read(source):
            """Read a map."""
            with open(source):
                return good_galaxy()
        register_reader("checked", reader or read, identify, description=description,
                        force=True, **more)
        return check_reader("checked", path)
    yield run
    for name in set(READERS) - before:
        unregister_reader(name)


def good_galaxy():
    return mock.galaxy(40, seed=1, bins=200, size=12)


def lines(report, level):
    return [finding.text for finding in report.findings if finding.level == level]


def test_good_reader(check):
    report = check()
    assert report.passed and report.count("lacking") == report.count("wrong") == 0
    good = "\n".join(lines(report, "good"))
    for text in ("recognises the source, and nothing", "reads stellar and gas in",
                 "says so where a file is missing", "stellar: ", "200 bins",
                 "gas: a position angle can be fitted: 39.8"):
        assert text in good
    assert str(report).startswith("checked (module test_reader_checker) on ")
    assert str(report).endswith("good, 0 lacking, 0 wrong")


@pytest.mark.parametrize("identify, level, text", [
    (None, "lacking", "registered without identify"),
    (lambda source: False, "wrong", "identify does not recognise this source"),
    (lambda source: source.endswith(".map"), "wrong", "identify raises AttributeError"),
    (lambda source: isinstance(source, str), "wrong", "identify claims the name of no file"),
])
def test_recognition(check, identify, level, text):
    report = check(identify=identify)
    assert any(text in line for line in lines(report, level)), report


def test_competitors(check, path):
    report = {}
    for name, priority in (("above", 5), ("beside", 0), ("below", -5)):
        register_reader("zz-other", lambda source: good_galaxy(), identify, description="Other",
                        priority=priority, force=True)
        report[name] = str(check())
    assert "lacking  zz-other claims the source too and goes first" in report["above"]
    assert "lacking  zz-other claims the source too, with the same priority" in report["beside"]
    assert "good     goes before zz-other, of lower priority" in report["below"]


@pytest.mark.parametrize("reader, text", [
    (lambda source: 1 / 0, "reading raises ZeroDivisionError: division by zero (test_reader_"),
    (lambda source: {"stellar": None}, "the reader returns dict; it must return a kinmis.Galaxy"),
    (lambda source: good_galaxy(), "returns a galaxy for a file that does not exist"),
])
def test_faults_of_the_reader(check, reader, text):
    report = check(reader)
    assert not report.passed
    assert any(text in line for line in lines(report, "wrong")), report


def test_reader_that_changes_its_mind(check):
    seeds = iter(range(100))
    report = check(lambda source: mock.galaxy(40, seed=next(seeds), size=12))
    assert "reading twice gives different fields" in lines(report, "wrong")


def test_what_is_lacking(check):
    def read(source, **options):
        with open(source) if "galaxy.map" in source[-10:] else open("/"):
            np.asarray([1.0]) / np.asarray([0.0])
        return good_galaxy()
    text = "\n".join(lines(check(read), "lacking"))
    assert "the reader has no docstring" in text
    assert "takes any option" in text
    assert "gives the warning: divide by zero" in text


def test_description(check):
    assert "description must be one line" in str(check(description="two\nlines"))


def test_unknown_names(check, path):
    with pytest.raises(ValueError, match="there is no format 'nope'"):
        check_reader("nope", path)
    check()
    with pytest.raises(TypeError, match="has no option factor"):
        check_reader("checked", path, factor=2)
    with pytest.raises(FileNotFoundError):
        check_reader("checked", path + "x")


# fields

def field(velocity=None, good=None, **more):
    """A regular map of 17 x 17 spaxels, with what is given instead."""
    north, east = np.mgrid[-8:9, -8:9] * 0.5
    random = np.random.default_rng(1)
    options = {"east": east, "north": north, "component": "stellar",
               "error": np.full(east.shape, 5.0), "meta": {"id": "x"}, **more}
    velocity = 20 * east + random.normal(0, 5, east.shape) if velocity is None else velocity
    return VelocityField.from_arrays(velocity, **options)


def wrong(field):
    return [item.text for item in check_field(field) if item.level == "wrong"]


def test_good_field():
    assert wrong(field()) == []


north, east = np.mgrid[-8:9, -8:9] * 0.5
slope = 20 * east + 1 + 0.01 * north


@pytest.mark.parametrize("field, text", [
    (lambda: field(np.full((17, 17), np.nan)), "every spaxel is masked"),
    (lambda: field(np.where(east < 0, 0.0, 30 + 5 * north)), "look"),
    (lambda: field(np.where(east < -3, -999.9, slope)), "exactly -999.9"),
    (lambda: field(1000 * slope), "are they in m/s"),
    (lambda: field(1e-4 * slope), "are they redshifts"),
    (lambda: field(error=np.full((17, 17), 900.0)), "is it a variance, an inverse variance"),
    (lambda: field(error=np.full((17, 17), 1e-6)), "is it a variance, an inverse variance"),
    (lambda: field(20 * np.round(east / 2)), "give bin_id"),
    (lambda: field(east=east / 3600, north=north / 3600), "in another unit than arcsec"),
    (lambda: field(east=east * 3600, north=north * 3600), "in another unit than arcsec"),
    (lambda: field(north=east), "lie on one line"),
    (lambda: field(meta={"reff": 5.0}), "meta['reff'] is 5.0; it must be a Quantity in arcsec"),
    (lambda: field(meta={"psf_fwhm": 5 * u.km}), "it must be a Quantity in arcsec"),
    (lambda: field(meta={"z": 0.1 * u.m}), "it must be a plain number"),
    (lambda: field(meta={"tool": object()}), "can't be written"),
])
def test_faults_of_a_field(field, text):
    assert any(text in line for line in wrong(field())), wrong(field())


@pytest.mark.parametrize("field, text", [
    (lambda: field(error=None), "no errors"),
    (lambda: field(5000 + slope), "these look like cz"),
    (lambda: field(east=east + 30), "offsets from it?"),
    (lambda: field(component="gas"), "gas without line"),
    (lambda: field(bin_id=np.where(east < -3, -1, 1 + np.arange(289).reshape(17, 17))),
     "valid spaxels are in no bin"),
    (lambda: field(meta={"id": "x", "orientation": "assumed"}), "which way is East"),
    (lambda: field(np.random.default_rng(2).normal(0, 50, (17, 17))), "no position angle found"),
])
def test_what_a_field_lacks(field, text):
    found = check_field(field())
    assert any(text in item.text for item in found if item.level == "lacking"), found


@pytest.mark.parametrize("handedness", ["manga", "east"])
def test_offsets_and_wcs(handedness):
    made = mock.velocity_field(40, seed=1, handedness=handedness, rotation=20, id="x")
    assert wrong(made) == []
    mirrored = VelocityField.from_arrays(
        made.data, east=-made.east, north=made.north, mask=made.mask, wcs=made.wcs)
    assert "east and north do not agree with the WCS: East is mirrored" in wrong(mirrored)
    turned = VelocityField.from_arrays(
        made.data, east=made.north, north=made.east, mask=made.mask, wcs=made.wcs)
    assert "east and north do not agree with the WCS" in wrong(turned)


# the command

def test_command(capsys, check, path):
    def run(*argv):
        code = main(["readers", *argv])
        return code, *capsys.readouterr()
    check()
    code, out, err = run("--check", "checked", path)
    assert (code, err) == (0, "") and out.endswith("good, 0 lacking, 0 wrong\n")
    check(lambda source: None)
    code, out, _ = run("--check", "checked", path)
    assert code == 1 and "it must return a kinmis.Galaxy" in out
    code, out, err = run("--check", "nope", path)
    assert code == 2 and "there is no format 'nope'" in err
    code, out, err = run("--check", "checked", path, "--reader", "factor=2")
    assert code == 1 and "has no option factor" in err
    code, out, err = run("checked", "--which", path)
    assert code == 2 and "give one of NAME, --which and --check" in err
    assert run("--reader", "a=1")[0] == 2


def test_command_lists_and_tells(capsys):
    assert main(["readers"]) == 0
    out = capsys.readouterr().out
    for name in READERS:
        assert f"{name}\n    " in out
    assert max(map(len, out.splitlines())) <= 92
    assert main(["readers", "fits-image"]) == 0
    out = capsys.readouterr().out
    assert "preset sami-stellar: SAMI DR3" in out and "Parameters\n----------" in out
    assert main(["readers", "nope"]) == 2


def test_help_of_the_command(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        main(["readers", "--help"])
    out = capsys.readouterr().out
    assert left.value.code == 0 and "examples:\n  kinmis readers\n" in out
    assert max(map(len, out.splitlines())) <= 92


def test_command_says_which(capsys, tmp_path):
    path = mock.write_maps(mock.galaxy(seed=1), tmp_path)
    assert main(["readers", "--which", str(path)]) == 0
    assert capsys.readouterr().out == "manga-dap: taken (priority 10, from kinmis)\n"
    (tmp_path / "a.txt").write_text("x")
    assert main(["readers", "--which", str(tmp_path / "a.txt")]) == 1
    assert "is no FITS file" in capsys.readouterr().err


def test_galaxies_of_every_format_pass(tmp_path):
    galaxy = mock.galaxy(40, seed=1, bins=200)
    assert check_reader("manga-dap", mock.write_maps(galaxy, tmp_path)).passed
    galaxy.write(tmp_path / "own.fits")
    assert check_reader("kinmis", tmp_path / "own.fits").passed
    assert isinstance(check_reader("kinmis", tmp_path / "own.fits").galaxy, Galaxy)


@pytest.mark.parametrize("pattern", ["manga/*MAPS*", "sami/*-velocity_*", "califa/*", "atlas3d/*",
                                     "ngist/*_kin.*"])
def test_real_files_pass(shared_data, pattern):
    paths = sorted((shared_data / "ifu").glob(pattern))
    assert paths
    for path in paths:
        name = {"manga": "manga-dap", "sami": "fits-image"}.get(path.parent.name, "bin-table")
        report = check_reader(name, path)
        assert report.passed, report
