"""Pictures: what is drawn where, in which colour, and what it looks like."""

from functools import wraps
from types import SimpleNamespace

import astropy.units as u
import matplotlib
import numpy as np
import pytest
from matplotlib.ticker import NullFormatter
from plotting_fields import GRIDS, artist, centers, disc, fit_of, known, pair, words
from plotting_fields import nothing_leaks  # noqa: F401 (a fixture of every test here)

from kinmis import Galaxy, PositionAngle, VelocityField
from kinmis.flags import flag_bits
from kinmis.plotting import plot_field, plot_fit, plot_galaxy

# where a position angle in deg points in the picture, as (right, up): North is up, East left
SCREEN = {0: (0, 1), 90: (-1, 0), 180: (0, -1), 270: (1, 0)}


# Where things are


@pytest.mark.parametrize("grid", GRIDS)
def test_each_spaxel_is_drawn_where_it_is(grid):
    field = disc(40, grid=grid)
    ax, *_ = plot_field(field, fit_of(field)).axes
    drawn = artist(ax, "velocity")
    east, north = centers(drawn).T
    assert len(east) == field.n_valid
    # the colour is that of the velocity at the place where the cell is drawn
    np.testing.assert_allclose(drawn.get_array(), known(east, north, 40), atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_north_is_up_and_east_is_left(grid):
    field = disc(grid=grid)
    figure = plot_field(field, False)
    ax = figure.axes[0]
    figure.draw_without_rendering()
    drawn = artist(ax, "velocity")
    east, north = centers(drawn).T
    x, y = (ax.transData.transform(centers(drawn)) - ax.transData.transform((0, 0))).T
    np.testing.assert_array_equal(np.sign(np.round(x)), -np.sign(np.round(east, 6)))
    np.testing.assert_array_equal(np.sign(np.round(y)), np.sign(np.round(north, 6)))
    scale = x.max() / -east.min()
    np.testing.assert_allclose(x, -scale * east, atol=0.5)
    np.testing.assert_allclose(y, scale * north, atol=0.5)
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("pa", [0, 40, 90, 180, 215, 270])
def test_dot_is_on_the_receding_side(grid, pa):
    field = disc(pa, grid=grid)
    figure = plot_field(field, fit_of(field, pa))
    ax = figure.axes[0]
    figure.draw_without_rendering()
    dot = np.array(artist(ax, "receding").get_xydata()[0])
    assert np.degrees(np.arctan2(*dot)) % 360 == pytest.approx(pa)
    drawn = artist(ax, "velocity")
    under = [path.contains_point(dot, radius=1e-6) or path.contains_point(dot, radius=-1e-6)
             for path in drawn.get_paths()]
    assert any(under)
    assert (drawn.get_array()[under] > 100).all()
    if pa in SCREEN:
        shift = ax.transData.transform(dot) - ax.transData.transform((0, 0))
        np.testing.assert_allclose(shift / np.linalg.norm(shift), SCREEN[pa], atol=1e-6)


def test_line_runs_through_the_centre_to_both_ends():
    field = disc()
    ax = plot_field(field, fit_of(field)).axes[0]
    ends = artist(ax, "PA").get_xydata()
    np.testing.assert_allclose(np.degrees(np.arctan2(*ends.T)) % 360, [40, 220])
    assert (np.linalg.norm(ends, axis=1) > 7).all()


def test_interval_is_a_wedge_on_both_sides():
    field = disc()
    ax = plot_field(field, fit_of(field, pa_lower_68=30., pa_upper_68=60.)).axes[0]
    wedges = ax.findobj(lambda child: child.get_gid() == "interval")
    spans = [np.degrees(np.arctan2(*wedge.get_xy()[1:-1].T)) % 360 for wedge in wedges]
    np.testing.assert_allclose([(span.min(), span.max()) for span in spans], [(30, 60), (210, 240)])


def test_interval_falls_back_to_the_error():
    field = disc()
    fit = fit_of(field, error=5., pa_lower_68=np.nan, pa_upper_68=np.nan)
    wedge = plot_field(field, fit).axes[0].findobj(lambda child: child.get_gid() == "interval")[0]
    span = np.degrees(np.arctan2(*wedge.get_xy()[1:-1].T))
    assert (span.min(), span.max()) == pytest.approx((35, 45))


def test_compass_points_north_and_east():
    figure = plot_field(disc(), False)
    ax = figure.axes[0]
    for gid, direction in (("arrow N", (0, 1)), ("arrow E", (-1, 0))):
        arrow = artist(ax, gid)
        shift = ax.transData.transform(arrow.xy) - ax.transData.transform(arrow.xyann)
        np.testing.assert_allclose(shift / np.linalg.norm(shift), direction, atol=1e-6)


def test_effective_radius_follows_the_photometric_angle():
    field = disc(meta={"reff": 5 * u.arcsec, "photometric_pa": 30 * u.deg, "ellipticity": 0.6})
    ax = plot_field(field, False, reff=True).axes[0]
    outline = artist(ax, "effective radius").get_xydata()
    radius = np.hypot(*outline.T)
    assert (radius.max(), radius.min()) == pytest.approx((5, 2))
    assert np.degrees(np.arctan2(*outline[radius.argmax()])) % 180 == pytest.approx(30)
    round_one = field._replace(meta={"reff": 5 * u.arcsec})
    outline = artist(plot_field(round_one, False, reff=True).axes[0], "effective radius")
    np.testing.assert_allclose(np.hypot(*outline.get_xydata().T), 5)


def test_psf_has_its_size():
    ax = plot_field(disc(meta={"psf_fwhm": 2.5 * u.arcsec}), False).axes[0]
    assert 2 * artist(ax, "PSF").radius == 2.5
    with pytest.raises(AssertionError, match="0 x PSF"):
        artist(plot_field(disc(), False).axes[0], "PSF")


# Colours


def test_colours_are_symmetric_about_the_systemic_velocity():
    field = disc(v_sys=1000.)
    ax, = plot_field(field, fit_of(field, v_sys=1000.)).axes
    bar, = ax.child_axes
    drawn = artist(ax, "velocity")
    low, high = drawn.get_clim()
    assert low == -high
    assert 0.9 * 20 * 7.5 < high <= 20 * 7.5
    middle = np.argmin(np.hypot(*centers(drawn).T))
    assert drawn.get_array()[middle] == pytest.approx(0)
    assert "km/s" in bar.get_ylabel() and "sys" in bar.get_ylabel()
    assert "1000.0 km/s" in words(ax)
    red, blue = drawn.cmap(drawn.norm([high, low]))[:, [0, 2]]
    assert red[0] > 2 * red[1] and blue[1] > 2 * blue[0]


def test_each_field_of_a_galaxy_has_its_own_scale():
    galaxy = pair()
    gas = galaxy.gas._replace(data=2 * galaxy.gas.data)
    figure = plot_galaxy(Galaxy(galaxy.stellar, gas), False)
    stars, gas = (artist(ax, "velocity").get_clim()[1] for ax in figure.axes[:2])
    assert gas == pytest.approx(2 * stars, rel=0.05)


def test_outliers_do_not_set_the_limits():
    field = disc()
    data = field.data.copy()
    data[15, 15:18] = 5000, -3000, 2000
    limits = [artist(plot_field(f, False).axes[0], "velocity").get_clim()
              for f in (field, field._replace(data=data))]
    np.testing.assert_allclose(*limits, rtol=0.1)


def test_limits_middle_and_map_can_be_given():
    ax = plot_field(disc(), False, vmax=0.2 * u.km / u.s, v_sys=3, cmap="RdBu_r").axes[0]
    drawn = artist(ax, "velocity")
    assert drawn.get_clim() == (-0.2, 0.2)
    assert drawn.cmap.name == "RdBu_r"
    assert drawn.get_array().mean() == pytest.approx(9)
    with pytest.raises(ValueError, match="vmax must be positive, not 0"):
        plot_field(disc(), False, vmax=0)
    with pytest.raises(u.UnitsError, match="vmax"):
        plot_field(disc(), False, vmax=3 * u.arcsec)


def test_a_constant_field_is_drawn():
    field = disc()
    flat = field._replace(data=np.full(field.shape, 5.))
    drawn = artist(plot_field(flat, False).axes[0], "velocity")
    assert drawn.get_clim() == (-1, 1)
    assert not drawn.get_array().any()


# What it looks like: without letters, which versions of matplotlib draw differently. Where the
# words stand and whether they fit is tested above.


def picture(function):
    """Make a picture test of a function that returns a figure."""
    @pytest.mark.mpl_image_compare(baseline_dir="baseline", tolerance=3, style="default",
                                   savefig_kwargs={"dpi": 75})
    @wraps(function)
    def test():
        figure = function()
        figure.draw_without_rendering()
        for axis in figure.findobj(matplotlib.axis.Axis):
            axis.set_major_formatter(NullFormatter())
        for text in figure.findobj(matplotlib.text.Text):
            text.set_visible(False)
        return figure
    return test


def rotating(pa, grid, **keywords):
    """Return a field that turns over, with a hole and ripples, always the same."""
    field = disc(pa, grid=grid, outside=5, **keywords)
    east, north = field.east.value, field.north.value
    along = known(east, north, pa) / 20
    radius = np.hypot(east, north)
    data = 12 + 120 * along / np.hypot(radius, 2) + 6 * np.sin(7 * east + 11 * north)
    hole = np.hypot(east + 2, north - 1.5) < 1
    return field._replace(data=np.where(field.mask, 0, data), mask=field.mask | hole)


META = {"psf_fwhm": 2 * u.arcsec, "reff": 3 * u.arcsec, "ellipticity": 0.4,
        "photometric_pa": 50 * u.deg}


@picture
def test_picture_of_a_galaxy():
    galaxy = Galaxy(
        rotating(40, "columns west", component="stellar", meta=META),
        rotating(160, "columns west", component="gas", line="Ha-6564", meta=META), id="8485-1901")
    result = SimpleNamespace(
        stellar=fit_of(galaxy.stellar, 40), absolute=120 * u.deg, error=8.5 * u.deg,
        gas=fit_of(galaxy.gas, 160, 8, flags=flag_bits("AMBIGUOUS_SENSE", "POOR_FIT")),
        probability=1., threshold=30 * u.deg, ok=True)
    return plot_galaxy(galaxy, result, labels={"stellar": "clean", "gas": "messy"}, reff=True,
                       style="paper")


@picture
def test_picture_of_a_fit_on_a_rotated_grid():
    field = rotating(250, "rotated, mirrored", component="gas", meta=META | {"id": "NGC 7331"})
    return plot_fit(fit_of(field, 250), style="paper", width=6)


@picture
def test_picture_of_a_list_of_bins():
    # bins that grow outwards, in rings
    rings = [np.exp(1j * (np.arange(n) + 0.3 * k) * 2 * np.pi / n) * 1.12**(2 * k) * 0.4
             for k, n in enumerate([6] + [20] * 12)]
    place = np.concatenate([[0], *rings])
    east, north = place.real, place.imag
    bins = VelocityField.from_arrays(
        known(east, north, 300) / np.hypot(1, np.abs(place)) * 5, east=east, north=north,
        mask=np.arange(len(place)) % 23 == 7, component="stellar", meta={"id": "NGC 4570"})
    fit = PositionAngle({"pa": np.nan, "flags": flag_bits("NO_ROTATION")}, source=bins)
    return plot_field(bins, fit, style="paper")
