"""Metadata as JSON."""

import json

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle

from kinmis._meta import copy_meta
from kinmis._serialise import from_json, to_json


def test_text_is_plain_json():
    text = to_json({"é": float("nan"), "q": [1., np.inf] * u.deg, "t": (1, 2)})
    assert text.isascii() and "NaN" not in text and "Infinity" not in text
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_foreign_json_is_read():
    assert from_json('{"a": [1, null, {"b": 2.5}]}') == {"a": [1, None, {"b": 2.5}]}
    assert from_json(b'{"a": "\\u00e9"}') == {"a": "é"}


def test_kind_of_a_newer_version():
    with pytest.raises(ValueError, match="kind 'tensor', which this version"):
        from_json('{"!": "tensor", "value": 1}')
    with pytest.raises(ValueError):
        from_json("{broken")


def test_angles_become_quantities():
    assert from_json(to_json(Angle(30, "deg"))) == 30 * u.deg


@pytest.mark.parametrize("value", [u.Dex(3, u.dex(u.cm / u.s)), 3 * u.def_unit("parrot")])
def test_units_that_cannot_be_written(value):
    with pytest.raises(TypeError, match=r"meta\['x'\] has the unit .*can't be written"):
        to_json({"x": value})


def test_masked_arrays_cannot_be_written():
    with pytest.raises(TypeError, match=r"meta\['x'\] is a MaskedArray"):
        to_json({"x": np.ma.masked_array([1, 2], [True, False])})


def test_copy_shares_nothing():
    meta = {"a": [1, {"b": 3 * u.deg}], "c": np.arange(3), "d": (1, [2]), "e": "x"}
    new = copy_meta(meta)
    new["a"][1]["b"] *= 2
    new["c"] += 1
    new["d"][1].append(3)
    new["a"].append(2)
    assert meta["a"] == [1, {"b": 3 * u.deg}] and meta["d"] == (1, [2])
    assert meta["c"].tolist() == [0, 1, 2]
