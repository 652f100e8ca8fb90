"""What the shipped model says of model galaxies stays what it was, with any version of JAX."""

import json

import numpy as np
import pytest
from make_golden import PATH, answers

from kinmis.classifier import load_model, model_id


@pytest.fixture(scope="module")
def golden():
    return json.loads(PATH.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found():
    return answers()


def test_golden_numbers_are_of_the_shipped_model(golden):
    assert golden["model"] == model_id() == load_model().id, "run tests/make_golden.py"


def test_cases_are_the_same(golden, found):
    assert list(golden["cases"]) == list(found)


@pytest.mark.parametrize("key", ["inputs", "scalars", "logits", "probabilities", "features",
                                 "ood_score"])
def test_numbers_are_the_same(golden, found, key):
    for name, values in golden["cases"].items():
        assert np.allclose(found[name][key], values[key], rtol=1e-4, atol=1e-4), name


def test_what_is_plain_to_see(found):
    assert np.argmax(found["pair"]["probabilities"], axis=1).tolist() == [2, 2]
    assert found["gas is noise"]["probabilities"][1][0] > 0.5
