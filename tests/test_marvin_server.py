"""Marvin's own server code, and the package marvin itself, against the files that are served."""

import json
import subprocess
import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from marvin_server import environment, maps_tree, running

from kinmis import Galaxy, VelocityField
from kinmis.marvin import NotFoundError, RequestError
from kinmis.readers.sas import maps_path

WAYS = ("object", "package", "api")


@pytest.fixture(scope="session")
def marvin_python():
    """Interpreter of an environment with the package marvin; failing to build it is an error."""
    return environment.marvin_python()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sas")
    maps_tree.write_mock(folder)
    return folder


@pytest.fixture(scope="module")
def real_galaxy(tree, manga_maps_file):
    """The real galaxy in the tree; without real data what needs it is skipped, and no more."""
    return maps_tree.copy_real(tree, manga_maps_file)


@pytest.fixture(params=maps_tree.GALAXIES)
def plateifu(request):
    if request.param == "7815-3702":
        request.getfixturevalue("real_galaxy")
    return request.param


@pytest.fixture(scope="module")
def server(marvin_python, tree, tmp_path_factory):
    with running.marvin_server(marvin_python, tree, tmp_path_factory.mktemp("home")) as url:
        yield url


def path_of(tree, plateifu):
    return tree / maps_path(plateifu, maps_tree.GALAXIES[plateifu])


def assert_same_galaxy(galaxy, file):
    """Both fields to the bit, and all metadata but those of the way."""
    assert list(galaxy.fields) == list(file.fields) == ["stellar", "gas"]
    for component, field in galaxy.fields.items():
        assert_same_field(field, file.fields[component])
    assert metadata(galaxy) == metadata(file)


def assert_same_field(field, file):
    for name in ("data", "mask", "bin_id"):
        assert_same_bits(getattr(field, name), getattr(file, name))
    for name in ("ivar", "east", "north"):
        assert_same_bits(getattr(field, name).value, getattr(file, name).value)
        assert getattr(field, name).unit == getattr(file, name).unit
    for name in ("component", "line", "v_ref"):
        assert getattr(field, name) == getattr(file, name)
    assert metadata(field) == metadata(file)
    corners = np.array([0, 0, field.shape[1]]), np.array([0, field.shape[0], 2])
    np.testing.assert_allclose(field.wcs.pixel_to_world_values(*corners),
                               file.wcs.pixel_to_world_values(*corners), rtol=0, atol=1e-9)
    assert field.wcs.pixel_shape == file.wcs.pixel_shape


def assert_same_bits(some, other):
    assert some.dtype == other.dtype and some.shape == other.shape
    assert some.tobytes() == other.tobytes()


def metadata(item):
    return {key: value for key, value in item.meta.items() if key not in ("source", "access")}


def test_api_equals_the_file(server, tree, plateifu):
    release = maps_tree.GALAXIES[plateifu]
    galaxy = Galaxy.from_marvin(plateifu, release=release, access="api", base_url=server)
    assert galaxy.meta["access"] == "api"
    assert galaxy.meta["source"].startswith(f"{server}marvin/api/maps/{plateifu}/HYB10/")
    assert_same_galaxy(galaxy, Galaxy.read(path_of(tree, plateifu), release=release))


@pytest.mark.parametrize("component", ["stellar", "gas"])
def test_a_field_keeps_its_partner(server, component):
    field = VelocityField.from_marvin("8485-1901", component, base_url=server, access="api")
    assert field.component == component and field.partner.component != component
    assert field.meta["release"] == "DR17"
    truth = {"stellar": 40, "gas": 70}[component]
    assert abs(field.fit_pa().pa - truth * u.deg) < 3 * u.deg


def test_options_hold_for_the_api_too(server, tree):
    options = {"line": "Hb-4862", "mask_bits": ("DONOTUSE",)}
    galaxy = Galaxy.from_marvin("8485-1901", access="api", base_url=server, **options)
    assert galaxy.gas.line == "Hb-4862"
    assert_same_galaxy(galaxy, Galaxy.read(path_of(tree, "8485-1901"), **options))


@pytest.mark.parametrize("missing", ["9999-1901", "12345-12705"])
@pytest.mark.parametrize("access", ["api", "auto"])
def test_no_such_observation(server, missing, access):
    with pytest.raises(NotFoundError, match=f"{missing} .DR17.*no such observation.*failed to"):
        Galaxy.from_marvin(missing, access=access, base_url=server,
                           sas_url="http://127.0.0.1:9/")


@pytest.mark.parametrize("options, said", [
    ({"line": "Xx-1234"}, "emline_gvel xx_1234 of 8485-1901 .*status 422.*this line"),
    ({"bintype": "NOBIN"}, "8485-1901 .DR17, NOBIN-MILESHC-MASTARSSP.*status 422"),
    ({"release": "DR15"}, "8485-1901 .DR15|no such observation")])
def test_what_the_server_refuses(server, options, said):
    with pytest.raises((RequestError, NotFoundError), match=said):
        Galaxy.from_marvin("8485-1901", access="api", base_url=server, **options)


@pytest.fixture(scope="module")
def read_there(request, marvin_python, server, tree, tmp_path_factory):
    """Folder with what was read in the environment of the package marvin."""
    folder = tmp_path_factory.mktemp("there")
    try:
        request.getfixturevalue("real_galaxy")
    except pytest.skip.Exception:
        pass    # there is the model
    galaxies = [part for name, release in maps_tree.GALAXIES.items()
                if (tree / maps_path(name, release)).exists() for part in (name, release)]
    script = running.SCRIPT.with_name("read_with_marvin.py")
    done = subprocess.run(
        [marvin_python, script, server, folder, *galaxies], cwd=folder, text=True, timeout=300,
        capture_output=True, env=environment.clean_environ(
            HOME=folder, SAS_BASE_DIR=folder / "nothing", MARVIN_LOGS_DIR=folder))
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_the_package_itself_equals_the_file(read_there, tree, plateifu):
    """marvin.tools.Maps(mode="remote"), without kinmis."""
    facts = json.loads((read_there / "facts.json").read_text())
    assert facts["numpy"] == "1.26.4" and facts[plateifu]["origin"] == "api"
    raw = np.load(read_there / f"{plateifu}-raw.npz")
    with fits.open(path_of(tree, plateifu)) as units:
        header = units["EMLINE_GVEL"].header
        plane = next(int(key[1:]) for key, value in header.items() if value == "Ha-6564") - 1
        for name in ("stellar_vel", "emline_gvel"):
            for suffix in ("", "_ivar", "_mask"):
                there = raw[name + suffix]
                here = units[name + suffix].data
                here = here[plane] if here.ndim == 3 else here
                assert (there == here).all() and there.shape == here.shape
        assert raw["stellar_vel_mask"].max() >= 1 << 30     # DONOTUSE


@pytest.mark.parametrize("way", WAYS)
def test_kinmis_there_equals_the_file(read_there, tree, plateifu, way):
    galaxy = Galaxy.read(read_there / f"{plateifu}-{way}.fits")
    file = Galaxy.read(path_of(tree, plateifu), release=maps_tree.GALAXIES[plateifu])
    assert_same_galaxy(galaxy, file)
    assert galaxy.meta["access"] == ("api" if way == "api" else "package")


def test_source_names_the_package_and_what_it_took(read_there, plateifu):
    facts = json.loads((read_there / "facts.json").read_text())
    assert facts[plateifu]["package"].startswith(f"<Marvin Maps (plateifu='{plateifu}'")


def test_classified_there_and_here(marvin_python, server, tmp_path):
    """The classifier gives the same beside old numpy, JAX and Keras."""
    script = running.SCRIPT.with_name("classify_there.py")
    done = subprocess.run(
        [marvin_python, script, server, "8485-1901"], cwd=tmp_path, text=True, timeout=600,
        capture_output=True, env=environment.clean_environ(HOME=tmp_path, MPLBACKEND="agg"))
    assert done.returncode == 0, done.stderr[-4000:]
    there = json.loads(done.stdout)
    assert there["versions"] == {"numpy": "1.26.4", "keras": "3.15.1", "jax": "0.7.1",
                                 "sdss-marvin": "2.8.2"}
    here = VelocityField.from_marvin("8485-1901", base_url=server).classify()
    assert (there["quality"], there["model"]) == (here.quality, here.model)
    for name in ("probabilities", "usable", "ood_score"):
        np.testing.assert_allclose(there[name], getattr(here, name), rtol=0, atol=2e-3)


def test_warnings_of_the_package_stay_there():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImportError, match="numpy"):
            Galaxy.from_marvin("8485-1901", access="package")
