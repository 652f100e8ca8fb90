"""Many galaxies, one table: what goes in, what comes out, and what goes wrong."""

import pickle
import warnings
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Column, MaskedColumn, QTable, Table

from kinmis import Galaxy, VelocityField, decode_flags, measure, mock
from kinmis.catalogue import COLUMNS, column_names, measure_chunk, read_table
from kinmis.catalogue.options import Options
from kinmis.catalogue.row import Measured, error_text
from kinmis.catalogue.sources import Sources
from kinmis.catalogue.table import make_table
from kinmis.exceptions import KinmisWarning, QualityWarning

SIZE = 12.


def make(pa_stellar=40., pa_gas=None, **options):
    return mock.galaxy(pa_stellar, pa_gas, **{"size": SIZE, "seed": 1, **options})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three galaxies as MAPS files; the folder has accents."""
    folder = tmp_path_factory.mktemp("données")
    return [str(mock.write_maps(make(40, angle, seed=seed, id=f"9000{seed}-1901"), folder))
            for seed, angle in enumerate((43, 130, 220))]


@pytest.fixture
def bad_files(files, tmp_path):
    """A file that is broken, for each way to be broken."""
    from astropy.io import fits
    content = Path(files[0]).read_bytes()
    paths = {name: tmp_path / f"{name}.fits.gz" for name in
             ("missing", "empty", "truncated", "corrupt", "text", "masked", "lacking")}
    paths["empty"].write_bytes(b"")
    paths["truncated"].write_bytes(content[:len(content) // 3])
    middle = len(content) // 4
    paths["corrupt"].write_bytes(content[:middle] + bytes(200) + content[middle + 200:])
    paths["text"].write_text("this is no FITS file\n" * 200)
    with fits.open(files[0]) as hdus:
        hdus["STELLAR_VEL_MASK"].data[:] = 2**30
        hdus["EMLINE_GVEL_MASK"].data[:] = 2**30
        hdus.writeto(paths["masked"], checksum=True)
    with fits.open(files[0]) as hdus:
        del hdus["EMLINE_GVEL"]
        hdus.writeto(paths["lacking"], checksum=True)
    return {name: str(path) for name, path in paths.items()}


def assert_same_column(first, second):
    """To the bit, and masked alike."""
    for attribute in ("mask", "unmasked"):
        values = [getattr(column, attribute, column) for column in (first, second)]
        np.testing.assert_array_equal(*map(np.ma.filled, map(np.asarray, values)))


def test_files(files):
    table = measure(files)
    assert isinstance(table, QTable)
    assert table.colnames == column_names()
    assert list(table["source"]) == files
    assert list(table["id"]) == ["90000-1901", "90001-1901", "90002-1901"]
    assert list(table["status"]) == ["ok"] * 3
    np.testing.assert_allclose(table["stellar_pa"].to_value("deg"), 40, atol=3)
    np.testing.assert_allclose(table["gas_pa"].to_value("deg"), [43, 130, 220], atol=3)
    np.testing.assert_allclose(table["delta_pa"].to_value("deg"), [3, 90, 180], atol=4)
    np.testing.assert_allclose(table["misalignment"].to_value("deg"), [3, 90, 180], atol=4)
    np.testing.assert_allclose(table["misalignment_probability"], [0, 1, 1], atol=1e-3)
    np.testing.assert_allclose(table["misalignment_common"].to_value("deg"), [3, 90, 180], atol=5)
    assert table["message"].mask.all()
    assert table["stellar_quality"].mask.all() and table["gas_usable"].mask.all()
    assert not table["stellar_n_bins"].mask.any()
    assert np.all(table["stellar_n_bins"] <= table["stellar_n_valid"])


def test_table_agrees_with_the_single_galaxy(files):
    row = measure(files[1])[0]
    galaxy = Galaxy.read(files[1]).clean()
    result = galaxy.misalignment(clean=False)
    assert row["stellar_pa"] == result.stellar.pa
    assert row["gas_pa_err"] == result.gas.pa_err
    assert row["misalignment"] == result.absolute
    assert row["misalignment_err"] == result.error
    assert row["misalignment_common"] == result.common.absolute
    assert row["stellar_flags"] == result.stellar.flags


def test_columns_have_units_descriptions_and_ucds(files):
    table = measure(files[:1])
    for column in COLUMNS:
        info = table[column.name].info
        assert info.unit == column.unit, column.name
        assert info.description == column.description
        assert info.meta == {"ucd": column.ucd}
        assert info.dtype.kind == np.dtype(column.dtype).kind


def test_provenance(files):
    facts = measure(files[:1], weights="area", threshold=20 * u.deg,
                    fit_options={"rmax": 4 * u.arcsec}).meta["kinmis"]
    assert {"kinmis", "numpy", "scipy", "astropy", "python"} <= facts["versions"].keys()
    assert facts["options"]["threshold_deg"] == 20
    assert facts["options"]["fit"] == {"method": "harmonic", "weights": "area",
                                       "rmax": "4.0 arcsec"}
    assert facts["date"].endswith("+00:00")
    assert any("Duckworth" in reference for reference in facts["references"])


@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_chunks_change_nothing(files, chunk_size):
    sources = [*files, "missing.fits", make(10, 60)]
    one, other = measure(sources, chunk_size=chunk_size), measure(sources)
    for name in one.colnames:
        assert_same_column(one[name], other[name])


def test_objects():
    galaxy = make(40, 130)
    both, stars, gas = measure([galaxy, galaxy.stellar, galaxy.gas])
    assert (both["status"], stars["status"], gas["status"]) == ("ok", "partial", "partial")
    assert stars["message"] == "there is no gas field"
    assert np.ma.is_masked(stars["gas_pa"]) and not np.ma.is_masked(stars["stellar_pa"])
    assert decode_flags(int(stars["gas_flags"])) == ["NO_DATA"]
    assert np.ma.is_masked(stars["misalignment"])
    assert both["gas_pa"] == gas["gas_pa"]
    assert not decode_flags(int(both["flags"]))


def test_one_source(files):
    assert len(measure(files[0])) == 1
    assert len(measure(make())) == 1
    assert len(measure(make().gas)) == 1


def test_no_source():
    assert len(measure([])) == 0


def test_sources_may_come_one_by_one(files):
    assert list(measure(path for path in files)["id"]) == list(measure(files)["id"])


def test_inputs_stay_as_they_are():
    galaxy = make(40, 130)
    before = galaxy.stellar.mask.copy(), dict(galaxy.stellar.meta)
    measure([galaxy])
    np.testing.assert_array_equal(galaxy.stellar.mask, before[0])
    assert galaxy.stellar.meta.keys() == before[1].keys()


def test_photometric_pa():
    row = measure(make(350, 95, meta={"photometric_pa": 5 * u.deg, "ellipticity": .4}))[0]
    assert row["photometric_pa"] == 5 * u.deg
    np.testing.assert_allclose(row["stellar_photometric_misalignment"].value, 15, atol=2)
    np.testing.assert_allclose(row["gas_photometric_misalignment"].value, 90, atol=2)
    assert row["stellar_photometric_misalignment_err"] == row["stellar_pa_err"]


def test_no_rotation_is_a_result():
    row = measure(make(40, gas={"v_max": 0.}))[0]
    assert row["status"] == "ok"
    assert np.ma.is_masked(row["gas_pa"])
    assert "NO_ROTATION" in decode_flags(int(row["gas_flags"]))
    assert "NO_ROTATION" in decode_flags(int(row["flags"]))


# what goes wrong

def test_bad_files(files, bad_files):
    names = list(bad_files)
    table = measure([files[0], *bad_files.values(), files[1]])
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


# tables

def test_columns_are_carried_through(files):
    table = Table({"mass": [1e10, 1e11, 1e9] * u.solMass, "Z": [.1, .2, .3],
                   "plateifu": files, "note": MaskedColumn(["a", "b", "c"], mask=[0, 1, 0])},
                  meta={"made_by": "me"})
    table["mass"].description = "stellar mass"
    out = measure(table)
    assert out.colnames[:4] == ["mass", "Z_input", "plateifu", "note"]
    assert out.colnames[4:] == column_names()
    assert out["mass"].unit == u.solMass
    assert out["mass"].info.description == "stellar mass"
    assert list(out["Z_input"]) == [.1, .2, .3]
    assert list(out["note"].mask) == [False, True, False]
    assert out.meta["input"] == {"made_by": "me"}
    assert list(out["status"]) == ["ok"] * 3
    assert table.colnames == ["mass", "Z", "plateifu", "note"], "the input stays as it is"


def test_measuring_again(files):
    first = measure(files[:2])
    again = measure(first)
    assert "stellar_pa_input" in again.colnames and "source_input" not in again.colnames
    assert again["stellar_pa"][0] == again["stellar_pa_input"][0]
    third = measure(again)
    assert {"stellar_pa_input", "stellar_pa_input_input"} < set(third.colnames)


def test_missing_name_in_a_table(files):
    table = Table({"file": MaskedColumn([files[0], "x"], mask=[False, True])})
    out = measure(table)
    assert list(out["status"]) == ["ok", "failed"]
    assert out["source"][1] == "none"
    assert list(out["file"].mask) == [False, True]


def test_padded_and_encoded_names(files):
    table = Table({"file": np.array([files[0].encode() + b"   "])})
    assert measure(table)["status"][0] == "ok"


def test_table_of_objects(tmp_path):
    galaxies = np.empty(2, object)
    galaxies[:] = make(40, 130), make(20, 30)
    table = Table({"path": galaxies, "n": [1, 2]})
    out = measure(table, out=tmp_path / "t.fits")
    assert out.colnames[0] == "n" and "path" not in out.colnames
    assert list(read_table(tmp_path / "t.fits")["n"]) == [1, 2]


def test_row_of_a_table(files):
    assert len(measure(Table({"path": files})[1])) == 1


def test_source_column(files):
    table = Table({"maps": files, "path": ["x", "y", "z"]})
    assert list(measure(table, source_column="maps")["status"]) == ["ok"] * 3
    with pytest.raises(KeyError, match="no column 'nope'; it has maps, path"):
        measure(table, source_column="nope")
    with pytest.raises(KeyError, match="give source_column; it has maps"):
        measure(table["maps",])
    with pytest.raises(TypeError, match="come in a table"):
        measure(files, source_column="maps")


def test_unknown_unit_in_a_table(files):
    table = Table({"path": files[:1]})
    table["x"] = Column([1.], unit=u.Unit("foo bar", parse_strict="silent"))
    assert str(measure(table)["x"].unit) == "foo bar"


# options and output

@pytest.mark.parametrize("options, error, match", [
    ({"threshold": 200 * u.deg}, ValueError, "threshold must be an angle from 0 to 180"),
    ({"threshold": 3 * u.m}, u.UnitsError, "threshold has the unit 'm'"),
    ({"weights": "x"}, ValueError, "weights must be one of"),
    ({"method": "x"}, ValueError, "method must be one of"),
    ({"fit_options": {"nonsense": 1}}, TypeError, "nonsense"),
    ({"clean": {"nonsense": 1}}, TypeError, "nonsense"),
    ({"clean": "yes"}, TypeError, "clean must be True, False or a dict"),
    ({"format": "x"}, ValueError, "there is no format 'x'"),
    ({"format": "manga-dap", "nonsense": 1}, TypeError, "no option nonsense"),
    ({"chunk_size": 0}, ValueError, "chunk_size must be"),
    ({"progress": "x"}, ValueError, "progress must be"),
    ({"out": "t.xyz"}, ValueError, "no suffix of a table format"),
])
def test_bad_options_are_told_at_once(options, error, match, monkeypatch):
    from kinmis.catalogue import stages
    monkeypatch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("the run began"))
    with pytest.raises(error, match=match):
        measure([make()], **options)


@pytest.mark.parametrize("sources", [3, None, {"a": 1}])
def test_sources_of_no_use(sources):
    with pytest.raises(TypeError, match="sources must be"):
        measure(sources)


def test_cleaning_is_an_option():
    galaxy = make(40, stellar={"outliers": 0.03})
    default, none, strict = (measure(galaxy, clean=clean)[0]
                             for clean in (True, False, {"sigma": 1.5}))
    assert np.ma.is_masked(none["stellar_n_removed"])
    assert none["stellar_n_valid"] > default["stellar_n_valid"] > strict["stellar_n_valid"]
    assert default["stellar_n_removed"] == none["stellar_n_valid"] - default["stellar_n_valid"]


def test_threshold():
    low, high = (measure(make(40, 80), threshold=limit * u.deg)["misalignment_probability"][0]
                 for limit in (20, 60))
    assert low > .99 and high < .01


def test_without_common_footprint():
    table = measure(make(40, 80), common=False)
    assert table["misalignment_common"].mask.all() and not table["misalignment"].mask.any()


def test_output(files, tmp_path, bad_files):
    path = tmp_path / "été.ecsv"
    table = measure([*files, bad_files["truncated"]], out=path)
    new = read_table(path)
    assert new.meta == table.meta
    for name in table.colnames:
        assert type(new[name]) is type(table[name])
        assert_same_column(new[name], table[name])


def test_output_that_exists(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    path = tmp_path / "t.ecsv"
    path.write_text("precious")
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("the run began"))
        with pytest.raises(FileExistsError, match="exists; ask for overwrite"):
            measure(files, out=path)
    assert path.read_text() == "precious"
    measure(files[:1], out=path, overwrite=True)
    assert len(read_table(path)) == 1


def test_table_that_can_not_be_written_is_told_before(files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    monkeypatch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("the run began"))
    things = np.empty(1, object)
    things[0] = object()
    with pytest.raises(TypeError, match="column 'thing' holds Python objects"):
        measure(Table({"path": files[:1], "thing": things}), out=tmp_path / "t.fits")
    assert not list(tmp_path.iterdir())


def test_chunks_can_be_sent_to_other_processes(files):
    options = Options.checked(format=None, reader={}, clean=True, threshold=30 * u.deg,
                              common=True, fit={"method": "harmonic", "weights": "bins"})
    arrays = measure_chunk(*pickle.loads(pickle.dumps((files, options))))
    arrays = pickle.loads(pickle.dumps(arrays))
    assert list(make_table(arrays)["id"]) == list(measure(files)["id"])


def test_chunks_are_cut_at_fixed_places():
    assert [len(chunk) for chunk in Sources(list(range(5))).chunks(2)] == [2, 2, 1]
    assert list(Sources([]).chunks(2)) == []


def test_progress(capsys):
    measure([make(), "missing"], progress=True)
    err = capsys.readouterr().err
    assert "measuring" in err and "2/2" in err and "failed=1" in err
    measure([make(), "missing"])
    assert capsys.readouterr() == ("", "")
