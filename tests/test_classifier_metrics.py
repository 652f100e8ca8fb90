"""Measures of agreement, against values made by hand and by slow, plain code."""

import numpy as np
import pytest

from kinmis.classifier.evaluation import alone, measures, summarise
from kinmis.classifier.labels import Labels
from kinmis.classifier.lattice import LATTICE, Lattice
from kinmis.classifier.metrics import (
    average_precision, bootstrap, calibration_error, cohen_kappa, roc_auc, surest_accuracy)


@pytest.fixture
def some():
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.4
    # with ties
    return truth, np.round(np.clip(0.3 * truth + rng.random(200) * 0.7, 0, 1), 2)


def test_auc_by_hand():
    assert roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert roc_auc([0, 1], [0.2, 0.2]) == 0.5
    assert np.isnan(roc_auc([1, 1], [0.1, 0.2]))


def test_auc_counts_pairs(some):
    truth, score = some
    gap = score[truth][:, None] - score[~truth][None, :]
    assert roc_auc(truth, score) == pytest.approx(np.mean((gap > 0) + 0.5 * (gap == 0)))


def test_average_precision_by_hand():
    # true ones at ranks 1 and 3 of 4
    assert average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([0, 1], [0.1, 0.9]) == 1
    assert np.isnan(average_precision([0, 0], [0.1, 0.9]))


def test_calibration_error_by_hand():
    # bins of 0.1: three at 0.05 of which one is true, one at 0.95 that is false
    truth, probability = [0, 0, 1, 0], [0.05, 0.05, 0.05, 0.95]
    expected = 3 / 4 * (1 / 3 - 0.05) + 1 / 4 * 0.95
    assert calibration_error(truth, probability, 10) == pytest.approx(expected)
    assert calibration_error([0, 1], [0., 1.]) == 0


def test_surest_accuracy_by_hand():
    truth, probability = [1, 0, 1, 0], [0.99, 0.02, 0.4, 0.55]
    assert surest_accuracy(truth, probability, 0.5) == 1
    assert surest_accuracy(truth, probability, 1.0) == 0.5
    assert surest_accuracy(truth, probability, 0.01) == 1


def test_kappa_by_hand():
    assert cohen_kappa([0, 0, 1, 1], [0, 0, 1, 1]) == 1
    assert cohen_kappa([0, 0, 1, 1], [0, 1, 0, 1]) == 0
    # 20 and 15 agreed of 50: (0.7 - 0.5)/(1 - 0.5)
    first = [1] * 25 + [0] * 25
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa([1, 1], [1, 1]) == 1


def test_bootstrap_draws_groups():
    values = np.repeat([0., 1.], 500)
    many = bootstrap(lambda index: values[index].mean(), np.arange(1000), n=300)
    assert many[0] == pytest.approx(0.484, abs=0.01) and many[1] == pytest.approx(0.516, abs=0.01)
    # two groups: a draw has both, or one twice
    two = bootstrap(lambda index: values[index].mean(), values, n=300)
    assert two == (0, 1)
    assert bootstrap(lambda index: len(index), np.arange(10), n=5) == (10, 10)


def test_measures():
    probabilities = np.array([[.9, .05, .05], [.1, .2, .7], [.4, .35, .25], [.2, .7, .1]])
    found = measures(probabilities, np.array([0, 2, 0, 1]))
    assert found["accuracy"] == 0.75 and found["roc_auc"] == 1
    assert found["three_classes"] == 0.75
    assert found["log_loss"] == pytest.approx(-np.log([.9, .7, .4, .7]).mean())
    assert found["surest_50"] == 1
    assert all(isinstance(value, float) for value in found.values())


def test_summary_is_by_case():
    said = {"galaxy": np.array([0, 0, 0, 1]), "component": np.array([0, 1, 0, 1]),
            "paired": np.array([True, True, False, False]),
            "probabilities": np.array([[.9, .1, 0], [0, .1, .9], [.2, .4, .4], [1, 0, 0]])}
    found = summarise(said, Labels([[0, 2], [2, -1]]))
    # the last has no label
    assert found["pair"]["fields"] == 2 and found["pair"]["accuracy"] == 1
    assert found["single"]["fields"] == 1 and found["single"]["accuracy"] == 0


def test_alone_leaves_the_other_out():
    lattice = Lattice(np.ones((2, LATTICE, LATTICE), np.float32),
                      np.zeros((2, LATTICE, LATTICE), np.int32), 0.2, (1, 1), 2.5)
    gas = alone(lattice, 1)
    assert gas.present.tolist() == [False, True] and gas.n_bins == (0, 1)
    assert not gas.velocity[0].any() and lattice.present.all()
    assert (gas.step, gas.psf) == (0.2, 2.5)
