"""Fields and galaxies written and read back."""

import copy
import os

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import InverseVariance
from astropy.wcs import WCS, Sip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from readers_helper import sky_header

from kinmis import Galaxy, VelocityField, mock
from kinmis._units import IVAR, KMS

META = {
    "id": "Galáxia ☃ 日本", "nothing": None, "nan": float("nan"), "inf": -float("inf"),
    "numbers": [1, 2.5, True, (3, "x")], "quantity": 1 / 3 * u.arcsec,
    "single": np.float32(0.1) * u.km / u.s, "angles": [1., np.nan] * u.deg,
    "scalars": {"i": np.int16(3), "f": np.float32(1 / 3), "b": np.True_, "s": np.str_("é")},
    "array": np.arange(6, dtype="i2").reshape(2, 3), "unit": u.km / u.s,
    "cleaning": {"sigma": 3, "nested": {"deep": [{"é": None}]}}, "!": "tag", "long": "x" * 5000,
}


def same(first, second):
    """Whether two things are equal in type, bits and all."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray):
        return (first.dtype == second.dtype and first.shape == second.shape
                and getattr(first, "unit", None) == getattr(second, "unit", None)
                and np.asarray(first).tobytes() == np.asarray(second).tobytes())
    if isinstance(first, float | np.floating) and np.isnan(first):
        return bool(np.isnan(second))
    return first == second


def assert_same(first, second):
    assert same(first.data, second.data) and same(first.mask, second.mask)
    assert same(first.east, second.east) and same(first.north, second.north)
    assert same(first.bin_id, second.bin_id) and same(first.ivar, second.ivar)
    assert same(dict(first.meta), dict(second.meta))
    for name in ("component", "line", "unit"):
        assert getattr(first, name) == getattr(second, name)
    assert same(first.v_ref, second.v_ref)
    assert (first.wcs is None) == (second.wcs is None)
    if first.wcs is not None:
        assert second.wcs.wcs == first.wcs.wcs
        assert second.wcs.to_header(relax=True) == first.wcs.to_header(relax=True)
        assert second.wcs.pixel_shape == first.wcs.pixel_shape
        row, column = np.indices(first.shape)
        for one, two in zip(first.wcs.pixel_to_world_values(column, row),
                            second.wcs.pixel_to_world_values(column, row)):
            np.testing.assert_array_equal(one, two)


def full_field(shape=(5, 7), **changes):
    random = np.random.default_rng(4)
    data = random.normal(0, 100, shape)
    data.flat[0] = np.nan
    arguments = {
        "ivar": random.uniform(0.01, 1, shape), "mask": random.random(shape) < 0.2,
        "bin_id": random.integers(-1, 5, shape), "component": "gas", "line": "Ha-6564",
        "v_ref": 7123.456789012345 * KMS, "meta": META,
        "wcs": WCS(sky_header()) if len(shape) == 2 else None,
        "east": random.normal(0, 5, shape), "north": random.normal(0, 5, shape), **changes}
    return VelocityField.from_arrays(data, **arguments)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".kin"])
def test_everything_comes_back(suffix, tmp_path):
    field = full_field()
    path = tmp_path / f"çà et là{suffix}"
    field.write(path)
    read = VelocityField.read(path)
    assert_same(field, read)
    assert read.partner is None
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("changes", [
    {"ivar": None}, {"mask": None}, {"bin_id": None}, {"wcs": None}, {"line": None},
    {"v_ref": None}, {"meta": None}, {"component": None, "line": None}, {"component": "stellar"},
])
def test_what_is_absent_stays_absent(changes, tmp_path):
    field = full_field(**changes)
    field.write(tmp_path / "field.fits", format="kinmis")
    assert_same(field, VelocityField.read(tmp_path / "field.fits"))


def test_list_of_bins(tmp_path):
    field = full_field(shape=(30,))
    field.write(tmp_path / "list.fits")
    assert_same(field, VelocityField.read(tmp_path / "list.fits"))


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("bins", ["i1", "i2", "i4", "i8"])
def test_types_of_arrays(kind, bins, tmp_path):
    data = np.linspace(-9, 9, 12).reshape(3, 4).astype(kind)
    field = VelocityField(
        data, east=data * u.arcsec, north=-data * u.arcsec, mask=data > 0,
        uncertainty=InverseVariance(np.abs(data) + 1, unit=IVAR), bin_id=np.arange(
            -2, 10).reshape(3, 4).astype(bins))
    field.write(tmp_path / "field.fits")
    assert_same(field, VelocityField.read(tmp_path / "field.fits"))


@settings(max_examples=40, deadline=None)
@given(values=hnp.arrays(np.float64, (3, 4), elements=st.floats(width=64)),
       mask=hnp.arrays(bool, (3, 4)), v_ref=st.floats(-1e5, 1e5),
       meta=st.dictionaries(st.text(), st.recursive(
           st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
           lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)))
def test_any_values_come_back(values, mask, v_ref, meta, tmp_path_factory):
    offsets = np.arange(12.).reshape(3, 4) * u.arcsec
    field = VelocityField(values, east=offsets, north=offsets, mask=mask, meta=meta,
                          v_ref=v_ref * KMS)
    path = tmp_path_factory.mktemp("any") / "field.fits"
    field.write(path)
    assert_same(field, VelocityField.read(path))


def wcs_variants():
    rotated = WCS(sky_header())
    angle = np.deg2rad(33.3)
    rotated.wcs.pc = rotated.wcs.pc @ [[np.cos(angle), -np.sin(angle)],
                                       [np.sin(angle), np.cos(angle)]]
    rotated.wcs.crval = [1 / 3, -1 / 7]
    with_cd = WCS(naxis=2)
    with_cd.wcs.ctype = "RA---SIN", "DEC--SIN"
    with_cd.wcs.cd = rotated.wcs.pc / 3
    with_cd.wcs.crval = 12.345678901234567, -0.1
    with_pv = WCS(naxis=2)
    with_pv.wcs.ctype = "RA---AZP", "DEC--AZP"
    with_pv.wcs.cdelt = -1e-4, 1e-4
    with_pv.wcs.set_pv([(2, 1, 2.), (2, 2, 100 / 3)])
    galactic = WCS(naxis=2)
    galactic.wcs.ctype = "GLON-CAR", "GLAT-CAR"
    galactic.wcs.cdelt = -1e-4 / 3, 1e-4 / 3
    galactic.wcs.name = "named"
    old = WCS(sky_header())
    old.wcs.radesys, old.wcs.equinox = "FK4", 1950.
    old.wcs.dateobs, old.wcs.mjdobs = "2014-07-04", 56842.
    sip = WCS(naxis=2)
    sip.wcs.ctype = "RA---TAN-SIP", "DEC--TAN-SIP"
    sip.wcs.cdelt = -1e-4, 1e-4
    sip.wcs.crpix = 3, 3
    a = np.zeros((3, 3))
    a[2, 0] = 1e-5 / 3
    sip.sip = Sip(a, a.T, None, None, [3, 3])
    crota = WCS(naxis=2)
    crota.wcs.ctype = "RA---TAN", "DEC--TAN"
    crota.wcs.cdelt = -1e-4, 1e-4
    crota.wcs.crota = 0, 100 / 3
    shaped = WCS(sky_header())
    shaped.pixel_shape = 7, 5
    return {"rotated": rotated, "cd": with_cd, "pv": with_pv, "galactic": galactic, "old": old,
            "sip": sip, "shaped": shaped, "crota": crota}


@pytest.mark.parametrize("name", wcs_variants())
def test_wcs_comes_back_exactly(name, tmp_path):
    field = full_field(wcs=wcs_variants()[name])
    field.write(tmp_path / "field.fits")
    read = VelocityField.read(tmp_path / "field.fits")
    assert_same(field, read)
    with fits.open(tmp_path / "field.fits") as units:
        assert units["GAS_VELOCITY"].header["CTYPE1"] == field.wcs.wcs.ctype[0]
    read.write(tmp_path / "again.fits")
    assert_same(field, VelocityField.read(tmp_path / "again.fits"))


def test_wcs_with_distortion_tables(tmp_path):
    from astropy.wcs import DistortionLookupTable
    wcs = WCS(sky_header())
    table = DistortionLookupTable(np.zeros((2, 2), np.float32), (1, 1), (1, 1), (1, 1))
    wcs.cpdis1 = table
    with pytest.raises(ValueError, match="distortion tables"):
        full_field(wcs=wcs).write(tmp_path / "field.fits")
    assert os.listdir(tmp_path) == []


def test_slice_comes_back(tmp_path):
    field = full_field()[1:4, ::-2]
    field.write(tmp_path / "slice.fits")
    assert_same(field, VelocityField.read(tmp_path / "slice.fits"))


def test_galaxy(tmp_path):
    galaxy = mock.galaxy(pa_stellar=30, seed=2)
    galaxy.write(tmp_path / "galaxy.fits.gz")
    read = Galaxy.read(tmp_path / "galaxy.fits.gz")
    assert same(dict(galaxy.meta), read.meta) and read.id == galaxy.id
    for name, field in galaxy.fields.items():
        assert_same(field, read.fields[name])
    assert read.gas.partner is not None and read.gas.partner.partner is None
    gas = VelocityField.read(tmp_path / "galaxy.fits.gz", "gas")
    assert_same(gas, galaxy.gas)
    assert_same(gas.partner, galaxy.stellar)
    assert VelocityField.read(tmp_path / "galaxy.fits.gz").component == "stellar"


def test_galaxy_with_own_metadata_and_one_field(tmp_path):
    galaxy = Galaxy(gas=full_field(), id="mine", meta={"z": 0.01})
    galaxy.write(tmp_path / "galaxy.fits")
    read = Galaxy.read(tmp_path / "galaxy.fits")
    assert read.meta == {"z": 0.01, "id": "mine"} and read.stellar is None
    with pytest.raises(ValueError, match="holds no component 'stellar' but gas"):
        VelocityField.read(tmp_path / "galaxy.fits", "stellar")


def test_field_read_as_galaxy_and_partner_left_out(tmp_path):
    galaxy = mock.galaxy(pa_stellar=30, seed=2)
    galaxy.stellar.write(tmp_path / "field.fits")
    read = Galaxy.read(tmp_path / "field.fits")
    assert read.gas is None and read.id == galaxy.id
    assert VelocityField.read(tmp_path / "field.fits").partner is None
    full_field(component=None).write(tmp_path / "unknown.fits")
    with pytest.raises(ValueError, match=r"unknown\.fits holds a field of unknown component"):
        Galaxy.read(tmp_path / "unknown.fits")


def test_other_programs_can_read_it(tmp_path):
    field = full_field()
    field.write(tmp_path / "field.fits")
    with fits.open(tmp_path / "field.fits", checksum=True) as units:
        units.verify("exception")
        assert units[0].header["KINMIS"] == "VelocityField"
        np.testing.assert_array_equal(units["GAS_VELOCITY"].data, field.data)
        assert units["GAS_VELOCITY"].header["BUNIT"] == "km/s"
        wcs = WCS(units["GAS_VELOCITY"].header)
        assert wcs.pixel_to_world(2, 2).separation(field.wcs.pixel_to_world(2, 2)) < 1e-6 * u.arcsec


def test_existing_output(tmp_path):
    path = tmp_path / "field.fits"
    field = full_field()
    field.write(path)
    before = path.read_bytes()
    for thing in (field, Galaxy(gas=field)):
        with pytest.raises(OSError, match=r"field\.fits exists; give overwrite=True"):
            thing.write(path)
    assert path.read_bytes() == before
    Galaxy(gas=field, id="new").write(path, overwrite=True)
    assert Galaxy.read(path).id == "new"


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        full_field().write(tmp_path / "none" / "field.fits")


@pytest.mark.parametrize("thing, where", [
    ({"a": {"b": [1, object()]}}, r"\['a'\]\['b'\]\[1\]"), ({"c": 1j}, r"\['c'\]"),
    ({"d": {3, 4}}, r"\['d'\]"), ({"e": np.array([None])}, r"\['e'\]"),
    ({"f": b"x"}, r"\['f'\]"), ({"g": {(1, 2): {"x": lambda: 1}}}, r"\['g'\]\[\(1, 2\)\]\['x'\]"),
])
def test_what_cannot_be_written_is_named(thing, where, tmp_path):
    field = full_field(meta=thing)
    for item in (field, Galaxy(gas=field)):
        with pytest.raises(TypeError, match=rf"\['meta'\]{where} is .*can't be written"):
            item.write(tmp_path / "field.fits")
    assert os.listdir(tmp_path) == []


def test_long_doubles_cannot_be_written(tmp_path):
    field = full_field(ivar=None)._replace(data=np.zeros((5, 7), np.longdouble))
    with pytest.raises(TypeError, match="VELOCITY is an array of float128"):
        field.write(tmp_path / "field.fits")


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "field.fits"
    full_field().write(path)
    before = path.read_bytes()

    def fail(*names):
        raise OSError("disk full")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        full_field().write(path, overwrite=True)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["field.fits"]


def test_writing_changes_nothing(tmp_path):
    field = full_field()
    before = copy.deepcopy(field)
    field.write(tmp_path / "field.fits")
    assert_same(before, field)


@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
def test_damaged_file(suffix, tmp_path):
    path = tmp_path / f"field.{suffix}"
    full_field().write(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:len(raw) // 2])
    with pytest.raises(OSError, match=r"field\.fits.* is truncated"):
        VelocityField.read(path)
    spoilt = bytearray(raw)
    spoilt[len(raw) // 2] ^= 0xFF
    path.write_bytes(spoilt)
    with pytest.raises(OSError, match=r"field\.fits.* is damaged"):
        VelocityField.read(path)


def test_newer_version_and_foreign_file(tmp_path):
    full_field().write(tmp_path / "field.fits")
    with fits.open(tmp_path / "field.fits") as units:
        units[0].header["KINMISV"] = 99
        units.writeto(tmp_path / "newer.fits")
    with pytest.raises(ValueError, match=r"newer\.fits was written by a newer version"):
        VelocityField.read(tmp_path / "newer.fits")
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "other.fits")
    with pytest.raises(ValueError, match=r"other\.fits was not written by kinmis"):
        VelocityField.read(tmp_path / "other.fits", format="kinmis")
