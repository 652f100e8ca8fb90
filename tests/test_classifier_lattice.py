"""Lattices and images: whatever the grid, the same picture of the sky."""

import astropy.units as u
import numpy as np
import pytest

from kinmis import VelocityField, mock
from kinmis.classifier.inputs import InputConfig, as_rows, block_mean, make_inputs
from kinmis.classifier.lattice import LATTICE, make_lattice
from kinmis.classifier.views import N_VIEWS, all_views


def plane(spaxel=0.5, half=10., turn=0., **options):
    """A square field whose velocity is 10 km/s per arcsec to the East, whatever its rows."""
    axis = np.arange(-half, half + spaxel / 2, spaxel)
    x, y = np.meshgrid(axis, axis)
    east = x * np.cos(np.radians(turn)) - y * np.sin(np.radians(turn))
    north = x * np.sin(np.radians(turn)) + y * np.cos(np.radians(turn))
    return VelocityField.from_arrays(10 * east, east=east, north=north, **options)


def test_north_is_up_and_east_to_the_right():
    lattice = make_lattice(plane(), None)
    good = lattice.bins[0] >= 0
    columns = np.broadcast_to(np.arange(LATTICE), (LATTICE, LATTICE))
    assert np.corrcoef(lattice.velocity[0][good], columns[good])[0, 1] > 0.999
    assert lattice.present.tolist() == [True, False] and lattice.n_bins == (41 ** 2, 0)
    north = VelocityField.from_arrays(plane().north.value, east=plane().east, north=plane().north)
    rows = make_lattice(None, north).velocity[1]
    assert np.corrcoef(rows[good], columns.T[good])[0, 1] > 0.999


@pytest.mark.parametrize("spaxel", [0.25, 0.5, 1.])
@pytest.mark.parametrize("turn", [0., 37., 90.])
def test_grid_does_not_matter(spaxel, turn):
    lattice = make_lattice(plane(spaxel, turn=turn), None)
    good = lattice.bins[0] >= 0
    step, axis = lattice.step, np.arange(LATTICE) - (LATTICE - 1) / 2
    east = np.broadcast_to(axis * step, (LATTICE, LATTICE))
    assert np.abs(lattice.velocity[0] - 10 * east)[good].max() < 10 * spaxel * 0.8
    # a square in its circumscribed circle
    assert good.mean() == pytest.approx(0.5, abs=0.05)
    assert LATTICE * step == pytest.approx(np.hypot(1, 1) * (20 + spaxel), rel=0.02)


def test_masked_spaxels_leave_holes():
    field = plane(1.)
    mask = np.zeros(field.shape, bool)
    mask[8:12, 8:12] = True
    lattice = make_lattice(field._replace(mask=mask), None)
    middle = slice(LATTICE // 2 - 4, LATTICE // 2)
    assert (lattice.bins[0][middle, middle] == -1).all()
    assert not lattice.velocity[0][lattice.bins[0] < 0].any()


def test_nothing_to_see():
    field = plane()
    empty = field._replace(mask=np.ones(field.shape, bool))
    assert make_lattice(empty, None) is None and make_lattice(None, None) is None
    assert make_lattice(empty, field).present.tolist() == [False, True]


def test_both_fields_lie_on_one_lattice():
    small, large = plane(half=5.), plane(half=10.)
    lattice = make_lattice(small, large)
    assert lattice.step == pytest.approx(make_lattice(None, large).step)
    assert (lattice.bins[0] >= 0).sum() == pytest.approx((lattice.bins[1] >= 0).sum() / 4, rel=.1)


def test_psf_comes_along():
    field = mock.velocity_field(psf_fwhm=1.5, size=12., seed=1)
    given = field.meta.get("psf_fwhm")
    lattice = make_lattice(field, None)
    assert lattice.psf == (None if given is None else given.to_value(u.arcsec))


def test_positions_that_are_no_grid():
    field = plane(1.)
    east = field.east.value + np.where(np.indices(field.shape)[0] % 2, 0.5, 0)
    offset = VelocityField.from_arrays(field.data, east=east, north=field.north)
    lattice = make_lattice(offset, None)
    assert lattice.present[0] and (lattice.bins[0] >= 0).mean() > 0.4


def test_block_mean():
    velocity = np.arange(16.).reshape(1, 4, 4).astype(np.float32)
    valid = np.ones((1, 4, 4), bool)
    valid[0, 0, 0], valid[0, 2:, 2:] = False, False
    mean, coverage = block_mean(np.where(valid, velocity, 0), valid, 2)
    assert coverage[0].tolist() == [[0.75, 1], [1, 0]]
    assert mean[0].ravel() == pytest.approx([(1 + 4 + 5) / 3, 4.5, 10.5, 0])


def test_inputs():
    lattices = [make_lattice(plane(), plane(half=5.)), make_lattice(None, plane())]
    for normalise in ("percentile", "rms", "fixed"):
        images, scalars = make_inputs(lattices, InputConfig(normalise=normalise))
        assert images.shape == (2, 2, 32, 32, 2) and np.isfinite(images).all()
    images, scalars = make_inputs(lattices, InputConfig())
    # velocity over the 90th percentile about the median
    inside = images[0, 0, ..., 0][images[0, 0, ..., 1] > 0]
    assert np.percentile(np.abs(inside), 90) == pytest.approx(1, abs=0.01)
    assert scalars[1, 0].tolist() == [0, 0, 0, 0] and not images[1, 0].any()
    rows, galaxy, component = as_rows(images, scalars)
    assert galaxy.tolist() == [0, 0, 1] and component.tolist() == [0, 1, 1]
    assert rows["scalars"][:, 0].tolist() == [-1, 1, 1]
    assert np.array_equal(rows["images"][1, ..., :2], images[0, 1])
    assert np.array_equal(rows["images"][1, ..., 2:], images[0, 0])
    with pytest.raises(TypeError):
        InputConfig(nonsense=1)


def test_views():
    image = np.random.default_rng(1).normal(size=(1, 6, 6, 4)).astype(np.float32)
    views = all_views(image)[0]
    assert views.shape == (N_VIEWS, 6, 6, 4)
    assert len({view.tobytes() for view in views}) == N_VIEWS
    for view in views:
        assert np.sort(np.abs(view), axis=None) == pytest.approx(np.sort(np.abs(image), axis=None))
    # coverage keeps its sign
    assert np.array_equal(views[8:, ..., 1::2], views[:8, ..., 1::2])
    assert np.array_equal(views[8:, ..., ::2], -views[:8, ..., ::2])
