"""Mock galaxies: two fields of one target."""

import json

import astropy.units as u
import numpy as np
import pytest

from kinmis import Galaxy, mock


def test_gas_rotates_with_the_stars_by_default():
    galaxy = mock.galaxy(40, seed=1)
    assert isinstance(galaxy, Galaxy)
    assert galaxy.stellar.component == "stellar" and galaxy.gas.component == "gas"
    assert galaxy.stellar.meta["truth"]["pa"] == galaxy.gas.meta["truth"]["pa"] == 40
    assert galaxy.meta["truth"]["misalignment"] == 0
    assert galaxy.stellar.partner.component == "gas"
    assert not np.array_equal(galaxy.stellar.data, galaxy.gas.data)


@pytest.mark.parametrize("stellar, gas, difference", [
    (40, 130, 90), (130, 40, -90), (350, 20, 30), (20, 350, -30), (30, 210, 180), (210, 30, 180)])
def test_misalignment_of_the_truth(stellar, gas, difference):
    galaxy = mock.galaxy(stellar, gas * u.deg, seed=1)
    assert galaxy.meta["truth"]["misalignment"] == difference
    json.dumps(galaxy.meta["truth"])


def test_photometry_is_of_the_galaxy():
    galaxy = mock.galaxy(40, 200, gas={"inclination": 30}, seed=1)
    assert galaxy.meta["photometric_pa"] == 40 * u.deg
    assert galaxy.gas.meta["ellipticity"] == galaxy.stellar.meta["ellipticity"]
    assert galaxy.meta["ellipticity"] == pytest.approx(0.5)


def test_counter_rotating_gas_is_the_mirror_velocity():
    galaxy = mock.galaxy(40, 220, noise=0)
    np.testing.assert_allclose(galaxy.gas.data, -galaxy.stellar.data, atol=1e-9)


def test_hybrid_and_voronoi_bins():
    hybrid = mock.galaxy(40, 70, bins=200, seed=1)
    assert hybrid.stellar.n_bins == 200 and hybrid.gas.bin_id is None
    voronoi = mock.galaxy(40, 70, bins=200, binning="voronoi", seed=1)
    np.testing.assert_array_equal(voronoi.gas.bin_id, voronoi.stellar.bin_id)
    own = mock.galaxy(40, 70, bins=200, gas={"bin_snr": 20}, seed=1)
    assert own.stellar.n_bins == 200 and own.gas.bin_id is not None
    assert not np.array_equal(own.gas.bin_id, own.stellar.bin_id)


def test_holes_of_the_stars_have_no_bin_for_the_gas():
    galaxy = mock.galaxy(40, bins=200, binning="voronoi", holes=0.2, seed=1)
    assert np.all(galaxy.gas.mask[galaxy.stellar.mask])
    assert galaxy.gas.n_valid < galaxy.stellar.n_valid


def test_options_of_one_component():
    galaxy = mock.galaxy(40, noise=5, stellar={"v_max": 80, "v_sys": 3}, gas={"noise": 9},
                         seed=1)
    assert galaxy.stellar.meta["truth"]["v_max"] == 80
    assert galaxy.gas.meta["truth"]["v_max"] == 150
    np.testing.assert_allclose(galaxy.gas.error.value[~galaxy.gas.mask], 9)
    np.testing.assert_allclose(galaxy.stellar.error.value[~galaxy.stellar.mask], 5)


@pytest.mark.parametrize("wedge", [60, 60 * u.deg, (10, 70)])
def test_stars_and_gas_miss_the_same_wedge(wedge):
    galaxy = mock.galaxy(40, wedge=wedge, seed=1)
    np.testing.assert_array_equal(galaxy.stellar.mask, galaxy.gas.mask)


def test_seeds_and_names():
    first, second, other = (mock.galaxy(40, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.gas.data, second.gas.data)
    assert first.id == second.id != other.id
    assert mock.galaxy(40, seed=3, size=32).id.split("-")[1].startswith("127")
    assert mock.galaxy(40, id="mine").id == "mine"


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="binning must be 'hybrid' or 'voronoi'"):
        mock.galaxy(40, binning="radial")
    with pytest.raises(TypeError, match="unexpected option 'speed'; there are inclination"):
        mock.galaxy(40, speed=3)
    with pytest.raises(TypeError, match="unexpected option 'component'"):
        mock.galaxy(40, gas={"component": "stellar"})
