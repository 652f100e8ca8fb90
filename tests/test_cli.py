"""The command: what it prints where, its exit codes, its errors read aloud."""

import io
import re
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from astropy.table import Table

from kinmis import mock
from kinmis.catalogue import read_table
from kinmis.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    return [str(mock.write_maps(mock.galaxy(40, angle, size=12., seed=seed,
                                            id=f"9000{seed}-1901"), folder))
            for seed, angle in enumerate((43, 130))]


def run(capsys, *argv):
    """Return exit code, stdout and stderr of a call in this process."""
    try:
        code = main([str(word) for word in argv])
    except SystemExit as exit:
        code = exit.code
    return code, *capsys.readouterr()


def command(*argv, **options):
    return subprocess.run([sys.executable, "-m", "kinmis", *map(str, argv)], text=True,
                          capture_output=True, timeout=120, **options)


# help and version

def test_version():
    import kinmis
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"kinmis {kinmis.__version__}\n", "")


@pytest.mark.parametrize("argv", [[], ["--help"], ["measure", "--help"], ["plot", "--help"],
                                  ["mock", "--help"], ["demo", "--help"]])
def test_help_reads_well(capsys, argv, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run(capsys, *argv)
    assert (code, err) == (0, "")
    assert out.startswith("usage: kinmis")
    assert "examples:\n  kinmis" in out
    assert max(map(len, out.splitlines())) <= 92
    for option in re.findall(r"^  (-.*)$", out, re.M):
        # the help stands on the line, or on the next where the option is long
        assert "  " in option or re.search(rf"{re.escape(option)}\n {{10,}}\w", out), option


def test_help_is_fast():
    done = command("--help")
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys; from kinmis.cli import main\n"
         "try: main(['measure', '--help'])\nexcept SystemExit: pass\n"
         "print([name for name in sys.modules if name in ('numpy', 'astropy')])"],
        capture_output=True, text=True, check=True).stdout
    assert done.returncode == 0
    assert loaded.splitlines()[-1] == "[]"


@pytest.mark.parametrize("argv, match", [
    (["nonsense"], "invalid choice: 'nonsense'"),
    (["measure", "x", "--weights", "y"], "invalid choice: 'y'"),
    (["measure", "x", "--threshold", "y"], "invalid float value: 'y'"),
    (["measure", "x", "--reader", "y"], "'y' is not of the form OPTION=VALUE"),
    (["plot"], "the following arguments are required: FILE"),
    (["mock", "--n", "0"], "'0' is no whole number above 0"),
    (["measure"], "nothing to measure: name files, or give --list or --table"),
    (["measure", "x", "--table", "y"], "either files or --table, not both"),
    (["measure", "x", "--column", "y"], "--column is for --table"),
    (["measure", "x", "--threshold", "200"], "threshold must be between 0 and 180"),
    (["measure", "x", "--format", "y"], "there is no format 'y'"),
    (["measure", "x", "--format", "manga-dap", "--reader", "y=1"], "no option y"),
    (["measure", "x", "--out", "y.z"], "'y.z' has no suffix of a table format; known are .ecsv"),
    (["measure", "x", "--retry-failed"], "--retry-failed is for a folder"),
    (["measure", "x", "--workers", "0"], "'0' is no whole number above 0"),
    (["measure", "x", "--workers", "2", "--dask", "y"], "either --workers or --dask, not both"),
    (["measure", "x", "--dask", "y://z"], "there is no dask scheduler at 'y://z'"),
    (["measure", "--list", "y"], "there is no list 'y'"),
    (["measure", "--table", "y"], "there is no table 'y'"),
    (["plot", "x", "y", "--out", "z.png"], "only a PDF takes several galaxies"),
    (["plot", "x", "--out", "z.xyz"], "no suffix of a picture; try .png"),
    (["plot", "x", "--out", "no/z.png"], "there is no folder 'no'"),
])
def test_wrong_usage(capsys, tmp_path, monkeypatch, argv, match):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *argv)
    assert (code, out) == (2, "")
    assert match in err
    assert re.search(r"^kinmis( measure| plot| mock)?: error: ", err, re.M)
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["measure", "plot"])
def test_folders_are_refused(capsys, tmp_path, name):
    code, out, err = run(capsys, name, tmp_path)
    assert (code, out) == (2, "")
    assert err == (f"kinmis: error: '{tmp_path}' is a folder; name its files, as in: "
                   f"kinmis {name} {tmp_path}/*.fits.gz\n")


# measure

def test_measure_shows_a_table(capsys, files):
    code, out, err = run(capsys, "measure", *files)
    assert code == 0
    head, units, rule, *rows = out.splitlines()
    assert " ".join(head.split()) == "galaxy PA stars PA gas misalignment P(> 30) remarks"
    assert units.split() == ["deg"] * 3
    assert len(rows) == 2
    assert re.match(r"90000-1901 +(39|40|41)\.\d \+/- \d\.\d +4[1-5]\.\d \+/- \d\.\d ", rows[0])
    assert re.match(r"2 galaxies in \d+\.\d s \([\d.]+ a second\): 2 ok, 0 partial, 0 failed\n"
                    r"usable: 2 stellar, 2 gas, 2 both\n"
                    r"misaligned by more than 30 deg: 1 of 2 \(50\.0%\)\n$", err)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits", ".vot", ".parquet"])
def test_measure_writes_a_file(capsys, files, tmp_path, suffix):
    path = tmp_path / f"angles{suffix}"
    code, out, err = run(capsys, "measure", *files, "--out", path, "--weights", "area")
    assert (code, out) == (0, "")
    assert err.endswith(f"written to {path}\n")
    table = read_table(path)
    assert list(table["id"]) == ["90000-1901", "90001-1901"]
    assert table.meta["kinmis"]["options"]["fit"]["weights"] == "area"


def test_measure_goes_on_after_a_failure(capsys, files, tmp_path):
    broken = tmp_path / "broken.fits.gz"
    broken.write_bytes(b"nothing of use")
    code, out, err = run(capsys, "measure", files[0], "missing1", broken, "missing2")
    assert code == 1
    assert len(out.splitlines()) == 7
    assert "FileNotFoundError: there is no file ..., and no format knows it as a name" in out
    assert "4 galaxies" in err and "1 ok, 0 partial, 3 failed" in err
    assert ("2 failed: FileNotFoundError: there is no file ..., and no format knows it as a name "
            "(missing1, missing2)\n") in err
    assert "broken.fits.gz" in err


def test_measure_one_bad_galaxy_of_a_table_in_a_file(capsys, tmp_path):
    code, out, err = run(capsys, "measure", "missing", "--out", tmp_path / "t.fits")
    assert (code, out) == (1, "")
    assert list(read_table(tmp_path / "t.fits")["status"]) == ["failed"]


def test_quiet(capsys, files):
    code, out, err = run(capsys, "measure", files[0], "--quiet")
    assert (code, err) == (0, "")
    assert "90000-1901" in out


def test_progress(capsys, files):
    code, out, err = run(capsys, "measure", *files, "missing", "--progress")
    assert "3/3" in err and "failed=1" in err


def test_existing_output(capsys, files, tmp_path):
    path = tmp_path / "t.ecsv"
    path.write_text("precious")
    code, out, err = run(capsys, "measure", files[0], "--out", path)
    assert (code, out) == (2, "")
    assert err == (f"kinmis: error: '{path}' exists; give --overwrite to replace it, or choose "
                   "another name\n")
    assert path.read_text() == "precious"
    assert run(capsys, "measure", files[0], "--out", path, "--overwrite")[0] == 0
    assert len(read_table(path)) == 1


def test_list(capsys, files, tmp_path, monkeypatch):
    path = tmp_path / "list.txt"
    path.write_text(f"\ufeff# my galaxies\n\n{files[0]}  # the first\n   \n{files[1]}\n",
                    encoding="utf-8")
    code, out, err = run(capsys, "measure", "--list", path)
    assert code == 0 and len(out.splitlines()) == 5
    monkeypatch.setattr("sys.stdin", io.StringIO(path.read_text(encoding="utf-8")))
    assert run(capsys, "measure", "--list", "-")[0] == 0


@pytest.mark.parametrize("content, match", [
    (b"# nothing\n\n", "names no source"),
    (b"SIMPLE  = T\0\0\0", "is no text; name it without --list"),
])
def test_lists_of_no_use(capsys, tmp_path, content, match):
    path = tmp_path / "list"
    path.write_bytes(content)
    code, out, err = run(capsys, "measure", "--list", path)
    assert (code, out) == (2, "")
    assert match in err


def test_table(capsys, files, tmp_path):
    path = tmp_path / "sample.csv"
    Table({"maps": files, "mass": [1., 2.]}).write(path)
    code, out, err = run(capsys, "measure", "--table", path)
    assert code == 2
    assert "no column of the table says where the galaxies are" in err
    code, out, err = run(capsys, "measure", "--table", path, "--column", "maps",
                         "--out", tmp_path / "t.ecsv")
    assert code == 0
    assert list(read_table(tmp_path / "t.ecsv")["mass"]) == [1, 2]


def test_no_rotation_is_told(capsys, tmp_path):
    galaxy = mock.galaxy(40, size=12., seed=1, gas={"v_max": 0.})
    path = mock.write_maps(galaxy, tmp_path)
    code, out, err = run(capsys, "measure", path)
    assert code == 0
    assert "no rotation" in out
    assert "no rotation: 0 stellar, 1 gas" in err


def test_real_galaxy(capsys, manga_maps_file, tmp_path):
    code, out, err = run(capsys, "measure", manga_maps_file)
    assert code == 0
    assert re.match(r"7815-3702 +16\d\.\d \+/- \d\.\d +16\d\.\d \+/- \d\.\d ", out.splitlines()[3])
    code, out, err = run(capsys, "plot", manga_maps_file, "--out", tmp_path / "x.png")
    assert (code, err) == (0, "")


def test_debug_shows_where_from(capsys):
    with pytest.raises(FileNotFoundError):
        main(["plot", "missing", "--debug"])


def test_unforeseen_error(capsys, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError("oops")
    monkeypatch.setattr("kinmis.catalogue.measure", broken)
    code, out, err = run(capsys, "measure", "x")
    assert (code, out, err) == (1, "", "kinmis: error: ZeroDivisionError: oops\n")


def wait_until_idle(process, seconds=60):
    """Wait until a process has started and does nothing but wait for its input."""
    seen, deadline = -1., time.monotonic() + seconds
    while time.monotonic() < deadline:
        used = sum(psutil.Process(process.pid).cpu_times()[:2])
        if used == seen and used > 0.02:
            return
        seen = used
        time.sleep(1)


def test_interruption(files, tmp_path):
    # a shell that runs tests in the background has them ignore interruptions
    heed = ("import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from kinmis.cli import main; sys.exit(main(sys.argv[1:]))")
    process = subprocess.Popen([sys.executable, "-c", heed, "measure", "--list", "-"],
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until_idle(process)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert err == "kinmis: interrupted\n"


def test_reader_that_left(files):
    process = subprocess.Popen([sys.executable, "-m", "kinmis", "measure", files[0], "--quiet"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert err == b""


# plot

def test_plot(capsys, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "plot", *files)
    assert (code, out, err) == (0, "90000-1901.png\n90001-1901.png\n", "")
    assert (tmp_path / "90000-1901.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = run(capsys, "plot", files[0])
    assert code == 2
    assert "'90000-1901.png' exists; give --overwrite" in err
    assert run(capsys, "plot", files[0], "--overwrite")[0] == 0


def test_plot_to_pdf(capsys, files, tmp_path):
    path = tmp_path / "all.pdf"
    code, out, err = run(capsys, "plot", files[0], "missing", files[1], "--out", path,
                         "--residuals", "--style", "paper")
    assert (code, out) == (1, f"{path}\n")
    assert err.startswith("kinmis: error: FileNotFoundError: there is no file 'missing'")
    assert path.read_bytes().count(b"/Type /Page ") == 2


def test_plot_of_nothing(capsys, tmp_path):
    code, out, err = run(capsys, "plot", "missing", "--out", tmp_path / "x.pdf")
    assert (code, out) == (1, "")
    assert err == "kinmis: error: there is no file 'missing', and no format knows it as a name\n"
    assert not list(tmp_path.iterdir())


def test_plot_of_several_that_are_not_there(capsys, tmp_path):
    code, out, err = run(capsys, "plot", "a", "b", "--out", tmp_path / "x.pdf")
    assert (code, out, len(err.splitlines())) == (1, "", 2)
    assert not list(tmp_path.iterdir())


def test_plot_without_matplotlib(capsys, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run(capsys, "plot", files[0])
    assert (code, out) == (2, "")
    assert err == "kinmis: error: pictures need matplotlib: pip install 'kinmis[plot]'\n"


# mock and demo

@pytest.mark.parametrize("schema", ["DR15", "DR17"])
def test_mock_and_measure(capsys, tmp_path, schema):
    folder = tmp_path / "mocks"
    code, out, err = run(capsys, "mock", "--n", 3, "--out", folder, "--seed", 5,
                         "--schema", schema)
    assert (code, out) == (0, f"{folder}/truth.ecsv\n")
    assert err == f"3 model galaxies written to {folder}\n"
    assert len(list(folder.glob("manga-*-MAPS-*.fits.gz"))) == 3
    path = tmp_path / "t.ecsv"
    assert run(capsys, "measure", "--table", folder / "truth.ecsv", "--out", path)[0] == 0
    table = read_table(path)
    off = (table["stellar_pa"] - table["true_stellar_pa"]).unmasked.to_value("deg")
    assert np.all(np.abs((off + 180) % 360 - 180) < 5)
    off = (table["misalignment"] - table["true_misalignment"]).unmasked.to_value("deg")
    assert np.all(np.abs(off) < 8)
    assert list(table["id"]) == list(table["plateifu"])


def test_mock_is_reproducible(capsys, tmp_path):
    for name in "ab":
        run(capsys, "mock", "--n", 1, "--out", tmp_path / name, "--seed", 5)
    first, second = (next((tmp_path / name).glob("*.gz")).read_bytes() for name in "ab")
    assert first == second


def test_mock_replaces_nothing_unasked(capsys, tmp_path):
    run(capsys, "mock", "--n", 1, "--out", tmp_path, "--seed", 5)
    code, out, err = run(capsys, "mock", "--n", 1, "--out", tmp_path, "--seed", 5)
    assert (code, out) == (2, "")
    assert "truth.ecsv' exists; give --overwrite" in err
    assert run(capsys, "mock", "--n", 1, "--out", tmp_path, "--seed", 5, "--overwrite")[0] == 0


def test_mock_needs_a_folder(capsys, tmp_path):
    (tmp_path / "x").write_text("")
    code, out, err = run(capsys, "mock", "--out", tmp_path / "x")
    assert (code, out) == (2, "")
    assert "is a file; name a folder" in err


def test_demo(capsys, tmp_path):
    folder = tmp_path / "demo"
    code, out, err = run(capsys, "demo", "--out", folder)
    assert (code, err) == (0, "")
    assert len(list(folder.glob("*.fits.gz"))) == 4
    assert (folder / "galaxy.png").exists() and len(read_table(folder / "angles.ecsv")) == 4
    line = next(line for line in out.splitlines() if line.startswith("gas misaligned"))
    numbers = [float(number) for number in re.findall(r"[\d.]+", line)]
    np.testing.assert_allclose(numbers[:8:3], [numbers[2], numbers[5], numbers[8]], atol=4)
    assert "4 galaxies: 4 ok" in out
    assert str(folder / "galaxy.png") in out


def test_demo_in_a_temporary_folder(capsys, tmp_path, monkeypatch):
    import tempfile
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, out, err = run(capsys, "demo")
    assert (code, err) == (0, "")
    assert next(tmp_path.iterdir()).name.startswith("kinmis-demo-")


def test_demo_without_matplotlib(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run(capsys, "demo", "--out", tmp_path)
    assert code == 0
    assert "picture: none" in out and "pictures need matplotlib" in err


def test_demo_needs_an_empty_folder(capsys, tmp_path):
    (tmp_path / "x").write_text("")
    code, out, err = run(capsys, "demo", "--out", tmp_path)
    assert (code, out) == (2, "")
    assert "is not an empty folder" in err


def test_pdf_has_fonts_that_journals_take(tmp_path):
    path = mock.write_maps(mock.galaxy(size=12., seed=1), tmp_path)
    out = tmp_path / "galaxy.pdf"
    assert main(["plot", str(path), "--out", str(out)]) == 0
    written = out.read_bytes()
    assert b"/Subtype /TrueType" in written or b"/CIDFontType2" in written
    assert b"/Type3" not in written
