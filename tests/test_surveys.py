"""Profiles of surveys, and what fields are like."""

import dataclasses

import numpy as np
import pytest

from kinmis import VelocityField, mock
from kinmis.readers.presets import PRESETS
from kinmis.readers.table_presets import TABLE_PRESETS
from kinmis.surveys import PROFILES, REFERENCES, TRAINING, describe, find_profile

STATED = ("shape", "size", "spaxel", "psf_fwhm", "coverage", "stellar_bins", "gas_bins",
          "redshift", "resolution")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_every_number_has_a_source(profile):
    given = {name for name in STATED if getattr(profile, name) is not None}
    assert set(profile.sources) == given
    for keys in profile.sources.values():
        assert keys and set(keys) <= set(REFERENCES)
    assert profile.description and given
    assert set(profile.ranges) <= {"size", "spaxel", "psf_fwhm"}
    for name, (low, high) in profile.ranges.items():
        if np.ndim(low) == 0:
            assert low < getattr(profile, name) < high
    if profile.redshift:
        assert 0 <= profile.redshift[0] < profile.redshift[1]


def test_every_reference_is_used():
    used = {key for profile in PROFILES.values() for keys in profile.sources.values()
            for key in keys}
    assert used == set(REFERENCES)


def test_profiles_are_found():
    assert find_profile("califa") is PROFILES["CALIFA"]
    assert find_profile("phangs").name == "PHANGS-MUSE"
    with pytest.raises(ValueError, match="no profile of a survey 'nope'; there are MaNGA, SAMI"):
        find_profile("nope")
    with pytest.raises(dataclasses.FrozenInstanceError):
        PROFILES["SAMI"].size = 3


def test_readers_name_surveys_that_have_a_profile():
    """Except for simulations, which have no instrument."""
    named = {preset.survey for preset in [*PRESETS.values(), *TABLE_PRESETS.values()]}
    for survey in named - {None, "SimSpin"}:
        assert find_profile(survey).name == survey


def test_field_knows_its_profile():
    field = mock.velocity_field(seed=1)
    assert field.profile is None
    assert mock.velocity_field(seed=1, meta={"survey": "SAMI"}).profile is PROFILES["SAMI"]


@pytest.mark.parametrize("name", PROFILES)
def test_mocks_look_like_the_survey(name):
    profile = PROFILES[name]
    options = profile.mock_options()
    field = mock.velocity_field(40, seed=1, noise=3, **options)
    numbers = describe(field)
    if profile.spaxel:
        assert numbers["spaxel"] == profile.spaxel
    if profile.psf_fwhm:
        assert field.meta["psf_fwhm"].value == profile.psf_fwhm
    if profile.redshift:
        assert profile.redshift[0] < field.meta["z"] < profile.redshift[1]
    widest = (np.hypot(*profile.size) if np.ndim(profile.size) else
              profile.size * (2**0.5 if profile.shape in ("square", "mosaic") else 1))
    assert numbers["extent"] == pytest.approx(widest, rel=0.12)


def test_galaxy_of_a_profile():
    galaxy = mock.galaxy(40, profile="SAMI", seed=1)
    assert describe(galaxy.gas)["extent"] == pytest.approx(15, abs=0.8)
    assert galaxy.gas.meta["psf_fwhm"].value == 2.04
    other = mock.galaxy(40, profile="SAMI", size=22.0, gas={"psf_fwhm": 1.0}, seed=1)
    assert describe(other.stellar)["extent"] == pytest.approx(22, abs=0.8)
    assert other.gas.meta["psf_fwhm"].value == 1 != other.stellar.meta["psf_fwhm"].value
    with pytest.raises(ValueError, match="no profile of a survey 'nope'"):
        mock.galaxy(profile="nope")


# what a field is like

@pytest.mark.parametrize("shape, roundness", [("circle", 0.98), ("hexagon", 0.87),
                                              ("square", 0.71)])
@pytest.mark.parametrize("rotation", [0, 25])
def test_shapes(shape, roundness, rotation):
    field = mock.velocity_field(shape=shape, size=30, rotation=rotation, seed=1)
    numbers = describe(field)
    assert numbers["roundness"] == pytest.approx(roundness, abs=0.04)
    assert numbers["coverage"] > 0.94
    assert numbers["spaxel"] == 0.5 and numbers["bins"] == field.n_bins
    assert numbers["offset"] < 0.03


def test_extent_and_offset():
    field = mock.velocity_field(shape="rectangle", size=(10, 4), rotation=33, seed=1)
    assert describe(field)["extent"] == pytest.approx(np.hypot(10, 4), abs=0.7)
    field = mock.velocity_field(shape="circle", size=20, seed=1)
    moved = VelocityField.from_arrays(field.velocity, east=field.east.value + 6,
                                      north=field.north.value - 8, mask=field.mask)
    assert describe(moved)["offset"] == pytest.approx(1, abs=0.05)
    assert describe(moved)["spaxel"] == pytest.approx(0.5)


def test_coverage():
    whole = describe(mock.velocity_field(shape="circle", size=20, seed=1))["coverage"]
    half = describe(mock.velocity_field(shape="circle", size=20, holes=0.5, seed=1))["coverage"]
    assert half == pytest.approx(whole / 2, rel=0.05)


def test_velocity_spread():
    north, east = np.mgrid[-50:51, -50:51] * 0.1
    field = VelocityField.from_arrays(100 * east / 5, east=east, north=north)
    assert describe(field)["velocity"] == pytest.approx(90, abs=1)


def test_lists_and_odd_fields():
    numbers = describe(VelocityField.from_arrays([1., 2, 3], east=[0, 1, 2], north=[0, 0, 1]))
    assert numbers["spaxel"] is None is numbers["coverage"] and numbers["extent"] > 2
    empty = VelocityField.from_arrays(np.full((3, 3), np.nan), east=np.eye(3), north=np.eye(3))
    assert describe(empty)["extent"] is None
    line = VelocityField.from_arrays(np.ones((1, 4)), east=[[0, 1, 2, 3]], north=np.zeros((1, 4)))
    assert describe(line)["roundness"] < 1e-9 and describe(line)["coverage"] is None
    point = VelocityField.from_arrays([5.], east=[0], north=[0])
    assert describe(point)["roundness"] is None and describe(point)["bins"] == 1
    flat = VelocityField.from_arrays(np.ones((3, 3)), east=np.zeros((3, 3)),
                                     north=np.zeros((3, 3)))
    assert describe(flat)["coverage"] is None


def test_declared_ranges_are_those_of_the_training_maps(shared_data):
    """A tenth of the maps; benchmarks/bench_training_set.py prints all."""
    with np.load(shared_data / "manga_mpl8" / "velocity_maps.npz") as file:
        data = {name: file[name] for name in file.files}
    rows = []
    for i in range(0, len(data["nx"]), 10):
        part = slice(data["offset"][i], data["offset"][i + 1])
        shape = data["ny"][i], data["nx"][i]
        east, north = np.meshgrid(data["x0"][i] + data["dx"][i] * np.arange(shape[1]),
                                  data["y0"][i] + data["dy"][i] * np.arange(shape[0]))
        rows.append(describe(VelocityField.from_arrays(
            data["values"][part].reshape(shape), east=east, north=north,
            bin_id=data["bin_id"][part].reshape(shape))))
    for name in ("extent", "roundness", "coverage", "offset", "bins", "velocity"):
        values = np.array([row[name] for row in rows], float)
        inside = np.mean((values >= TRAINING[name].low) & (values <= TRAINING[name].high))
        assert 0.97 < inside <= 1, name
        # and no wider than they must be
        low, high = np.percentile(values, (3, 97))
        assert TRAINING[name].low <= low and TRAINING[name].high >= high, name
        assert TRAINING[name].high < 2.2 * high, name
    assert max(row["spaxel"] for row in rows) < 0.501
