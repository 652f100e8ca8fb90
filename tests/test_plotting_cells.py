"""Pictures: what a spaxel or a bin covers on the sky, and the footprint of a field."""

import astropy.units as u
import numpy as np
import pytest
from plotting_fields import artist, disc, fit_of, known, words
from plotting_fields import nothing_leaks  # noqa: F401 (a fixture of every test here)

from kinmis import Galaxy, VelocityField
from kinmis.plotting import plot_field
from kinmis.plotting.cells import cells, corners_only, footprint


def test_masked_spaxels_show_and_the_outside_does_not():
    field = disc()
    mask = field.mask.copy()
    hole = np.hypot(field.east.value - 2, field.north.value) < 1.6
    field = field._replace(mask=mask | hole, data=np.where(mask, 0, field.data))
    ax = plot_field(field, False).axes[0]
    assert len(artist(ax, "velocity").get_paths()) == field.n_valid
    missing = artist(ax, "no velocity")
    assert len(missing.get_paths()) == hole.sum()
    assert missing.get_hatch()


def test_footprint_knows_the_partner():
    stars, gas = disc(component="stellar"), disc(component="gas")
    half = gas._replace(mask=gas.mask | (gas.east.value > 0), data=np.zeros(gas.shape))
    alone = footprint(half, *cells(half)).sum()
    with_stars = Galaxy(stars, half).gas
    assert footprint(with_stars, *cells(with_stars)).sum() == stars.n_valid
    assert alone < 0.6 * stars.n_valid


def test_garbage_under_the_mask_changes_nothing():
    field = disc(error=np.full((31, 33), 5.))
    data = field.data.copy()
    data[field.mask] = np.resize([np.nan, np.inf, -np.inf, 1e30], np.count_nonzero(field.mask))
    panels = [plot_field(f, fit_of(field), residuals=True).axes
              for f in (field, field._replace(data=data))]
    for first, second in zip(*panels, strict=True):
        one, two = artist(first, "velocity"), artist(second, "velocity")
        np.testing.assert_array_equal(one.get_array(), two.get_array())
        assert one.get_clim() == two.get_clim()


def test_a_list_of_square_spaxels_is_drawn_as_the_map_is():
    field = disc(outside=3.2)
    good = ~field.mask
    spaxels = VelocityField.from_arrays(field.data[good], east=field.east[good],
                                        north=field.north[good])
    polygons, index = cells(spaxels)
    sizes = np.ptp(polygons, axis=1)
    exact = np.isclose(sizes, 0.5, rtol=1e-6).all(axis=1)
    # at the edge of the field nothing says that they are square, and few are not quite
    assert exact.mean() > 0.96
    assert sizes.max() < 0.58
    # once the vertices on straight edges are left out
    assert np.median([len(polygon) for polygon in corners_only(polygons)]) == 4
    assert sorted(index) == list(range(field.n_valid))


def test_bins_tile_the_sky():
    lattice = np.mgrid[-10:10, -10:10].reshape(2, -1) * 0.8 + 0.4
    east, north = lattice + np.random.default_rng(3).uniform(-0.25, 0.25, lattice.shape)
    velocity = known(east, north, 70)
    bins = VelocityField.from_arrays(velocity, east=east, north=north)
    polygons, index = cells(bins)
    x, y = polygons[..., 0], polygons[..., 1]
    area = 0.5 * np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1))
    assert area.sum() == pytest.approx(16**2, rel=0.05)
    # every position belongs to the nearest bin
    inside = polygons.mean(axis=1)[np.hypot(*polygons.mean(axis=1).T) < 6]
    nearest = np.argmin(np.hypot(*(inside[:, None] - np.stack([east, north], 1)).T), axis=0)
    owner = index[np.hypot(*polygons.mean(axis=1).T) < 6]
    assert (nearest == owner).mean() > 0.99
    drawn = artist(plot_field(bins, False, v_sys=0).axes[0], "velocity")
    np.testing.assert_allclose(drawn.get_array(), velocity[index])


@pytest.mark.parametrize("east", [[0.], [0., 1.], [0., 1., 2., 3.], [0., 0., 0., 1.]])
def test_few_bins_are_drawn(east):
    bins = VelocityField.from_arrays(10 * np.array(east), east=east, north=np.zeros(len(east)))
    polygons, index = cells(bins)
    assert len(polygons) == len(set(east)) and np.isfinite(polygons).all()
    assert plot_field(bins, False).axes


def test_a_valid_bin_wins_over_a_masked_one_at_its_place():
    bins = VelocityField.from_arrays([1., 2., 3.], east=[0., 0., 1.], north=[0., 0., 0.],
                                     mask=[True, False, False])
    assert sorted(cells(bins)[1]) == [1, 2]


def test_a_map_that_is_no_grid_is_drawn_as_bins():
    field = disc(outside=3)
    bent = field._replace(east=field.east + 0.02 * u.arcsec * field.north.value**2)
    polygons, _ = cells(bent)
    assert polygons.shape[1] > 4
    assert plot_field(bent, False).axes


def test_positions_may_be_missing():
    east = np.array([[0., 1.], [0., np.nan]])
    north = np.array([[0., 0.], [1., np.nan]])
    field = VelocityField.from_arrays(np.ones((2, 2)), east=east, north=north)
    assert len(cells(field)[0]) == 3
    nowhere = VelocityField.from_arrays(np.ones((2, 2)), east=east * np.nan, north=north * np.nan)
    assert "no valid spaxels" in words(plot_field(nowhere, False))
