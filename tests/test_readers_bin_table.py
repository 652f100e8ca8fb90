"""Tables of bins and of spaxels."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, Table

from kinmis import Galaxy, VelocityField, mock
from kinmis.readers import identify_format
from kinmis.readers.table_presets import TABLE_PRESETS, make_table_preset
from kinmis.readers.tables import grid_of_spaxels

C = 299792.458
PA = 75


def turned(angle, by):
    return abs((angle - by + 180) % 360 - 180)


@pytest.fixture(scope="module", params=["manga", "east"])
def truth(request):
    """A binned mock, in either handedness of the array."""
    return mock.velocity_field(PA, seed=5, bins=60, component="stellar", shape="circle", size=15,
                               handedness=request.param, noise=3)


class Parts:
    """The bins and the spaxels of a field, as pipelines tabulate them."""

    def __init__(self, field):
        self.good = ~field.mask
        ids, first, back = np.unique(field.bin_id[self.good], return_index=True,
                                     return_inverse=True)
        self.bins = np.where(self.good, 0, -1)
        self.bins[self.good] = back.ravel()
        self.v = field.data[self.good][first].astype(float)
        self.error = field.error.value[self.good][first].astype(float)
        # x grows to the West
        self.x, self.y = -field.east.value, field.north.value
        counts = np.bincount(back.ravel())
        self.xbin, self.ybin = [np.bincount(back.ravel(), values[self.good]) / counts
                                for values in (self.x, self.y)]


def table(path, columns, name="TABLE", **primary):
    units = [fits.PrimaryHDU(header=fits.Header(primary)),
             fits.BinTableHDU(Table(columns), name=name)]
    fits.HDUList(units).writeto(path, overwrite=True)
    return path


def files(field, folder):
    """Yield the name of each preset, and a file as it would be written."""
    part = Parts(field)
    cz, error = part.v * (1 + 3000 / C) + 3000, part.error * (1 + 3000 / C)
    yield "atlas3d", table(folder / "NGC1234_4moments.fits", {
        "XS": part.xbin, "YS": part.ybin, "VPXF": cz, "EVPXF": error})
    row = np.where(part.good, part.bins, 0).ravel()

    def blank(values):
        return np.where(part.good.ravel(), values[row], -999.9)

    yield "califa-kin", table(folder / "NGC1234.V1200_stellar_kin.fits", {
        "X": part.x.ravel(), "Y": part.y.ravel(), "VPXF": blank(cz), "DVPXF": blank(error),
        "BIN_ID": blank(np.arange(len(cz)) + 1.)}, OBJECT="NGC1234")
    folder = folder / "gist"
    folder.mkdir()
    table(folder / "NGC1_table.fits", {"ID": np.arange(part.x.size), "X": part.x.ravel(),
                                       "Y": part.y.ravel(), "BIN_ID": part.bins.ravel()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        table(folder / "NGC1_gas_BIN.fits", {"Ha_6562.8_V": part.v, "[OIII]_5006.77_V": part.v})
    yield "gist", table(folder / "NGC1_kin.fits", {"V": part.v, "SIGMA": part.error,
                                                   "FORM_ERR_V": part.error})
    folder = folder.parent / "dynamite"
    folder.mkdir()
    yield "dynamite", dynamite(part, folder)


def dynamite(part, folder):
    """Write the three files, whose pixels run along x and then y, both growing."""
    column, row = np.argsort(part.x[0]), np.argsort(part.y[:, 0])
    bins = (part.bins + 1)[np.ix_(row, column)]
    step, shape = 0.5, bins.shape
    (folder / "aperture.dat").write_text(
        "#counter_rotation_boxed_aperturefile_version_2\n"
        f"\t{part.x.min() - step / 2} {part.y.min() - step / 2}\n"
        f"\t{step * shape[1]} {step * shape[0]}\n\t15.0\n\t{shape[1]} {shape[0]}\n")
    (folder / "bins.dat").write_text("#Counterrotation_binning_version_1\n"
                                     f"{bins.size}\n" + " ".join(map(str, bins.ravel())))
    Table({"vbin_id": np.arange(len(part.v)) + 1, "v": part.v, "dv": part.error,
           "sigma": part.error}).write(folder / "kinematics.ecsv")
    return folder / "kinematics.ecsv"


# real files

@pytest.mark.parametrize("path, pa, shape, bins", [
    ("atlas3d/NGC4570_4moments_ATLAS3d.fits.gz", 159, (1517,), 1517),
    ("califa/NGC6278.V1200.rscube_INDOUSv2_SN20_stellar_kin.fits.gz", 306, (70, 79), 152),
    ("ngist/NGC0000Example_kin.fits.gz", 148, (30, 30), 28),
    ("ngist/NGC0000Example_gas_BIN.fits.gz", 146, (30, 30), 28),
    ("ngist/NGC0000Example_table.fits.gz", 148, (30, 30), 28),
    ("ngist/NGC0000Example_mask.fits.gz", 148, (30, 30), 28)])
def test_real_files(shared_data, path, pa, shape, bins):
    path = shared_data / "ifu" / path
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert identify_format(path) == "bin-table"
        field = VelocityField.read(path)
    assert field.shape == shape and field.n_bins == bins
    assert field.component == ("gas" if "gas" in path.name else "stellar")
    # NGC 4570 and NGC 6278: their discs have position angles of 159 and 126 degrees
    assert turned(field.fit_pa().values["pa"], pa) < 3


@pytest.mark.parametrize("name", ["NGC4570_4moments_ATLAS3d", "PXF_bin_MS_NGC4570_r1_idl"])
def test_name_of_the_galaxy(tmp_path, name):
    path = table(tmp_path / f"{name}.fits", {
        "XS": [0., 1.], "YS": [1., 0.], "VPXF": [1., 2.], "EVPXF": [1., 1.]})
    assert VelocityField.read(path).id == "NGC4570"


def test_real_pair(shared_data):
    galaxy = Galaxy.read(shared_data / "ifu" / "ngist" / "NGC0000Example_table.fits.gz")
    assert galaxy.id == "NGC0000Example" and galaxy.gas.line == "Hb-4862"
    assert galaxy.misalignment().absolute < 8 * u.deg
    assert galaxy.stellar.partner is not None
    table = fits.getdata(shared_data / "ifu" / "ngist" / "NGC0000Example_table.fits.gz")
    assert galaxy.stellar.n_valid == np.count_nonzero(table["BIN_ID"] >= 0) == 842


def test_real_zero_point(shared_data):
    path = shared_data / "ifu" / "califa"
    field = VelocityField.read(next(path.iterdir()))
    assert 2700 < field.v_ref.value < 2900 and field.id == "NGC6278"
    assert abs(np.median(field.data[~field.mask])) < 30
    assert field.meta["spaxel"] == 1 * u.arcsec


# the same galaxy as every survey writes it

def test_one_galaxy_in_every_preset(truth, tmp_path):
    expected = truth.fit_pa().values["pa"]
    assert turned(expected, PA) < 3
    seen = set()
    for name, path in files(truth, tmp_path):
        seen.add(name)
        assert identify_format(path) == "bin-table", name
        field = VelocityField.read(path)
        assert field.component == "stellar" and field.meta["preset"] == name
        assert field.n_bins == truth.n_bins
        assert field.data.ndim == (1 if name == "atlas3d" else 2), name
        if name != "atlas3d":
            assert field.n_valid == truth.n_valid
            assert field.meta["spaxel"] == 0.5 * u.arcsec
        result = field.fit_pa()
        assert turned(result.values["pa"], expected) < 1.5, name
    assert seen == set(TABLE_PRESETS)


def test_map_has_every_spaxel_in_its_place(truth, tmp_path):
    """Places and values, whatever the order of the rows."""
    part = Parts(truth)
    for name, path in files(truth, tmp_path):
        if name == "atlas3d":
            continue
        field = VelocityField.read(path)
        flat = {(round(east, 2), round(north, 2)): value for east, north, value in zip(
            truth.east.value[part.good], truth.north.value[part.good], truth.data[part.good])}
        shift = np.median(field.data[~field.mask]) - np.median(part.v[part.bins[part.good]])
        for east, north, value in zip(field.east.value[~field.mask],
                                      field.north.value[~field.mask],
                                      field.data[~field.mask]):
            assert value - shift == pytest.approx(flat[round(east, 2), round(north, 2)], abs=0.1)


def test_gas_beside_the_stars(truth, tmp_path):
    path = dict(files(truth, tmp_path))["gist"]
    galaxy = Galaxy.read(path)
    assert galaxy.gas.line == "Ha-6564" and galaxy.gas.error is None
    field = VelocityField.read(path.with_name("NGC1_gas_BIN.fits"))
    assert field.component == "gas" and field.partner.component == "stellar"
    assert VelocityField.read(path, "gas").line == "Ha-6564"
    path.unlink()
    assert Galaxy.read(path.with_name("NGC1_table.fits")).stellar is None


def test_options(truth, tmp_path):
    part = Parts(truth)
    path = tmp_path / "bins.csv"
    Table({"a": part.xbin / 60, "b": part.ybin / 60, "speed": part.v * 1000,
           "err": part.error * 1000, "n": np.arange(len(part.v)) + 7}).write(path)
    options = dict(format="bin-table", velocity="speed", error="err", x="a", y="b", east="-x",
                   position_unit="arcmin", unit="m/s", component="stellar")
    field = VelocityField.read(path, **options)
    np.testing.assert_allclose(field.data, part.v)
    np.testing.assert_allclose(field.east.value, -part.xbin)
    np.testing.assert_allclose(field.error.value, part.error, rtol=1e-6)
    assert field.bin_id is None and field.id is None
    mirrored = VelocityField.read(path, **{**options, "east": "x"})
    assert turned(mirrored.fit_pa().values["pa"], -field.fit_pa().values["pa"]) < 1
    moved = VelocityField.read(path, **options, center=(2, 1))
    np.testing.assert_allclose(moved.north.value, part.ybin - 1)
    # the same with a table of spaxels, and bins that both tables name
    spaxels = table(tmp_path / "spaxels.fits", {
        "X": part.x.ravel(), "Y": part.y.ravel(),
        "bin": np.where(part.good, part.bins + 7, -1).ravel()})
    preset = {key: options[key] for key in ("velocity", "error", "east", "unit", "component")}
    preset |= dict(bin_id="n", x="X", y="Y", spaxel_bin="bin", spaxels=str(spaxels))
    field = VelocityField.read(path, format="bin-table", preset=preset)
    assert field.data.ndim == 2 and field.n_bins == len(part.v)
    assert turned(field.fit_pa().values["pa"], PA) < 3


def test_spaxels_off_any_grid_make_a_list():
    rng = np.random.default_rng(1)
    assert grid_of_spaxels(*rng.normal(size=(2, 50))) is None
    assert grid_of_spaxels(np.zeros(3), np.zeros(3)) is None
    x, y = np.meshgrid(np.arange(8) * 0.2, np.arange(5) * 0.2)
    row, column, *_, step = grid_of_spaxels(x.ravel() + rng.normal(0, 1e-8, 40), y.ravel())
    assert step == 0.2 and row.max() == 4 and column.max() == 7


def test_toml(truth, tmp_path):
    path = dict(files(truth, tmp_path))["atlas3d"]
    (tmp_path / "mine.toml").write_text(
        'velocity = "VPXF"\nerror = "EVPXF"\nx = "XS"\ny = "YS"\neast = "-x"\nunit = "km/s"\n')
    field = VelocityField.read(path, format="bin-table", preset=tmp_path / "mine.toml")
    assert field.component is None and turned(field.fit_pa().values["pa"], PA) < 3
    with pytest.raises(ValueError, match='give component="stellar"'):
        Galaxy.read(path, format="bin-table", preset=tmp_path / "mine.toml")


# bad input

def bad(match, path, kind=ValueError, **options):
    with pytest.raises(kind, match=match):
        VelocityField.read(path, format="bin-table", **options)


def test_tables_that_do_not_belong_together(truth, tmp_path):
    paths = dict(files(truth, tmp_path))
    part = Parts(truth)
    gist = paths["gist"]
    table(gist, {"V": part.v[:-3], "FORM_ERR_V": part.error[:-3]})
    bad("do not belong together: the first has 60 bins.*57 rows", gist)
    ecsv = paths["dynamite"]
    kept = Table.read(ecsv)
    kept[5:].write(ecsv, overwrite=True)
    bad("do not belong together: the second lacks the bins 1, 2, 3, 4, 5 of", ecsv)
    kept["vbin_id"] = 1
    kept.write(ecsv, overwrite=True)
    bad("several rows for one bin", ecsv)
    (ecsv.parent / "bins.dat").write_text("4\n1 2 3 4")
    bad("bins.dat does not fit .*aperture.dat", ecsv)
    (ecsv.parent / "aperture.dat").write_text("1 2")
    bad("no aperture file", ecsv)
    (ecsv.parent / "aperture.dat").write_text("one two")
    bad("no number", ecsv)


def test_missing_companions(truth, tmp_path):
    paths = dict(files(truth, tmp_path))
    paths["gist"].with_name("NGC1_table.fits").unlink()
    bad("needs the table of spaxels NGC1_table.fits.*give spaxels=", paths["gist"],
        FileNotFoundError)
    (paths["dynamite"].parent / "bins.dat").unlink()
    bad("needs the table of spaxels bins.dat", paths["dynamite"], FileNotFoundError)
    folder = tmp_path / "alone"
    folder.mkdir()
    path = table(folder / "NGC1_table.fits", {"X": [0., 1.], "Y": [0., 0.], "BIN_ID": [0, 1]})
    bad("no velocities, looked for in NGC1_kin.fits", path)


def test_bins_without_coordinates(tmp_path):
    path = tmp_path / "bins.ecsv"
    QTable({"v": [1, 2, 3] * u.km / u.s}).write(path)
    bad(r"bins.ecsv has no column named for the position \(x\); give x=, or spaxels=", path,
        velocity="v", east="x")
    bad("no column XS for the position.*it has v", path, velocity="v", x="XS", y="YS")
    QTable({"v": [1, 2] * u.km / u.s, "x": [np.nan, np.nan], "y": [1., 2.]}).write(
        path, overwrite=True)
    bad("no finite positions", path, velocity="v", x="x", y="y", east="x")


def test_missing_units_and_columns(tmp_path):
    path = table(tmp_path / "a.fits", {"x": [0., 1.], "y": [1., 0.], "v": [1., 2.],
                                       "name": ["a", "b"]})
    options = dict(x="x", y="y", east="-x")
    bad('a.fits: the column v has no unit of velocity; give unit="km/s"', path, velocity="v",
        **options)
    bad("no column w for the velocity; it has x, y, v", path, velocity="w", **options)
    bad("no column ev for the error", path, velocity="v", error="ev", unit="km/s", **options)
    bad("holds no single numbers", path, velocity="name", unit="km/s", **options)
    bad("which way is East", path, velocity="v", unit="km/s", x="x", y="y")
    bad("not in an angle", path, velocity="v", unit="km/s", position_unit="kpc", **options)
    bad("rows must be", path, velocity="v", unit="km/s", rows="both", **options)
    bad("center must be a pair", path, velocity="v", unit="km/s", center=3, **options)
    bad("columns x, y, v, name, which no preset knows", path)
    bad("unknown entry vel", path, preset={"vel": "v"})


def test_files_of_another_kind(tmp_path):
    text = tmp_path / "a.fits"
    text.write_text("x y v\n1 2 3\n")
    bad("a.fits is no FITS file", text)
    fits.writeto(tmp_path / "b.fits", np.ones((4, 4)))
    bad("holds no table.*fits-image", tmp_path / "b.fits")
    (tmp_path / "c.ecsv").write_text("# %ECSV 1.0\nnonsense")
    bad("c.ecsv is no table that can be read", tmp_path / "c.ecsv")
    bad("no file", tmp_path / "d.csv", FileNotFoundError)


def test_all_blank(tmp_path):
    path = table(tmp_path / "NGC1_4moments.fits", {"XS": [0., 1.], "YS": [1., 0.],
                                                   "VPXF": [-999.9] * 2, "EVPXF": [1., 1.]})
    bad("every velocity is blank; give blank=", path)


def test_presets_describe_themselves():
    for name, preset in TABLE_PRESETS.items():
        assert make_table_preset(name) is preset and preset.description
    with pytest.raises(TypeError, match="must be a name"):
        make_table_preset(3)
