"""What `VelocityField.caveats` says of a field."""

import astropy.units as u
import numpy as np
import pytest

from kinmis import Galaxy, VelocityField, mock
from kinmis.surveys import TRAINING


def like_training(**more):
    """A field like those of the training set."""
    return mock.velocity_field(40, seed=1, bins=200, component="gas", **more)


def test_nothing_to_say_of_a_field_like_the_training_fields():
    caveats = like_training().clean().caveats()
    assert len(caveats) == 0 and caveats.names == []
    assert str(caveats) == repr(caveats)
    assert str(caveats).startswith("None: the field is like those")
    assert "None: the field" in caveats._repr_html_()


@pytest.mark.parametrize("options, name, text", [
    ({"bins": None}, "binning", "Each spaxel has a velocity of its own"),
    ({"size": 8, "bins": 60}, "spaxels", "is 17 spaxels across; training fields are 23 to 66"),
    ({"size": 50}, "resolution", "is 20.2 times as wide as the PSF; training fields are 5 to"),
    ({"psf_fwhm": 1.0}, "sampling", "the PSF is 2.0 spaxels; in training fields it is about 5"),
    ({"spaxel": 0.2, "psf_fwhm": 1.0, "size": 10}, "resolution", None),
    ({"psf_fwhm": None}, "psf", "Nothing tells the PSF; that of training fields is 2.5 arcsec"),
    ({"scale_length": 0.5}, "reach", "reaches 13.4 effective radii"),
    ({"shape": "circle"}, "roundness", "the narrowest extent"),
    ({"holes": 0.6}, "coverage", "of their outline; in training fields at least 71%."),
    ({"bins": 5}, "bins", "The field has 5 independent data"),
    ({"v_max": 3, "noise": 1}, "velocity", "Velocities spread by"),
    ({"z": 0.8}, "redshift", "The redshift is 0.8; training galaxies have 0.01 to 0.15"),
])
def test_each_caveat(options, name, text):
    field = like_training().meta["truth"]
    assert field["pa"] == 40
    made = mock.velocity_field(40, seed=1, **{"bins": 200, "component": "gas", **options}).clean()
    found = {caveat.name: caveat for caveat in made.caveats()}
    if text is None:
        assert name not in found
        return
    assert text.lower() in str(found[name]).lower()
    assert found[name].sentence.endswith(".") and found[name].range is not None
    if name in TRAINING:
        assert found[name].value not in TRAINING[name]


def test_spaxels_count_where_nothing_tells_the_psf():
    field = like_training(psf_fwhm=None, spaxel=1.0)
    assert "Spaxels are 1 arcsec; those of training fields 0.5" in str(field.caveats())
    assert "Spaxels are" not in str(like_training(spaxel=1.0).caveats())


def test_what_is_not_told():
    field = like_training(meta={"orientation": "assumed"})
    assert "orientation" in field.caveats().names and "may be mirrored" in str(field.caveats())
    bare = VelocityField.from_arrays(field.velocity, east=field.east, north=field.north)
    names = bare.caveats().names
    assert {"component", "psf", "cleaning", "binning"} <= set(names)
    assert "reach" not in names and "redshift" not in names


def test_metadata_that_make_no_sense_are_not_used():
    field = like_training(meta={"z": np.nan, "reff": 0 * u.arcsec, "psf_fwhm": "wide"})
    names = field.caveats().names
    assert "psf" in names and not {"redshift", "reach"} & set(names)


@pytest.mark.parametrize("line, told", [("Ha-6564", False), ("Halpha", False), ("Hb-4862", True),
                                        ("OIII-5008", True)])
def test_line(line, told):
    field = like_training()
    other = VelocityField.from_arrays(field.velocity, east=field.east, north=field.north,
                                      component="gas", line=line, bin_id=field.bin_id)
    assert ("line" in other.caveats().names) == told


def test_cleaning_is_asked_for():
    assert "cleaning" in like_training().caveats().names
    assert "cleaning" not in like_training().clean().caveats().names


def test_lists():
    field = like_training()
    good = ~field.mask
    bins = VelocityField.from_arrays(field.velocity[good], east=field.east[good],
                                     north=field.north[good], component="stellar")
    names = bins.caveats().names
    assert "list" in names and not {"binning", "coverage", "spaxels"} & set(names)


def test_survey_tells_shape_and_psf():
    field = mock.velocity_field(seed=1, shape="circle", size=15, bins=100, psf_fwhm=None,
                                meta={"survey": "SAMI"}).clean()
    text = str(field.caveats())
    assert "The field of view of SAMI is a circle; training fields are hexagons." in text
    assert "usual for SAMI is 2.04 arcsec." in text
    far = mock.velocity_field(seed=1, size=15, psf_fwhm=None, meta={"survey": "KMOS3D"})
    assert "(that usual for KMOS3D)" in str(far.caveats())


def test_empty_field():
    empty = VelocityField.from_arrays(np.full((3, 3), np.nan), east=np.eye(3), north=np.eye(3))
    assert str(empty.caveats()) == "The field has no valid data."


def test_html_of_sentences():
    html = like_training(meta={"orientation": "assumed"}).caveats()._repr_html_()
    assert html.startswith("<ul><li>") and html.count("<li>") == 2


@pytest.mark.parametrize("path, there, missing", [
    ("manga/manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz", {"binning"},
     {"psf", "spaxels", "reach", "roundness", "coverage", "bins", "velocity", "redshift"}),
    ("sami/572402_A_gas-velocity_sectors_1-comp.fits.gz", {"shape", "psf"},
     {"binning", "spaxels", "bins"}),
    ("ngist/NGC0000Example_gas_BIN.fits.gz", {"line", "orientation", "psf", "spaxel"},
     {"binning"}),
    ("atlas3d/NGC4570_4moments_ATLAS3d.fits.gz", {"list", "shape", "redshift"}, {"binning"}),
])
def test_real_fields(shared_data, path, there, missing):
    galaxy = Galaxy.read(shared_data / "ifu" / path)
    field = galaxy.gas or galaxy.stellar
    names = set(field.clean().caveats().names)
    assert there <= names and not missing & names, names
