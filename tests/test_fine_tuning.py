"""Fine-tuning: what it accepts, what it changes, and that it does no harm."""

import numpy as np
import pytest
from astropy.table import Table
from classifier_helper import tiny_model

from kinmis import Galaxy, VelocityField
from kinmis.classifier import Classifier, fine_tune
from kinmis.classifier.evaluation import predict_cases
from kinmis.classifier.labels import Labels
from kinmis.classifier.prepare import prepare
from kinmis.classifier.tuning_data import hold_out, labelled_galaxies
from kinmis.classifier.tuning_methods import Head, Rows, folds_of
from kinmis.exceptions import InvalidValueWarning


def rotating(seed, component="stellar", noise=5.0, size=17):
    """Return a field that rotates, beside noise, in spaxels of 0.5 arcsec."""
    rng = np.random.default_rng(seed)
    half = size // 2
    north, east = np.mgrid[-half:half + 1, -half:half + 1] * 0.5
    angle = rng.uniform(0, 2 * np.pi)
    velocity = 100 * np.tanh((east * np.sin(angle) + north * np.cos(angle)) / 2)
    inside = np.hypot(east, north) <= half * 0.5
    return VelocityField.from_arrays(
        velocity + rng.normal(0, noise, velocity.shape), east=east, north=north, mask=~inside,
        component=component, meta={"id": f"mock-{seed}"})


def galaxy(seed, noise=5.0):
    """Return a galaxy whose two fields rotate alike."""
    return Galaxy(*(rotating(seed, component, noise) for component in ("stellar", "gas")))


@pytest.fixture(scope="module")
def model():
    return tiny_model(members=2)


@pytest.fixture(scope="module")
def galaxies():
    """Galaxies of which every other is noise, and labels that say so."""
    many = [galaxy(k, noise=(5.0, 300.0)[k % 2]) for k in range(60)]
    return many, np.array([[(2, 0)[k % 2]] * 2 for k in range(60)])


@pytest.fixture(scope="module")
def tuned(model, galaxies):
    return fine_tune(*galaxies, model=model, name="mocks")


def test_untrained_networks_learn_to_tell_rotation_from_noise(tuned):
    assert tuned.method == "head"
    for case in ("pair", "single"):
        assert tuned.after[case]["roc_auc"] > 0.95
        assert tuned.after[case]["accuracy"] >= tuned.before[case]["accuracy"]
        assert tuned.after[case]["log_loss"] < tuned.before[case]["log_loss"]
    assert tuned.n_labels + tuned.n_held_out == 120
    assert tuned.n_held_out == pytest.approx(0.3 * 120, abs=4)


def test_report_prints_before_and_after(tuned):
    text = repr(tuned)
    assert "mocks" in text and "ROC AUC" in text and "->" in text and "changed: head" in text
    assert "<table>" in tuned._repr_html_()


def test_new_model_says_what_the_report_says(tuned, galaxies):
    """The report on a new last layer is computed without running the new networks."""
    lattices, labels, groups = labelled_galaxies(*galaxies)
    held = hold_out(labels.quality, groups, 0.3, np.random.default_rng(1))
    out = [lattice for lattice, there in zip(lattices, held) if there]
    said = predict_cases(tuned.model, out)
    truth = labels.quality[held][said["galaxy"], said["component"]]
    usable = said["probabilities"][said["paired"], 1:].sum(axis=1)
    right = np.mean((usable > 0.5) == (truth[said["paired"]] > 0))
    assert right == pytest.approx(tuned.after["pair"]["accuracy"])


def test_saves_loads_and_classifies_like_any_model(tuned, galaxies, tmp_path):
    tuned.model.save(tmp_path / "model")
    again = Classifier.load(tmp_path / "model")
    assert again.id == tuned.model.id and again.id.startswith("mocks 0 (")
    assert again.info["fine_tuning"]["method"] == "head"
    assert again.info["fine_tuning"]["n_labels"] == tuned.n_labels
    for one, other in zip(tuned.model.classify(galaxies[0][:3]), again.classify(galaxies[0][:3])):
        np.testing.assert_allclose(one.gas.probabilities, other.gas.probabilities, atol=1e-5)
        assert one.gas.ood_score == pytest.approx(other.gas.ood_score, rel=1e-4)


def test_given_model_is_not_changed(model, tuned, galaxies):
    assert model.info["name"] == "tiny" and "fine_tuning" not in model.info
    fresh = tiny_model(members=2).classify(galaxies[0][0]).stellar.probabilities
    np.testing.assert_allclose(model.classify(galaxies[0][0]).stellar.probabilities, fresh,
                               atol=1e-6)


def test_head_in_the_weights_is_the_head_that_was_fitted(model, galaxies):
    lattices, labels, groups = labelled_galaxies(*galaxies)
    said = predict_cases(model, lattices)
    rows = Rows(said, labels, groups)
    head = Head.fit(rows, 3.0)
    changed = Classifier(type(model.ensemble)(model.ensemble.network, model.ensemble.inputs,
                                              head.apply(model.ensemble)),
                         model.calibration, model.outliers, model.info)
    np.testing.assert_allclose(Rows(predict_cases(changed, lattices), labels, groups).logits,
                               head.logits(rows), atol=1e-3)


def test_firmly_held_head_hardly_moves(model, galaxies):
    lattices, labels, groups = labelled_galaxies(*galaxies)
    rows = Rows(predict_cases(model, lattices), labels, groups)
    moved = [np.abs(Head.fit(rows, strength).logits(rows) - rows.logits).max()
             for strength in (1e6, 1.0)]
    assert moved[0] < 0.01 < moved[1]


def test_labels_without_meaning_change_no_weights(model):
    rng = np.random.default_rng(3)
    fields = [rotating(k) for k in range(60)]
    result = fine_tune(fields, rng.integers(0, 3, 60), model=model, held_out=0)
    assert result.method in ("none", "calibration")
    assert result.before == result.after == {} and result.n_held_out == 0
    for old, new in zip(model.ensemble.members[0], result.model.ensemble.members[0]):
        np.testing.assert_array_equal(old, new)


def test_all_weights(galaxies, tuned, monkeypatch):
    """All weights are tried where there are labels enough."""
    from kinmis.classifier import fine_tuning
    monkeypatch.setattr(fine_tuning, "FOLDS_OF_WEIGHTS", 2)
    # worth it, so that the networks of the new model are trained too
    monkeypatch.setattr(fine_tuning, "_clearly_better", lambda new, old, groups: True)
    model = tiny_model()
    result = fine_tune(*galaxies, model=model, held_out=0, epochs=1)
    assert {"weights", "calibration (one network)"} <= set(result.cross_validation)
    assert result.method == "weights"
    moved = [not np.array_equal(old, new) for old, new in zip(
        model.ensemble.members[0], result.model.ensemble.members[0])]
    assert np.mean(moved) > 0.5
    # with fewer labels it is not tried
    assert tuned.n_labels < 100 and "weights" not in tuned.cross_validation


def test_new_survey_becomes_familiar(model):
    def odd(k):
        field = rotating(k, noise=20.0)
        return VelocityField.from_arrays(
            field.velocity + 200 * np.sin(3 * field.east.value) * field.velocity.unit,
            east=field.east, north=field.north, component="stellar")

    fields = [odd(k) for k in range(80)]
    before = np.mean([one.out_of_distribution for one in model.classify(fields[40:])])
    result = fine_tune(fields[:40], [2, 0] * 20, model=model, held_out=0)
    after = np.mean([one.out_of_distribution for one in result.model.classify(fields[40:])])
    assert before > 0.5 and after < 0.2


def test_ways_to_give_labels():
    many = [galaxy(k) for k in range(24)]
    quality = np.array([[0, 2], [2, -1]] * 12)
    table = Table({"stellar": quality[:, 0], "gas": np.ma.masked_equal(quality[:, 1], -1)})
    lists = [[0, 2], [2, None]] * 12
    for labels in (quality, table, lists, {"stellar": quality[:, 0], "gas": quality[:, 1]}):
        assert np.array_equal(labelled_galaxies(many, labels)[1].quality, quality)
    stars = [one.stellar for one in many]
    # a field with a partner is seen beside it, but has one label
    lattices, labels, _ = labelled_galaxies(stars, [0, 2] * 12)
    assert lattices[0].present.all()
    assert np.array_equal(labels.quality, [[0, -1], [2, -1]] * 12)


def test_items_of_one_galaxy_stay_together():
    many = [galaxy(k) for k in range(20)]
    fields = [one.stellar for one in many] + [one.gas for one in many]
    _, labels, groups = labelled_galaxies(fields, [0, 2] * 20)
    assert np.array_equal(groups[:20], groups[20:]) and len(np.unique(groups)) == 20
    held = hold_out(labels.quality, groups, 0.3, np.random.default_rng(0))
    assert np.array_equal(held[:20], held[20:]) and 0 < held.sum() < 40
    folds = folds_of(groups, 5, np.random.default_rng(0))
    assert np.array_equal(folds[:20], folds[20:]) and set(folds) == set(range(5))


@pytest.mark.parametrize("labels, error, match", [
    ([0, 1], ValueError, "2 labels for 24 items"),
    ([0] * 24, ValueError, "both kinds"),
    (np.zeros((24, 3)), ValueError, r"shape \(24, 3\)"),
    (["good"] * 24, ValueError, "must be numbers"),
    ({"stars": [0] * 24}, ValueError, "neither 'stellar' nor 'gas', but 'stars'"),
    ([0, 2] * 5 + [-1] * 14, ValueError, "needs at least 20 labels.*there are 10"),
])
def test_labels_that_do_not_do(model, labels, error, match):
    with pytest.raises(error, match=match):
        fine_tune([rotating(k) for k in range(24)], labels, model=model)


def test_one_label_for_a_galaxy_is_not_enough(model):
    with pytest.raises(ValueError, match="pairs"):
        fine_tune([galaxy(k) for k in range(24)], [0, 2] * 12, model=model)


def test_odd_labels_are_dropped_with_a_warning():
    with pytest.warns(InvalidValueWarning, match="2 of the labels are none of"):
        _, labels, _ = labelled_galaxies([rotating(k) for k in range(30)],
                                         [0, 2, 3] * 2 + [0, 2] * 12)
    assert np.count_nonzero(labels.quality >= 0) == 28


def test_fields_without_data_are_dropped_with_a_warning():
    empty = rotating(0)
    empty = VelocityField.from_arrays(empty.velocity, east=empty.east, north=empty.north,
                                      mask=np.ones(empty.shape, bool), component="stellar")
    with pytest.warns(InvalidValueWarning, match="1 labelled fields have no valid data"):
        lattices, labels, _ = labelled_galaxies([empty] + [rotating(k) for k in range(24)],
                                                [2] + [0, 2] * 12)
    assert len(lattices) == len(labels) == 24


@pytest.mark.parametrize("options, match", [
    ({"held_out": 0.9}, "between 0 and 0.8"),
    ({"held_out": 0.5}, "only .* labels are left"),
    ({"groups": [1, 2]}, "groups has 2 entries, but there are 24 items"),
    ({"groups": ["one"] * 24}, "no choice of 30%"),
    ({"groups": ["one", "two"] * 12, "held_out": 0}, "at least 3 groups"),
])
def test_options_that_do_not_do(model, options, match):
    with pytest.raises(ValueError, match=match):
        fine_tune([rotating(k) for k in range(24)], [0, 2] * 12, model=model, **options)


def test_one_field_is_not_a_list(model):
    with pytest.raises(TypeError, match="list of many fields"):
        fine_tune(rotating(1), [2], model=model)
    with pytest.raises(TypeError, match="only a VelocityField or a Galaxy"):
        fine_tune(["8485-1901"] * 30, [2, 0] * 15, model=model)


def test_rows_know_their_galaxy(model):
    lattices = [prepare(galaxy(k)).lattice for k in range(4)]
    labels = Labels([[0, 1], [2, -1], [1, 2], [-1, 0]])
    rows = Rows(predict_cases(model, lattices), labels, np.array([7, 8, 9, 10]))
    assert len(rows) == 12 and rows.paired.sum() == 6
    for group, quality in ((7, {0, 1}), (8, {2}), (9, {1, 2}), (10, {0})):
        assert set(rows.quality[rows.group == group]) == quality
