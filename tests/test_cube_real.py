"""Real cubes, beside what was published of them."""

import astropy.units as u
import numpy as np
import pytest

from kinmis import VelocityField
from kinmis.readers import identify_format


@pytest.fixture(scope="module")
def sami(shared_data):
    folder = shared_data / "ifu" / "sami"
    return (VelocityField.read(folder / "572402_A_sectors_red.fits.gz", lsf=4304),
            VelocityField.read(folder / "572402_A_gas-velocity_sectors_1-comp.fits.gz"))


def test_sami_cube_gives_the_published_map(sami):
    measured, published = sami
    good = ~measured.mask & ~published.mask
    ours, theirs = measured.data[good], published.data[good]
    assert np.count_nonzero(good) >= 800
    assert np.corrcoef(ours, theirs)[0, 1] >= 0.999
    assert np.std(ours - theirs) <= 1.5
    # and errors from other code on the same spectra
    ratio = (measured.error.value / published.error.value)[good]
    assert 0.9 < np.median(ratio) < 1.1


def test_sami_cube_lies_on_the_sky_as_the_map(sami):
    measured, published = sami
    for name in ("east", "north"):
        np.testing.assert_allclose(getattr(measured, name).value, getattr(published, name).value,
                                   atol=0.01)
    assert abs((measured.fit_pa().pa - published.fit_pa().pa).value) < 0.5


def test_sami_cube_tells_what_it_is(sami, shared_data):
    measured, _ = sami
    assert measured.id == "572402"
    assert measured.meta["psf_fwhm"].value == pytest.approx(2.02, abs=0.01)
    facts = measured.meta["cube"]
    assert facts["z_from"] == "Z_SPEC of the header" and facts["medium"] == "air"
    assert facts["noise"] == "variance" and facts["bins_repeat_spectra"]
    assert measured.n_bins == 37
    assert identify_format(shared_data / "ifu" / "sami" / "572402_A_sectors_red.fits.gz") == "cube"


def test_muse_cube_of_a_brightest_cluster_galaxy(shared_data):
    path = shared_data / "ifu" / "muse" / "A478_BCG_minicube_Halpha_7000-7320A.fits.gz"
    assert identify_format(path) == "cube"
    with pytest.raises(ValueError, match="nothing tells the redshift"):
        VelocityField.read(path)
    field = VelocityField.read(path, z=0.086, line="Ha+NII", lsf=2.5 * u.AA, center="peak")
    maps, good = field.meta["maps"], ~field.mask
    assert np.count_nonzero(maps["snr"] > 5) >= 1200 and field.n_valid >= 1200
    assert np.median(maps["reduced_chi2"][good]) == pytest.approx(1, abs=0.1)
    # neighbours agree: what is measured is a field, not noise
    steps = np.diff(field.velocity.value, axis=1)
    assert np.nanmedian(np.abs(steps)) < 8
    assert 40 < np.median(maps["dispersion"][good].value) < 200
    # H-alpha and [NII] by themselves move alike
    alone = [VelocityField.read(path, z=0.086, line=line, snr_min=10) for line in ("Ha", "NII")]
    both = ~alone[0].mask & ~alone[1].mask
    assert np.count_nonzero(both) > 600
    np.testing.assert_allclose(alone[0].data[both], alone[1].data[both], atol=0.5)


def test_muse_cube_at_a_wrong_redshift(shared_data):
    path = shared_data / "ifu" / "muse" / "A478_BCG_minicube_Halpha_7000-7320A.fits.gz"
    with pytest.raises(ValueError, match="If z=0.085"):
        VelocityField.read(path, z=0.0881)
