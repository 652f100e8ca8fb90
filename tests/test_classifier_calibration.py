"""Calibration: probabilities that mean what they say, and never contradict each other."""

import json

import numpy as np
import pytest
from scipy.special import expit

from kinmis.classifier.calibration import Calibration
from kinmis.classifier.metrics import calibration_error


def drawn(n, slope, offset, seed=1):
    """Return logits that are too sure of themselves, and qualities that they are for."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 3, n)
    logits = np.stack([first, first - 1.5], axis=1)
    at_least = expit(slope * logits + offset)
    draw = rng.random(n)
    return logits, (draw < at_least[:, 0]).astype(int) + (draw < at_least[:, 1])


def test_without_a_fit_the_logits_stand():
    logits = np.array([[0., -20.], [2., 1.], [-3., -5.]])
    zero, one = np.zeros(3, int), np.ones(3, bool)
    found = Calibration().probabilities(logits, zero, one)
    assert found[0] == pytest.approx([0.5, 0.5, 0], abs=1e-6)
    assert found[1] == pytest.approx([1 - expit(2), expit(2) - expit(1), expit(1)])
    assert found.sum(axis=1) == pytest.approx(1)


def test_steps_never_contradict_each_other():
    # at least 2 said to be likelier than at least 1
    found = Calibration().probabilities(np.array([[-1., 3.]]), np.array([1]), np.array([False]))
    assert found[0] == pytest.approx([1 - expit(-1), 0, expit(-1)])
    assert (found >= 0).all()


def test_fit_finds_what_was_drawn():
    n = 6000
    logits, quality = drawn(n, 0.5, 0.7)
    component, paired = np.zeros(n, int), np.ones(n, bool)
    calibration = Calibration.fit(logits, quality, component, paired)
    said = calibration.probabilities(logits, component, paired)
    before = Calibration().probabilities(logits, component, paired)
    truth = quality > 0
    assert calibration_error(truth, before[:, 1:].sum(axis=1)) > 0.05
    assert calibration_error(truth, said[:, 1:].sum(axis=1)) < 0.02
    assert said[:, 1:].sum(axis=1) == pytest.approx(expit(0.5 * logits[:, 0] + 0.7), abs=0.03)
    assert said[:, 2] == pytest.approx(expit(0.5 * logits[:, 1] + 0.7), abs=0.04)
    # there were no others to learn from
    plain = Calibration()
    assert np.array_equal(calibration.slope[1], plain.slope[1])
    assert np.array_equal(calibration.offset[0, 0], plain.offset[0, 0])


def test_each_case_has_its_own():
    n = 4000
    logits, quality = drawn(n, 0.5, 0.7)
    component = np.arange(n) % 2
    flipped = np.where(component == 1, 2 - quality, quality)
    calibration = Calibration.fit(logits, flipped, component, np.ones(n, bool))
    usable = calibration.probabilities(np.array([[4., 3.]] * 2), np.array([0, 1]),
                                       np.ones(2, bool))[:, 1:].sum(axis=1)
    assert usable[0] > 0.9 and usable[1] < usable[0]


def test_few_labels_change_little():
    logits, quality = drawn(4, 0.2, 3.)
    few = np.zeros(4, int), np.zeros(4, bool)
    calibration = Calibration.fit(logits, quality, *few)
    assert np.abs(calibration.offset).max() < 1.2
    start = Calibration(offset=np.full((2, 2, 2), 2.))
    held = Calibration.fit(logits[:0], quality[:0], np.zeros(0, int), np.zeros(0, bool), start)
    assert np.array_equal(held.offset, start.offset)
    assert not np.array_equal(start.offset, Calibration().offset)


def test_it_travels():
    logits, quality = drawn(500, 0.5, 0.7)
    cases = np.arange(500) % 2, np.arange(500) % 3 > 0
    calibration = Calibration.fit(logits, quality, *cases)
    back = Calibration(**json.loads(json.dumps(calibration.to_dict())))
    assert np.allclose(back.probabilities(logits, *cases),
                       calibration.probabilities(logits, *cases), atol=1e-9)
