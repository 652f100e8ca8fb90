"""``kinmis fetch``, ``kinmis measure`` of plate-IFUs, and the summary tables."""

import os
from functools import partial
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from marvin_server import fake as fake_module
from marvin_server import maps_tree

from kinmis import Galaxy, mock
from kinmis.cli import main
from kinmis.marvin import (NotFoundError, RetryPolicy, access, download_summary, fetch_maps,
                           rate_limit, retry)
from kinmis.marvin.summary import find_summary, read_summary, summary_path
from kinmis.readers.sas import maps_path

NAMES = "8485-1901", "7815-3702"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of two galaxies; the second one has no photometry."""
    folder = tmp_path_factory.mktemp("sas")
    first = maps_tree.write_mock(folder, NAMES[0], size=12.5)
    galaxy = mock.galaxy(id=NAMES[1], pa_stellar=100., pa_gas=200., bins=60, noise=5., seed=2,
                         size=12.5)
    for name in ("reff", "photometric_pa", "ellipticity"):
        galaxy.meta.pop(name, None)
    path = folder / maps_path(NAMES[1])
    path.parent.mkdir(parents=True)
    return {NAMES[0]: first, NAMES[1]: mock.write_maps(galaxy, path)}


@pytest.fixture(scope="module")
def answers(files):
    return {name: fake_module.answers_of(path) for name, path in files.items()}


@pytest.fixture
def fake(files, answers, monkeypatch, tmp_path):
    monkeypatch.setattr(retry, "RetryPolicy", partial(RetryPolicy, base=0.01))
    monkeypatch.setattr(rate_limit, "_own_folder", lambda: str(tmp_path))
    monkeypatch.setattr(rate_limit, "_limiters", {})
    monkeypatch.delenv("SAS_BASE_DIR", raising=False)
    for cached in (access._api, access._archive):
        cached.cache_clear()
    from astropy.config import set_temp_cache
    (tmp_path / "cache").mkdir()
    with fake_module.fake_server() as fake, set_temp_cache(tmp_path / "cache"):
        for name, path in files.items():
            fake.serve_for(name, answers[name])
            fake.files[maps_path(name)] = path.read_bytes()
        yield fake


@pytest.fixture
def fetch(fake, tmp_path):
    def run(*arguments, to=tmp_path / "maps"):
        return main(["fetch", "--to", str(to), "--sas-url", f"{fake.url}sas/", *arguments])
    return run


def test_fetch(fetch, fake, files, tmp_path, capsys):
    assert fetch(*NAMES, NAMES[0]) == 0
    out, err = capsys.readouterr()
    paths = [tmp_path / "maps" / path.name for path in files.values()]
    assert sorted(out.split()) == sorted(map(str, paths))
    assert err == f"2 of 2 files are in {tmp_path / 'maps'}\n"
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in files.values()]
    assert sorted(os.listdir(tmp_path / "maps")) == sorted(path.name for path in paths)
    # what is there is left
    assert fetch(*NAMES, "--quiet") == 0 and len(fake.requests) == 2
    assert capsys.readouterr().err == ""
    assert fetch(NAMES[0], "--overwrite") == 0 and len(fake.requests) == 3


def test_fetch_a_tree(fetch, files, tmp_path, monkeypatch, capsys):
    (tmp_path / "list.txt").write_text(f"# two\n{NAMES[0]}\n{NAMES[1]}\n")
    assert fetch("--list", str(tmp_path / "list.txt"), "--tree") == 0
    monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path / "maps"))
    for name in NAMES:
        assert Galaxy.read(name).meta["access"] == "local"


def test_fetch_goes_on(fetch, fake, tmp_path, files, capsys):
    fake.faults = lambda path, number: ("cut", 0.5) if number == 1 else ("status", 503)
    assert fetch(NAMES[0]) == 1
    out, err = capsys.readouterr()
    assert not out and "can't be reached or is out of order" in err and "0 of 1 files" in err
    part, = os.listdir(tmp_path / "maps")
    assert part.endswith(".fits.gz.part")
    fake.faults = lambda path, number: None
    assert fetch(NAMES[0]) == 0
    assert fake.requests[-1][3]["Range"].startswith("bytes=") and len(os.listdir(
        tmp_path / "maps")) == 1


def test_fetch_what_is_not_there(fetch, tmp_path, capsys):
    assert fetch("9999-1901", NAMES[0]) == 1
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and "9999-1901 (DR17, HYB10" in err and "no such file" in err


@pytest.mark.parametrize("arguments, said", [
    ((), "nothing to fetch"), (("1-209232",), "'1-209232' is no plate-IFU"),
    ((NAMES[0], "--release", "DR99"), "release must be one of DR15"),
    ((NAMES[0], "--timeout", "-1"), "timeout must be")])
def test_wrong_usage_of_fetch(fetch, fake, capsys, arguments, said):
    assert fetch(*arguments) == 2
    assert said in capsys.readouterr().err and not fake.requests


def test_fetch_into_a_file(fetch, tmp_path, capsys):
    (tmp_path / "maps").write_text("")
    assert fetch(NAMES[0]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_fetch_maps_in_a_program(fake, tmp_path):
    found = dict(fetch_maps([*NAMES, "9999-1901"], tmp_path / "maps", sas_url=f"{fake.url}sas"))
    assert isinstance(found.pop("9999-1901"), NotFoundError)
    assert {path.parent for path in found.values()} == {tmp_path / "maps"}
    with pytest.raises(ValueError, match="no plate-IFU"):
        list(fetch_maps(["nothing"], tmp_path))


def test_measure_by_name(fake, capsys, monkeypatch):
    monkeypatch.setattr(access, "BASE_URL", fake.url)
    assert main(["measure", *NAMES, "--release", "DR17", "--access", "api", "--quiet",
                 "--classify", "no"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in NAMES)
    assert main(["measure", NAMES[0], "--release", "DR99", "--classify", "no"]) == 1
    assert "release must be one of DR15, DR16, DR17" in "".join(capsys.readouterr())


# summary tables

def write_drpall(path, upper=False, **columns):
    """Write a table as the survey does, with missing values as -9999."""
    columns = {"plateifu": ["1-1", NAMES[1]], "mangaid": ["1-1", "1-2"], "z": [0.1, 0.05],
               "nsa_z": [-9999., 0.04], "nsa_elpetro_th50_r": [3., -9999.],
               "nsa_sersic_th50": [4., 5.5], "nsa_elpetro_ba": [0.5, 0.25],
               "nsa_elpetro_phi": [10., 120.], **columns}
    table = Table({name.upper() if upper else name: value for name, value in columns.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(Table({"x": [1.]})),
                  fits.BinTableHDU(table, name="MANGA")]).writeto(path, checksum=True)
    return path


@pytest.mark.parametrize("upper", [False, True])
def test_what_a_summary_says(tmp_path, upper):
    summary = read_summary(write_drpall(tmp_path / "drpall.fits", upper))
    assert summary["1-1"] == {"z": 0.1, "reff": 3 * u.arcsec, "ellipticity": 0.5,
                              "photometric_pa": 10 * u.deg}
    assert summary[NAMES[1]] == {"z": 0.04, "reff": 5.5 * u.arcsec, "ellipticity": 0.75,
                                 "photometric_pa": 120 * u.deg}


def test_what_is_no_summary(tmp_path, files):
    with pytest.raises(ValueError, match="is no drpall or dapall file: none of its tables"):
        read_summary(files[NAMES[0]])
    with pytest.raises(FileNotFoundError):
        read_summary(tmp_path / "nothing.fits")
    with pytest.raises(ValueError, match="table must be one of drpall, dapall"):
        summary_path("nsa")


def read(fake, name, **options):
    return Galaxy.from_marvin(name, base_url=fake.url, sas_url=f"{fake.url}sas/", access="api",
                              **options)


@pytest.mark.parametrize("table", ["drpall", "dapall"])
def test_a_summary_at_hand_fills_gaps(fake, tmp_path, monkeypatch, table):
    assert "reff" not in read(fake, NAMES[1]).meta
    path = write_drpall(tmp_path / summary_path(table), upper=table == "dapall")
    assert "reff" not in read(fake, NAMES[1]).meta
    monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
    galaxy = read(fake, NAMES[1])
    assert galaxy.meta["reff"] == 5.5 * u.arcsec and galaxy.meta["ellipticity"] == 0.75
    assert galaxy.meta["photometric_pa"] == 120 * u.deg and galaxy.meta["summary"] == str(path)
    assert galaxy.gas.meta == galaxy.meta
    # the header comes first
    assert galaxy.meta["z"] == read(fake, NAMES[1], summary=False).meta["z"]
    assert "reff" not in read(fake, NAMES[1], summary=False).meta
    # nothing is missing
    assert "summary" not in read(fake, NAMES[0]).meta


def test_a_summary_by_its_path(fake, tmp_path):
    path = write_drpall(tmp_path / "mine.fits")
    assert read(fake, NAMES[1], summary=path).meta["reff"] == 5.5 * u.arcsec
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(fake, NAMES[1], summary="nowhere.fits")


def test_a_summary_from_the_archive(fake, tmp_path):
    path = write_drpall(tmp_path / "drpall.fits")
    fake.files[summary_path("drpall")] = path.read_bytes()
    url = f"{fake.url}sas/"
    assert find_summary(sas_url=url) is None
    kept = download_summary(sas_url=url)
    assert find_summary(sas_url=url) == kept and Path(kept).read_bytes() == path.read_bytes()
    assert read(fake, NAMES[1]).meta["summary"] == kept
    with pytest.raises(NotFoundError, match="dapall of DR15"):
        download_summary("dapall", "DR15", sas_url=url)


def test_columns_of_the_catalogue(fake, tmp_path, monkeypatch):
    from kinmis import measure
    write_drpall(tmp_path / summary_path("drpall"))
    monkeypatch.setenv("SAS_BASE_DIR", str(tmp_path))
    table = measure(NAMES, base_url=fake.url, access="api", classify=False)
    assert table["reff"][1] == 5.5 * u.arcsec and table["ellipticity"][1] == 0.75
    assert table["photometric_pa"][1] == 120 * u.deg
    assert np.isfinite(table["stellar_photometric_misalignment"][1].value)
