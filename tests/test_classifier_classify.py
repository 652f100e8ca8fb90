"""`classify`: one or many, pairs and single fields, on any grid; and what must not matter."""

import pickle

import astropy.units as u
import numpy as np
import pytest

import kinmis
from kinmis import Galaxy, VelocityField, classify, mock
from kinmis.classifier import Classification, GalaxyClassification, load_model, model_id

# the field as others would see it, to how much the probabilities may differ
SYMMETRIES = [np.array(matrix) for matrix in (
    [[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]],
    [[-1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, -1], [-1, 0]])]
SAME = 1e-5


@pytest.fixture(scope="module")
def galaxy():
    # noise, so that the answer is not sure of itself
    return mock.galaxy(50, 80, noise=20., bins=120, seed=4, id="8485-1901")


@pytest.fixture(scope="module")
def said(galaxy):
    return classify(galaxy)


def changed(field, data=None, matrix=np.eye(2), scale=1., component=None, **options):
    """Return a field with other velocities and positions, and nothing that was said of it."""
    place = np.stack([field.east.value, field.north.value])
    east, north = scale * np.einsum("ij,j...->i...", matrix, place)
    return VelocityField.from_arrays(
        field.data if data is None else data, east=east, north=north, mask=field.mask,
        bin_id=field.bin_id, component=component or field.component, **options)


def pair(galaxy, **options):
    return Galaxy(**{name: changed(field, **options) for name, field in galaxy.fields.items()})


def assert_same(first, second, tolerance=SAME):
    for name in first.fields:
        one, other = getattr(first, name), getattr(second, name)
        assert np.allclose(one.probabilities, other.probabilities, rtol=0, atol=tolerance)
        assert one.ood_score == pytest.approx(other.ood_score, rel=2e-2, abs=tolerance)


# what comes back

def test_a_galaxy(galaxy, said):
    assert isinstance(said, GalaxyClassification)
    for name, one in said.fields.items():
        assert isinstance(one, Classification)
        assert (one.component, one.id, one.paired, one.cleaned) == (name, "8485-1901", True, True)
        assert one.probabilities.shape == (3,) and one.probabilities.min() >= 0
        assert one.probabilities.sum() == pytest.approx(1)
        assert one.model == model_id() == load_model().id
        assert 0 <= one.ood_score < 10
    assert list(said.fields) == ["stellar", "gas"]


def test_a_field_sees_its_partner(galaxy, said):
    for name, field in galaxy.fields.items():
        one = field.classify()
        assert np.allclose(one.probabilities, getattr(said, name).probabilities, atol=SAME)
        assert one.paired
        alone = field._replace(partner=None).classify()
        assert not alone.paired
        assert np.abs(alone.probabilities - one.probabilities).max() > 1e-4


def test_functions_and_methods_are_one(galaxy, said):
    assert_same(said, galaxy.classify())
    assert kinmis.classify is classify
    assert kinmis.Classification is Classification


def test_a_galaxy_of_one_field(galaxy):
    one = Galaxy(gas=galaxy.gas._replace(partner=None)).classify()
    assert one.stellar is None and not one.gas.paired
    assert one.gas.probabilities == pytest.approx(
        galaxy.gas._replace(partner=None).classify().probabilities, abs=SAME)


def test_many_keep_their_order(galaxy, said):
    others = [mock.galaxy(20 * k, noise=5., size=12., seed=k) for k in range(11)]
    items = [others[0], None, galaxy, galaxy.gas, *others[1:], None, others[3].stellar]
    results = classify(items)
    assert len(results) == len(items)
    assert_same(results[2], said)
    assert results[3].probabilities == pytest.approx(said.gas.probabilities, abs=SAME)
    assert results[1].label == results[-2].label == "no data"
    assert results[1].component is None and repr(results[1]) == "<Classification: field: no data>"
    for result, item in zip(results[4:-2], others[1:]):
        assert_same(result, classify(item))
    assert [type(one) for one in results[-2:]] == [Classification] * 2
    assert classify(tuple(items[1:2]))[0].flag_names == ["NO_DATA"]
    assert classify([]) == [] and classify(iter([None]))[0].quality is None


def test_more_than_a_chunk(monkeypatch):
    from kinmis.classifier import model
    monkeypatch.setattr(model, "CHUNK", 3)
    fields = [mock.velocity_field(30 * k, size=12., seed=k) for k in range(7)]
    results = classify([*fields[:4], None, *fields[4:]])
    for result, field in zip(results[:4] + results[5:], fields):
        assert result.probabilities == pytest.approx(field.classify().probabilities, abs=SAME)


@pytest.mark.parametrize("item", [3, "8485-1901", [np.zeros((3, 3))], {"stellar": 1}])
def test_wrong_items(item):
    with pytest.raises(TypeError, match="VelocityField"):
        classify(item if isinstance(item, list) else [item])


@pytest.mark.parametrize("value", [0.4, 1.1, -1, float("nan")])
def test_wrong_confidence(galaxy, value):
    with pytest.raises(ValueError, match="min_confidence must lie between 0.5 and 1"):
        classify(galaxy, min_confidence=value)


def test_min_confidence(galaxy, said):
    strict = classify(galaxy, min_confidence=1)
    assert strict.gas.quality is None and strict.gas.label == "undecided"
    assert np.array_equal(strict.gas.probabilities, said.gas.probabilities)
    lax = galaxy.gas.classify(min_confidence=0.5)
    assert lax.quality == said.gas.quality


def test_results_travel(said):
    back = pickle.loads(pickle.dumps(said))
    assert repr(back) == repr(said)


# fields of every kind

def test_field_without_component(galaxy):
    plain = changed(galaxy.stellar)._replace(component=None)
    one = plain.classify()
    assert one.component is None and one.ok
    # it counts as stars
    assert one.probabilities == pytest.approx(changed(galaxy.stellar).classify().probabilities)


@pytest.mark.parametrize("options", [
    {"spaxel": 0.25, "size": 12.}, {"spaxel": 1.}, {"spaxel": 2., "size": 40.},
    {"shape": "circle", "size": 15., "handedness": "east"}, {"shape": "square"},
    {"shape": "rectangle", "size": (33., 21.)}, {"rotation": 33.}, {"size": 60., "spaxel": 0.5}])
def test_other_surveys(options):
    one = mock.velocity_field(40, noise=3., seed=2, **options).classify()
    assert one.usable > 0.5, options


def bin_list(field, rng=None):
    number = np.unique(field.bin_id[~field.mask])
    if rng is not None:
        number = rng.permutation(number)
    of = [(field.bin_id == k) & ~field.mask for k in number]
    values = [[values[one].mean() for one in of]
              for values in (field.data, field.east.value, field.north.value)]
    return VelocityField.from_arrays(values[0], east=values[1], north=values[2],
                                     component=field.component)


def test_lists_of_bins(galaxy):
    fields = {name: changed(field) for name, field in galaxy.fields.items()}
    stars = bin_list(fields["stellar"])
    one, alone = stars.classify(), fields["stellar"].classify()
    assert one.ok and one.usable == pytest.approx(alone.usable, abs=0.2)
    mixed = Galaxy(stellar=stars, gas=fields["gas"]).classify()
    assert mixed.stellar.ok and mixed.gas.ok and mixed.gas.paired


def test_order_of_a_list_does_not_matter(galaxy):
    first = bin_list(changed(galaxy.stellar)).classify()
    second = bin_list(changed(galaxy.stellar), np.random.default_rng(1)).classify()
    assert first.probabilities == pytest.approx(second.probabilities, abs=SAME)


def test_list_and_map_of_spaxels(galaxy):
    field = changed(galaxy.stellar)
    good = ~field.mask
    listed = VelocityField.from_arrays(
        field.data[good], east=field.east[good], north=field.north[good],
        bin_id=field.bin_id[good], component="stellar")
    assert listed.classify().usable == pytest.approx(field.classify().usable, abs=0.1)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_very_small_fields(n):
    field = VelocityField.from_arrays(np.arange(n) * 10., east=np.arange(n), north=np.zeros(n))
    one = field.classify(clean=False)
    assert one.ok and one.probabilities.sum() == pytest.approx(1)


def test_constant_field():
    north, east = np.mgrid[-10:11, -10:11] * 0.5
    one = VelocityField.from_arrays(np.zeros(east.shape), east=east, north=north).classify()
    assert one.ok and one.quality == 0 or one.out_of_distribution


# what must not matter

@pytest.mark.parametrize("number", range(1, 8))
def test_symmetries(galaxy, number):
    reference = classify(pair(galaxy), clean=False)
    turned = classify(pair(galaxy, matrix=SYMMETRIES[number]), clean=False)
    assert_same(reference, turned)


def test_sign_of_velocity(galaxy):
    opposite = Galaxy(**{name: changed(field, -field.data)
                         for name, field in galaxy.fields.items()})
    assert_same(classify(pair(galaxy), clean=False), classify(opposite, clean=False))


@pytest.mark.parametrize("constant", [100., 20_000.])
def test_systemic_velocity(galaxy, constant):
    moved = Galaxy(**{name: changed(field, field.data + constant)
                      for name, field in galaxy.fields.items()})
    # single precision of velocities on the lattice
    assert_same(classify(pair(galaxy), clean=False), classify(moved, clean=False),
                1e-5 * max(constant, 1) ** 0.5)


def test_position_on_the_sky(galaxy):
    moved = Galaxy(**{name: VelocityField.from_arrays(
        field.data, east=field.east + 5 * u.arcsec, north=field.north - 3 * u.arcsec,
        mask=field.mask, bin_id=field.bin_id, component=name)
        for name, field in galaxy.fields.items()})
    assert_same(classify(pair(galaxy), clean=False), classify(moved, clean=False), 2e-2)


def test_masked_values_do_not_matter(galaxy):
    wild = {name: changed(field, np.where(field.mask, np.nan, field.data))
            for name, field in galaxy.fields.items()}
    assert_same(classify(pair(galaxy)), classify(Galaxy(**wild)))


def test_numbers_of_bins_do_not_matter(galaxy):
    stars = changed(galaxy.stellar)
    other = stars._replace(bin_id=np.where(stars.bin_id < 0, -1, 7 * (500 - stars.bin_id)))
    assert stars.classify().probabilities == pytest.approx(other.classify().probabilities)


# nothing to see

def masked(field):
    return field._replace(mask=np.ones(field.shape, bool), partner=None)


def test_fully_masked_field(galaxy):
    one = masked(galaxy.stellar).classify()
    assert one.flag_names == ["NO_DATA"] and one.label == "no data"
    assert one.quality is None and np.isnan(one.probabilities).all()
    assert one.component == "stellar" and one.id == "8485-1901" and not one.cleaned


def test_one_field_of_a_pair_is_masked(galaxy):
    gas = galaxy.gas._replace(partner=None)
    both = Galaxy(stellar=masked(galaxy.stellar), gas=gas).classify()
    assert both.stellar.label == "no data"
    assert both.gas.ok and not both.gas.paired
    assert both.gas.probabilities == pytest.approx(gas.classify().probabilities, abs=SAME)


def test_only_empty_ones(galaxy):
    results = classify([masked(galaxy.stellar), None, Galaxy(gas=masked(galaxy.gas))])
    assert [one.label for one in results[:2]] == ["no data"] * 2
    assert results[2].gas.label == "no data"


# cleaning

def test_cleaned_fields_are_not_cleaned_again(galaxy, monkeypatch):
    cleaned = galaxy.clean()
    calls = []
    clean = VelocityField.clean
    monkeypatch.setattr(VelocityField, "clean",
                        lambda self, **options: calls.append(self) or clean(self, **options))
    one = classify(cleaned)
    assert not calls and not one.gas.cleaned
    classify(galaxy)
    assert len(calls) == 2


def test_cleaning_changes_the_answer_as_if_done_before():
    field = mock.velocity_field(40, noise=10., outliers=0.05, outlier_amplitude=900., seed=3)
    itself, before, never = field.classify(), field.clean().classify(), field.classify(clean=False)
    assert itself.cleaned and not before.cleaned and not never.cleaned
    assert np.array_equal(itself.probabilities, before.probabilities)
    assert not np.allclose(itself.probabilities, never.probabilities, atol=1e-3)


def test_input_stays_as_it_was(galaxy):
    stars = galaxy.stellar
    before = [stars.data.copy(), stars.mask.copy(), stars.east.copy(), stars.bin_id.copy(),
              dict(stars.meta)]
    classify([stars, galaxy])
    after = [stars.data, stars.mask, stars.east, stars.bin_id]
    assert all(np.array_equal(one, other) for one, other in zip(before, after))
    assert stars.meta.keys() == before[-1].keys() and "cleaning" not in stars.meta
    assert stars.partner is not None


def test_answers_repeat_to_the_bit(galaxy, said):
    again = classify(galaxy)
    assert np.array_equal(said.gas.probabilities, again.gas.probabilities)
    assert said.gas.ood_score == again.gas.ood_score


# real fields

def test_real_file(manga_maps_file):
    both = Galaxy.read(manga_maps_file).classify()
    assert both.stellar.quality == 2 and both.gas.quality in (1, 2)
