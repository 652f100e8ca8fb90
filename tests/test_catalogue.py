"""Many galaxies, one table: what goes in, what comes out, options and output."""

import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable, Table
from survey_files import make

from kinmis import Galaxy, VelocityField, decode_flags, measure
from kinmis.catalogue import COLUMNS, column_names, measure_chunk, read_table
from kinmis.catalogue.options import Options
from kinmis.catalogue.sources import Sources
from kinmis.catalogue.table import make_table
from kinmis.classifier import model_id


def assert_same_column(first, second, rtol=0):
    """To the bit by default, and masked alike."""
    masks = [np.asarray(getattr(column, "mask", False)) for column in (first, second)]
    np.testing.assert_array_equal(*masks)
    first, second = (np.ma.filled(np.asarray(getattr(column, "unmasked", column)))
                     for column in (first, second))
    if first.dtype.kind == "f":
        np.testing.assert_allclose(first, second, rtol=rtol, atol=0)
    else:
        np.testing.assert_array_equal(first, second)


def test_files(three_files):
    table = measure(three_files)
    assert isinstance(table, QTable)
    assert table.colnames == column_names()
    assert list(table["source"]) == three_files
    assert list(table["id"]) == ["90000-1901", "90001-1901", "90002-1901"]
    assert list(table["status"]) == ["ok"] * 3
    np.testing.assert_allclose(table["stellar_pa"].to_value("deg"), 40, atol=3)
    np.testing.assert_allclose(table["gas_pa"].to_value("deg"), [43, 130, 220], atol=3)
    np.testing.assert_allclose(table["delta_pa"].to_value("deg"), [3, 90, 180], atol=4)
    np.testing.assert_allclose(table["misalignment"].to_value("deg"), [3, 90, 180], atol=4)
    np.testing.assert_allclose(table["misalignment_probability"], [0, 1, 1], atol=1e-3)
    np.testing.assert_allclose(table["misalignment_common"].to_value("deg"), [3, 90, 180], atol=5)
    assert table["message"].mask.all()
    assert not table["stellar_n_bins"].mask.any()
    assert np.all(table["stellar_n_bins"] <= table["stellar_n_valid"])


def test_table_agrees_with_the_single_galaxy(three_files):
    row = measure(three_files[1])[0]
    galaxy = Galaxy.read(three_files[1]).clean()
    result = galaxy.misalignment(clean=False)
    assert row["stellar_pa"] == result.stellar.pa
    assert row["gas_pa_err"] == result.gas.pa_err
    assert row["misalignment"] == result.absolute
    assert row["misalignment_err"] == result.error
    assert row["misalignment_common"] == result.common.absolute
    assert row["stellar_flags"] == result.stellar.flags


def test_columns_have_units_descriptions_and_ucds(three_files):
    table = measure(three_files[:1])
    for column in COLUMNS:
        info = table[column.name].info
        assert info.unit == column.unit, column.name
        assert info.description == column.description
        assert info.meta == {"ucd": column.ucd}
        assert info.dtype.kind == np.dtype(column.dtype).kind


def test_classification(three_files):
    table = measure([*three_files, "missing.fits", make(40).gas], classify=True)
    facts = table.meta["kinmis"]
    assert facts["options"]["model"] == model_id()
    assert {"keras", "jax"} <= facts["versions"].keys()
    alone = Galaxy.read(three_files[1]).clean().classify()
    for name, one in (("stellar", alone.stellar), ("gas", alone.gas)):
        assert table[f"{name}_quality"][1] == one.quality
        assert table[f"{name}_usable"][1] == pytest.approx(one.usable, abs=1e-3)
        assert table[f"{name}_ood_score"][1] == pytest.approx(one.ood_score, rel=1e-2)
        total = sum(table[f"{name}_quality_p{value}"] for value in range(3))
        np.testing.assert_allclose(total[:3], 1, atol=1e-5)
        assert table[f"{name}_flags"][1] & one.flags == one.flags
    assert list(table["stellar_quality"].mask) == [False] * 3 + [True] * 2
    assert list(table["gas_quality"].mask) == [False] * 3 + [True, False]
    none = measure(three_files, classify=False)
    assert none.meta["kinmis"]["options"]["model"] is None
    assert none["stellar_quality"].mask.all() and none["gas_usable"].mask.all()
    assert_same_column(none["stellar_pa"], table["stellar_pa"][:3], rtol=1e-6)


def test_what_is_not_cleaned_is_classified_as_it_is(three_files):
    field = Galaxy.read(three_files[1]).stellar
    values = field.data.copy()
    # outliers that cleaning takes away
    values[::3, ::4] += 900
    spotted = VelocityField.from_arrays(values * u.km / u.s, east=field.east, north=field.north,
                                        mask=field.mask, component="stellar")
    row, cleaned = (measure([spotted], clean=clean, classify=True)[0] for clean in (False, True))
    as_it_is = spotted.classify(clean=False)
    assert row["stellar_usable"] == pytest.approx(as_it_is.usable, abs=1e-3)
    assert row["stellar_usable"] != pytest.approx(cleaned["stellar_usable"], abs=1e-2)


def test_classification_that_fails_is_told(three_files, monkeypatch):
    from kinmis.catalogue import classification

    def fails(galaxies, model):
        raise ValueError("no such galaxy")
    monkeypatch.setattr(classification, "classify_galaxies", fails)
    row = measure(three_files[:1], classify=True)[0]
    assert row["status"] == "partial"
    assert row["message"] == "not classified: ValueError: no such galaxy"
    assert not np.ma.is_masked(row["stellar_pa"])


def test_provenance(three_files):
    facts = measure(three_files[:1], weights="area", threshold=20 * u.deg,
                    fit_options={"rmax": 4 * u.arcsec}).meta["kinmis"]
    assert {"kinmis", "numpy", "scipy", "astropy", "python"} <= facts["versions"].keys()
    assert facts["options"]["threshold_deg"] == 20
    assert facts["options"]["fit"] == {"method": "harmonic", "weights": "area",
                                       "rmax": "4.0 arcsec"}
    assert facts["date"].endswith("+00:00")
    assert any("Duckworth" in reference for reference in facts["references"])


@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_chunks_change_nothing(three_files, chunk_size):
    sources = [*three_files, "missing.fits", make(10, 60)]
    one, other = measure(sources, chunk_size=chunk_size), measure(sources)
    for name in one.colnames:
        # the sums of linear algebra come in another order; the network has single precision
        classified = any(part in name for part in ("_quality_p", "_usable", "_ood_score"))
        assert_same_column(one[name], other[name], rtol=1e-3 if classified else 1e-6)


def test_same_again(three_files):
    one, other = measure(three_files), measure(three_files)
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


def test_one_source(three_files):
    assert len(measure(three_files[0])) == 1
    assert len(measure(make())) == 1
    assert len(measure(make().gas)) == 1


def test_no_source():
    assert len(measure([])) == 0


def test_sources_may_come_one_by_one(three_files):
    assert list(measure(path for path in three_files)["id"]) == list(measure(three_files)["id"])


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


@pytest.mark.parametrize("options, error, match", [
    ({"threshold": 200 * u.deg}, ValueError, "threshold must be between 0 and 180"),
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


def test_what_is_clean_stays():
    galaxy = make(40, stellar={"outliers": 0.03}).clean(sigma=1.5)
    kept, again = (measure(galaxy, clean=clean)[0] for clean in (True, {"sigma": 1.5}))
    assert kept["stellar_n_valid"] == galaxy.stellar.n_valid > again["stellar_n_valid"]


def test_threshold():
    low, high = (measure(make(40, 80), threshold=limit * u.deg)["misalignment_probability"][0]
                 for limit in (20, 60))
    assert low > .99 and high < .01


def test_without_common_footprint():
    table = measure(make(40, 80), common=False)
    assert table["misalignment_common"].mask.all() and not table["misalignment"].mask.any()


def test_output(three_files, tmp_path):
    path = tmp_path / "été.ecsv"
    table = measure([*three_files, "missing.fits"], out=path)
    new = read_table(path)
    assert new.meta == table.meta
    for name in table.colnames:
        assert type(new[name]) is type(table[name])
        assert_same_column(new[name], table[name])


def test_output_that_exists(three_files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    path = tmp_path / "t.ecsv"
    path.write_text("precious")
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("the run began"))
        with pytest.raises(FileExistsError, match="exists; ask for overwrite"):
            measure(three_files, out=path)
    assert path.read_text() == "precious"
    measure(three_files[:1], out=path, overwrite=True)
    assert len(read_table(path)) == 1


def test_table_that_can_not_be_written_is_told_before(three_files, tmp_path, monkeypatch):
    from kinmis.catalogue import stages
    monkeypatch.setattr(stages, "_as_galaxy", lambda *_: pytest.fail("the run began"))
    things = np.empty(1, object)
    things[0] = object()
    with pytest.raises(TypeError, match="column 'thing' holds Python objects"):
        measure(Table({"path": three_files[:1], "thing": things}), out=tmp_path / "t.fits")
    assert not list(tmp_path.iterdir())


def test_chunks_can_be_sent_to_other_processes(three_files):
    options = Options.checked(format=None, reader={}, clean=True, threshold=30 * u.deg,
                              common=True, fit={"method": "harmonic", "weights": "bins"})
    arrays = measure_chunk(*pickle.loads(pickle.dumps((three_files, options))))
    arrays = pickle.loads(pickle.dumps(arrays))
    assert list(make_table(arrays)["id"]) == list(measure(three_files)["id"])


def test_chunks_are_cut_at_fixed_places():
    assert [len(chunk) for chunk in Sources(list(range(5))).chunks(2)] == [2, 2, 1]
    assert list(Sources([]).chunks(2)) == []


def test_progress(capsys):
    measure([make(), "missing"], progress=True)
    err = capsys.readouterr().err
    assert "measuring" in err and "2/2" in err and "failed=1" in err
    measure([make(), "missing"])
    assert capsys.readouterr() == ("", "")
