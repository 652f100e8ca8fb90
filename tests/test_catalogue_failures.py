"""Galaxies that can't be measured: a row that says why, and the run goes on."""

import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from survey_files import make

from kinmis import Galaxy, VelocityField, decode_flags, measure
from kinmis.catalogue import measure_chunk
from kinmis.catalogue.options import Options
from kinmis.catalogue.row import Measured, error_text
from kinmis.catalogue.table import make_table
from kinmis.exceptions import KinmisWarning, QualityWarning


@pytest.fixture
def bad_files(three_files, tmp_path):
    """A file that is broken, for each way to be broken."""
    content = Path(three_files[0]).read_bytes()
    paths = {name: tmp_path / f"{name}.fits.gz" for name in
             ("missing", "empty", "truncated", "corrupt", "text", "masked", "lacking")}
    paths["empty"].write_bytes(b"")
    paths["truncated"].write_bytes(content[:len(content) // 20])
    middle = len(content) // 20
    paths["corrupt"].write_bytes(content[:middle] + bytes(200) + content[middle + 200:])
    paths["text"].write_text("this is no FITS file\n" * 200)
    with fits.open(three_files[0]) as hdus:
        hdus["STELLAR_VEL_MASK"].data[:] = 2**30
        hdus["EMLINE_GVEL_MASK"].data[:] = 2**30
        hdus.writeto(paths["masked"], checksum=True)
    with fits.open(three_files[0]) as hdus:
        del hdus["EMLINE_GVEL"]
        hdus.writeto(paths["lacking"], checksum=True)
    return {name: str(path) for name, path in paths.items()}


def test_bad_files(three_files, bad_files):
    names = list(bad_files)
    table = measure([three_files[0], *bad_files.values(), three_files[1]])
    assert list(table["status"][[0, -1]]) == ["ok", "ok"]
    rows = dict(zip(names, table[1:-1]))
    for name in names:
        row = rows[name]
        assert row["status"] == "failed", name
        assert "FAILED" in decode_flags(int(row["flags"]))
        assert str(row["message"]).isascii()
        assert "\n" not in row["message"] and len(row["message"]) <= 500
        assert np.ma.is_masked(row["stellar_pa"])
    for name in set(names) - {"masked"}:
        assert name in rows[name]["message"], "the message names the file"
        assert np.ma.is_masked(rows[name]["stellar_flags"])
    assert rows["missing"]["message"].startswith("FileNotFoundError: ")
    assert "EMLINE_GVEL" in rows["lacking"]["message"]
    assert rows["masked"]["message"] == (
        "stellar: there is no field, or every spaxel of it is masked; "
        "gas: there is no field, or every spaxel of it is masked")
    assert rows["masked"]["stellar_flags"] == 1


@pytest.mark.parametrize("source, kind, text", [
    (None, "ValueError", "names no source"),
    ("", "ValueError", "names no source"),
    ("1234-nonsense", "FileNotFoundError", "no format knows"),
    (17, "TypeError", "no format reads an object of the type int"),
    ("é.fits", "FileNotFoundError", r"\xe9.fits"),
])
def test_sources_that_are_none(source, kind, text):
    row = measure([source])[0]
    assert row["status"] == "failed"
    assert row["message"].startswith(f"{kind}: ")
    assert text in row["message"]


def test_path_that_is_no_text():
    row = measure([b"caf\xe9.fits", "caf\udce9.fits"])
    assert list(row["source"]) == [r"caf\xe9.fits"] * 2


def test_one_field_with_too_few_data():
    galaxy = make(40, 130)
    mask = np.ones(galaxy.gas.shape, bool)
    mask[16, 14:17] = False
    row = measure(Galaxy(galaxy.stellar, galaxy.gas._replace(mask=mask)))[0]
    assert row["status"] == "partial"
    assert row["message"].startswith("gas: fewer independent data")
    assert not np.ma.is_masked(row["stellar_pa"])


def test_field_without_component():
    field = VelocityField.from_arrays([1., 2, 3], east=[0, 1, 2], north=[0, 0, 0])
    assert "set its component" in measure([field])["message"][0]


def test_bad_metadata_do_not_hide_the_measurement():
    row = measure(make(meta={"reff": 3 * u.km, "photometric_pa": np.nan * u.deg}))[0]
    assert row["status"] == "partial"
    assert row["message"].startswith("reff: UnitConversionError: ")
    assert np.ma.is_masked(row["reff"]) and np.ma.is_masked(row["photometric_pa"])
    assert not np.ma.is_masked(row["stellar_pa"])


def test_option_that_fits_one_galaxy_only():
    radii = {"rmax": 1 * u.dimensionless_unscaled}
    galaxy = make()
    meta = {key: value for key, value in galaxy.stellar.meta.items() if key != "reff"}
    lacking = Galaxy(galaxy.stellar._replace(meta=meta), galaxy.gas._replace(meta=meta))
    good, bad = measure([galaxy, lacking], fit_options=radii)
    assert good["status"] == "ok"
    assert bad["status"] == "failed"
    assert "ValueError" in bad["message"] and "effective radii" in bad["message"]


def test_mistake_in_the_program_shows_its_class(monkeypatch):
    def broken(self, **options):
        raise AttributeError("oops")
    monkeypatch.setattr(VelocityField, "clean", broken)
    options = Options(fit={"method": "harmonic", "weights": "bins"})
    message = make_table(measure_chunk([make()], options))["message"][0]
    assert message.startswith("stellar field not cleaned: AttributeError: oops")


def test_interruption_ends_the_run(monkeypatch):
    from kinmis.catalogue import stages

    def interrupted(source, options):
        raise KeyboardInterrupt
    monkeypatch.setattr(stages, "_as_galaxy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure([make()])


def test_warnings_go_into_the_row(monkeypatch):
    from kinmis.catalogue import stages
    galaxy = make()

    def warning(source, options):
        if source == 0:
            warnings.warn("DAPQUAL says CRITICAL", QualityWarning, stacklevel=2)
            warnings.warn("3 spaxels masked", KinmisWarning, stacklevel=2)
        return galaxy
    monkeypatch.setattr(stages, "_as_galaxy", warning)
    first, second = measure([0, 1])
    assert first["status"] == second["status"] == "ok"
    assert first["message"] == ("QualityWarning: DAPQUAL says CRITICAL; "
                                "KinmisWarning: 3 spaxels masked")
    assert decode_flags(int(first["flags"])) == ["SOURCE_WARNING"]
    assert np.ma.is_masked(second["message"]) and second["flags"] == 0


def test_other_warnings_are_passed_on(monkeypatch):
    from kinmis.catalogue import stages

    def warning(source, options):
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        return make()
    monkeypatch.setattr(stages, "_as_galaxy", warning)
    with pytest.warns(DeprecationWarning, match="old"):
        table = measure([0])
    assert table["message"].mask.all()


def test_error_text():
    assert error_text(KeyError("no column 'x'")) == "KeyError: no column 'x'"
    assert error_text(ValueError("there is no format 'x'; there are:\n  a: b")) == (
        "ValueError: there is no format 'x'")
    assert error_text(ValueError("f.fits: of no kind. Give one of these:\n  a")) == (
        "ValueError: f.fits: of no kind")
    assert error_text(RuntimeError()) == "RuntimeError"


def test_name_of_what_could_not_be_read():
    assert Measured("8485-1901").id == "8485-1901"
    assert Measured("NGC4570").id == "NGC4570"
    assert Measured("a/8485-1901").id is None
    assert Measured("8485-1901.fits").id is None
