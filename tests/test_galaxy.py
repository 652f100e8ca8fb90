"""Galaxy: two fields and what they share."""

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest

from kinmis import Galaxy, VelocityField

NORTH, EAST = (np.indices((4, 4)) - 1.5)


def field(component=None, **meta):
    return VelocityField.from_arrays(EAST, east=EAST, north=NORTH, component=component,
                                     ivar=np.ones((4, 4)), meta=meta)


def test_fields_are_partners():
    stars, gas = field("stellar"), field("gas")
    galaxy = Galaxy(stars, gas)
    assert galaxy.stellar.partner.component == "gas" and galaxy.gas.partner.component == "stellar"
    assert galaxy.stellar.partner.partner is None
    assert stars.partner is None and gas.partner is None      # the input is left alone
    assert list(galaxy.fields) == ["stellar", "gas"]
    again = Galaxy(galaxy.stellar, galaxy.gas)
    assert again.stellar.partner.partner is None
    other = Galaxy(galaxy.stellar, field("gas", id="new"))
    assert other.stellar.partner.id == "new"


def test_one_field():
    galaxy = Galaxy(gas=field("gas", id="x"))
    assert galaxy.stellar is None and galaxy.gas.partner is None and galaxy.id == "x"
    assert list(galaxy.fields) == ["gas"]


def test_component_is_filled_in():
    galaxy = Galaxy(field(), field())
    assert (galaxy.stellar.component, galaxy.gas.component) == ("stellar", "gas")
    assert galaxy.stellar.partner.component == "gas"


def test_shared_metadata():
    stars = field("stellar", id="x", z=0.1, reff=3 * u.arcsec, array=np.arange(3), only=1)
    gas = field("gas", id="x", z=0.2, reff=3 * u.arcsec, array=np.arange(3))
    galaxy = Galaxy(stars, gas)
    assert list(galaxy.meta) == ["id", "reff", "array"] and galaxy.id == "x"
    assert Galaxy(stars, gas, id="mine").id == "mine" and stars.id == "x"
    meta = {"z": 0.3}
    assert Galaxy(stars, gas, id="mine", meta=meta).meta == {"z": 0.3, "id": "mine"}
    assert meta == {"z": 0.3}


def test_metadata_that_do_not_compare():
    stars = field("stellar", a=np.arange(3), b=3 * u.arcsec, c=[1, 2])
    gas = field("gas", a=np.arange(4), b=3 * u.deg, c=np.arange(2))
    assert Galaxy(stars, gas).meta == {}


@pytest.mark.parametrize("arguments, error, text", [
    ({}, ValueError, "needs a stellar or a gas field, or both"),
    ({"stellar": np.ones(3)}, TypeError, "stellar must be a VelocityField, not ndarray"),
    ({"gas": field("stellar")}, ValueError, "gas got a field whose component is 'stellar'"),
])
def test_bad_input(arguments, error, text):
    with pytest.raises(error, match=text):
        Galaxy(**arguments)


def test_words():
    galaxy = Galaxy(field("stellar", id="<8485>"), field("gas", id="<8485>"))
    assert repr(galaxy).startswith("<Galaxy <8485>\n  <VelocityField <8485>: stellar, 4 x 4")
    html = galaxy._repr_html_()
    assert html.startswith("<b>Galaxy &lt;8485&gt;</b><table") and html.count("<table") == 2
    assert repr(Galaxy(field())).startswith("<Galaxy\n")


def test_copies_and_pickles():
    galaxy = Galaxy(field("stellar", id="x"), field("gas", id="x"))
    for new in (pickle.loads(pickle.dumps(galaxy)), copy.deepcopy(galaxy)):
        assert new.meta == galaxy.meta
        assert new.stellar.partner.component == "gas" and new.gas.partner.partner is None


def test_misalignment_needs_both():
    with pytest.raises(ValueError):
        Galaxy(gas=field("gas")).misalignment()
