"""Out of distribution: nonsense and strange fields are, galaxies of any look are not."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from classifier_helper import labelled_galaxies, lattice_of

from kinmis import VelocityField
from kinmis.classifier.appearance import describe_images
from kinmis.classifier.augmentation import AugmentConfig, augment
from kinmis.classifier.inputs import InputConfig, as_rows, make_inputs
from kinmis.classifier.lattice import LATTICE
from kinmis.classifier.nonsense import KINDS, nonsense
from kinmis.classifier.outliers import Outliers
from kinmis.classifier.prepare import prepare
from kinmis.classifier.views import all_views

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "nonsense.py"


@pytest.fixture(scope="module")
def lattices():
    return [lattice_of(galaxy) for galaxy in labelled_galaxies(range(24), seed=50)[0]]


@pytest.fixture(scope="module")
def outliers(lattices):
    return Outliers.fit(lattices[:16], lattices[16:], InputConfig())


def rows_of(lattices, inputs=InputConfig()):
    rows, _, component = as_rows(*make_inputs(lattices, inputs))
    return rows, component


@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_fills_the_footprint(lattices, kind):
    made = nonsense(lattices, np.random.default_rng(1), (kind,))
    assert len(made) == len(lattices)
    for one, lattice in zip(made, lattices):
        assert np.array_equal(one.present, lattice.present)
        assert one.step == lattice.step
        assert np.isfinite(one.velocity).all() and one.velocity.shape == (2, LATTICE, LATTICE)
        assert np.array_equal(one.velocity[one.bins < 0], np.zeros((one.bins < 0).sum()))
        for velocity, bins, number in zip(one.velocity, one.bins, one.n_bins):
            assert number == len(np.unique(bins[bins >= 0]))
            # one velocity a spaxel
            first = velocity.ravel()[np.unique(bins, return_index=True)[1]]
            assert np.array_equal(first[np.unique(bins, return_inverse=True)[1]].ravel(),
                                  velocity.ravel())


def test_nonsense_is_the_same_for_one_seed(lattices):
    one, other = (nonsense(lattices, np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(a.velocity, b.velocity) for a, b in zip(one, other))


def test_description_does_not_depend_on_the_view(lattices):
    rows, _ = rows_of(lattices[:4])
    views = all_views(rows["images"])
    numbers = describe_images({"images": views.reshape(-1, *views.shape[2:]),
                               "scalars": np.repeat(rows["scalars"], views.shape[1], axis=0)})
    numbers = numbers.reshape(len(views), views.shape[1], -1)
    np.testing.assert_allclose(numbers, np.repeat(numbers[:, :1], views.shape[1], axis=1),
                               atol=0.02)


@pytest.mark.parametrize("size", (16, 32, 48))
def test_description_is_finite_for_any_field(size):
    north, east = np.mgrid[-8:9, -8:9] * 0.5
    odd = [np.zeros(east.shape), 1e4 * east, np.where(east > 0, 1.0, -1.0)]
    fields = [VelocityField.from_arrays(data, east=east, north=north, mask=mask)
              for data in odd for mask in (east < -9, (east > 0.3) | (north > 0.3),
                                           np.hypot(east, north) > 0.6)]
    rows, _ = rows_of([prepare(field).lattice for field in fields], InputConfig(size=size))
    assert np.isfinite(describe_images(rows)).all()


def test_nonsense_is_flagged_and_galaxies_are_not(outliers, lattices):
    # thresholds that eight galaxies set are rough
    familiar = outliers.score(*rows_of(lattices))
    strange = outliers.score(*rows_of(nonsense(lattices, np.random.default_rng(9))))
    assert np.mean(familiar > 1) <= 0.2
    assert np.mean(strange > 1) >= 0.9
    assert np.median(strange) > 10 * np.median(familiar)


def test_other_surveys_are_nearer_to_galaxies_than_to_nonsense(outliers, lattices):
    changed = augment(lattices, AugmentConfig(alone=0, crop=1.0, unbin=1.0), InputConfig(),
                      np.random.default_rng(2))
    rows, _, component = as_rows(*changed)
    strange = outliers.score(*rows_of(nonsense(lattices, np.random.default_rng(9))))
    assert np.median(outliers.score(rows, component)) < 0.3 * np.median(strange)


def test_far_from_everything_is_flagged(outliers, lattices):
    rows, component = rows_of(lattices)
    n_scalars = (rows["scalars"].shape[1] - 1) // 2
    far = {**rows, "scalars": rows["scalars"].copy()}
    far["scalars"][:, 2:1 + n_scalars] += 40
    assert (outliers.score(far, component) > 1).all()


def test_arrays_make_the_same_again(outliers, lattices):
    again = Outliers(**{name: np.array(value) for name, value in outliers.to_arrays().items()})
    np.testing.assert_allclose(again.score(*rows_of(lattices)),
                               outliers.score(*rows_of(lattices)))


def test_stars_alone_set_no_threshold_for_gas(lattices):
    from kinmis.classifier.evaluation import alone
    stars = [alone(lattice, 0) for lattice in lattices]
    only = Outliers.fit(stars[:16], stars[16:], InputConfig())
    assert np.isfinite(only.unit[0]).all() and np.isnan(only.unit[1]).all()


def test_benchmark_kinds_are_fields():
    """What the benchmark feeds is as odd as it says, in each shape of field."""
    module = runpy.run_path(str(BENCHMARK))
    for kind in module["KINDS"]:
        fields = module["make_nonsense"](kind, 3, seed=2)
        assert [field.component for field in fields] == ["stellar"] * 3
        assert all(field.n_valid > 200 and field.id == kind for field in fields)
        again = module["make_nonsense"](kind, 3, seed=2)
        assert all(np.array_equal(one.data, other.data) for one, other in zip(fields, again))
    pairs = module["make_nonsense"]("stripes", 2, pairs=True)
    assert all(pair.stellar.n_valid and pair.gas.n_valid for pair in pairs)
