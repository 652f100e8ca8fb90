"""One model galaxy in every format that can be read: the same angle, the right way round."""

import warnings

import pytest
from test_readers_bin_table import files as tables
from test_readers_fits_image import files as images

from kinmis import VelocityField, mock
from kinmis.exceptions import ReaderWarning
from kinmis.position_angle.circular import angle_difference
from kinmis.readers.formats import READERS
from kinmis.readers.plugins import load_built_in
from kinmis.readers.presets import PRESETS
from kinmis.readers.table_presets import TABLE_PRESETS

# neither a multiple of 45 deg nor near one: every wrong flip or swap of axes would show
PA = 110


def write_all(field, folder):
    """Yield format, preset and path of each file that a field is written to."""
    for name, path in images(field, folder):
        yield "fits-image", name, path
    (folder / "tables").mkdir()
    for name, path in tables(field, folder / "tables"):
        yield "bin-table", name, path
    field.write(folder / "own.fits")
    yield "kinmis", None, folder / "own.fits"


@pytest.mark.parametrize("handedness", ["manga", "east"])
def test_angle_is_the_same_in_every_format(tmp_path, handedness):
    field = mock.velocity_field(PA, seed=8, bins=80, shape="circle", size=15, component="gas",
                                handedness=handedness, noise=15, id="NGC1")
    direct = field.fit_pa()
    assert abs(angle_difference(direct.values["pa"], PA)) < 3 * direct.values["pa_err"]
    seen = set()
    for format, preset, path in write_all(field, tmp_path):
        seen.add((format, preset))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReaderWarning)
            read = VelocityField.read(path)
        assert read.meta.get("preset") == preset
        result = read.fit_pa()
        apart = abs(angle_difference(result.values["pa"], direct.values["pa"]))
        assert apart < direct.values["pa_err"], (format, preset, apart)
    assert {preset for _, preset in seen} == {*PRESETS, *TABLE_PRESETS, None}


@pytest.mark.parametrize("schema", ["DR15", "DR17"])
def test_maps_file(tmp_path, schema):
    galaxy = mock.galaxy(PA, PA + 90, seed=7, bins=80, noise=15)
    path = mock.write_maps(galaxy, tmp_path, schema=schema)
    for name, field in galaxy.fields.items():
        result, direct = VelocityField.read(path, name).fit_pa(), field.fit_pa()
        apart = abs(angle_difference(result.values["pa"], direct.values["pa"]))
        assert apart < direct.values["pa_err"]


@pytest.mark.parametrize("handedness", ["manga", "east"])
def test_cube(tmp_path, handedness):
    path = mock.cube(PA, snr=40, size=12, handedness=handedness, seed=7).write(
        tmp_path / "cube.fits")
    result = VelocityField.read(path, line="Ha").fit_pa()
    assert abs(angle_difference(result.values["pa"], PA)) < 4 * result.values["pa_err"]


def test_no_format_is_left_out():
    load_built_in()
    read_above = {"fits-image", "bin-table", "kinmis", "manga-dap", "cube"}
    # what comes over the network has tests of its own, against a server
    assert {name for name, form in READERS.items() if form.origin == "kinmis"} == {
        *read_above, "marvin"}
