"""Pictures: what is drawn where, in which colour, and what it looks like."""

import subprocess
import sys
from functools import wraps
from types import SimpleNamespace

import astropy.units as u
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from kinmis import Galaxy, PositionAngle, VelocityField
from kinmis.flags import flag_bits
from kinmis.plotting import plot_field, plot_fit, plot_galaxy
from kinmis.plotting.cells import cells, corners_only, footprint

# how columns and rows of a map may run on the sky: steps (east, north) of a column and a row
GRIDS = {
    "columns west": [(-0.5, 0), (0, 0.5)],
    "columns east": [(0.5, 0), (0, 0.5)],
    "rows south": [(0.5, 0), (0, -0.5)],
    "transposed": [(0, 0.5), (0.5, 0)],
    "rotated": [(0.4, 0.3), (-0.3, 0.4)],
    "rotated, mirrored": [(-0.4, 0.3), (0.3, 0.4)],
}
# screen pixels per arcsec of a position angle in deg, as (right, up): North is up, East left
SCREEN = {0: (0, 1), 90: (-1, 0), 180: (0, -1), 270: (1, 0)}


def disc(pa=40., *, grid="columns west", shape=(31, 33), v_sys=12., outside=7.5, **keywords):
    """Return a round field whose velocity is known at each position."""
    row, column = (axis - size // 2 for axis, size in zip(np.indices(shape), shape))
    (east_c, north_c), (east_r, north_r) = GRIDS[grid]
    east, north = column * east_c + row * east_r, column * north_c + row * north_r
    velocity = np.where(np.hypot(east, north) < outside, known(east, north, pa) + v_sys, np.nan)
    return VelocityField.from_arrays(velocity, east=east, north=north, **keywords)


def known(east, north, pa):
    """Return a velocity that rises linearly towards the position angle, in km/s."""
    pa = np.radians(pa)
    return 20 * (east * np.sin(pa) + north * np.cos(pa))


def fit_of(field, pa=40., error=3., v_sys=12., flags=0, model=True, **values):
    """Return the result of a fit as if `fit_pa` had made it."""
    def model_of():
        return known(field.east.value, field.north.value, pa) + v_sys
    values = {"pa": pa, "pa_err": error, "pa_lower_68": pa - error, "pa_upper_68": pa + error,
              "v_sys": v_sys, "v_sys_err": 0.4, "flags": flags, **values}
    return PositionAngle(values, source=field, model_of=model_of if model else None)


def pair(**keywords):
    """Return a galaxy whose gas is misaligned."""
    return Galaxy(disc(40, component="stellar", **keywords),
                  disc(130, component="gas", line="Ha-6564", v_sys=-30, **keywords), id="8485-1901")


def artist(ax, gid):
    """Return the one artist of a panel with a given name."""
    found = ax.findobj(lambda child: child.get_gid() == gid)
    assert len(found) == 1, f"{len(found)} x {gid}"
    return found[0]


def words(figure):
    """Return all that is written in a figure."""
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def centers(collection):
    """Return the middle of each cell that is drawn, (east, north)."""
    return np.array([path.vertices[:-1].mean(axis=0) for path in collection.get_paths()])


@pytest.fixture(autouse=True)
def nothing_leaks():
    """Pictures leave no figure with pyplot, and the settings as they were."""
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    assert not plt.get_fignums()


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


# Footprint and cells


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


# Words


def test_words_of_a_galaxy():
    galaxy = pair()
    fits = {"stellar": fit_of(galaxy.stellar, 40, 3, flags=flag_bits("INNER_OUTER_DIFFER")),
            "gas": fit_of(galaxy.gas, 130, 0.04, -30)}
    said = words(plot_galaxy(galaxy, fits, labels={"stellar": "clean", "gas": ["messy", "warp"]}))
    for text in ("8485-1901", "Stars", r"Gas (H$\alpha$)", r"PA 40.0$\degree$ $\pm$ 3.0$\degree$",
                 r"PA 130.00$\degree$ $\pm$ 0.04", "clean; inner and outer PA differ",
                 "messy; warp", "12.0 km/s", "\N{MINUS SIGN}30.0 km/s", "receding",
                 r"misalignment 90.0$\degree$ $\pm$ 3.0$\degree$, $P$(> 30$\degree$) > 0.99"):
        assert text in said, text


def test_galaxy_takes_a_misalignment():
    galaxy = pair()
    result = SimpleNamespace(
        stellar=fit_of(galaxy.stellar, 40), gas=fit_of(galaxy.gas, 70), absolute=30 * u.deg,
        error=4 * u.deg, probability=0.5, threshold=30 * u.deg, ok=True)
    said = words(plot_galaxy(galaxy, result, labels="merger"))
    assert r"misalignment 30.0$\degree$ $\pm$ 4.0$\degree$, $P$(> 30$\degree$) = 0.50" in said
    assert "8485-1901, merger" in said


def test_galaxy_measures_its_angles():
    galaxy = pair()
    figure = galaxy.plot()
    dots = [artist(ax, "receding").get_xydata()[0] for ax in figure.axes[:2]]
    np.testing.assert_allclose([np.degrees(np.arctan2(*dot)) for dot in dots], [40, 130], atol=1)
    assert "misalignment 90.0" in words(figure)


def test_galaxy_with_one_field_has_one_panel():
    figure = plot_galaxy(Galaxy(gas=pair().gas), {"gas": 130 * u.deg})
    assert len(figure.axes) == 1
    assert "misalignment" not in words(figure)


def test_no_rotation_is_said_and_no_line_drawn():
    field = disc()
    fit = PositionAngle({"flags": flag_bits("NO_ROTATION"), "v_sys": 3.}, source=field)
    figure = plot_fit(fit)
    said = words(figure)
    assert "no rotation detected" in said and "no PA" in said and "no model" in said
    assert not figure.findobj(lambda child: child.get_gid() in ("PA", "receding", "interval"))


def test_uncertain_sense_makes_the_dot_hollow():
    field = disc()
    figure = plot_field(field, fit_of(field, flags=flag_bits("AMBIGUOUS_SENSE")))
    assert artist(figure.axes[0], "receding").get_markerfacecolor() == "white"
    assert "receding?" in words(figure) and "receding side uncertain" in words(figure)


def test_everything_masked_is_said():
    field = disc()
    empty = field._replace(mask=np.ones(field.shape, bool))
    said = words(empty.plot())
    assert "no valid spaxels" in said and "no PA" in said


def test_names_with_signs_of_tex_are_written_as_they_are():
    field = disc(meta={"id": "209807_A $5^"})
    figure = plot_field(field, False, labels="50% of $V_")
    figure.draw_without_rendering()
    assert r"209807_A \$5^" in words(figure)


def test_long_words_are_wrapped_to_the_panel():
    labels = ["a rather long remark"] * 5
    figure = plot_field(disc(), False, labels=labels, style="paper")
    figure.draw_without_rendering()
    ax = figure.axes[0]
    remarks = artist(ax, "remarks")
    assert remarks.get_text().count("a rather long remark") == 5
    assert "\n" in remarks.get_text()
    box = remarks.get_window_extent()
    assert box.x1 <= ax.bbox.x1 + 1
    heading = [text for text in ax.findobj(matplotlib.text.Text) if text.get_text() == "Velocity"]
    assert heading[0].get_window_extent().y0 >= box.y1 - 1
    assert heading[0].get_window_extent().y1 <= figure.bbox.y1


# What can be asked for


@pytest.mark.parametrize("pa", [130 * u.deg, 130, np.radians(130) * u.rad, -230 * u.deg])
def test_an_angle_can_be_given(pa):
    figure = plot_field(disc(130), pa)
    assert r"PA 130.0$\degree$" in words(figure)
    assert not figure.findobj(lambda child: child.get_gid() == "interval")
    dot = artist(figure.axes[0], "receding").get_xydata()[0]
    assert np.degrees(np.arctan2(*dot)) == pytest.approx(130)


def test_no_angle_can_be_asked_for():
    figure = plot_field(disc(), False)
    assert "PA" not in words(figure)
    assert not figure.findobj(lambda child: child.get_gid() in ("PA", "receding"))


@pytest.mark.parametrize("pa, error", [
    ("north", TypeError), ([1, 2], ValueError), (3 * u.km, u.UnitsError), (np.nan, ValueError)])
def test_a_wrong_angle_is_refused(pa, error):
    with pytest.raises(error, match="pa must be a PositionAngle"):
        plot_field(disc(), pa)


def test_model_and_residuals_stand_beside_the_data():
    field = disc()
    noisy = field._replace(data=field.data + np.random.default_rng(1).normal(0, 4, field.shape))
    figure = plot_fit(fit_of(noisy))
    data, model, residual = (artist(ax, "velocity") for ax in figure.axes)
    np.testing.assert_allclose(data.get_array() - model.get_array(), residual.get_array())
    assert data.get_clim() == model.get_clim()
    low, high = residual.get_clim()
    assert low == -high and 7 < high < 13
    assert residual.get_array().std() == pytest.approx(4, rel=0.1)
    for text in ("Model", "Data \N{MINUS SIGN} model", "scatter 4.", "colours as for the data"):
        assert text in words(figure), text
    # all on one line, and alike
    boxes = [ax.get_position() for ax in (data.axes, model.axes, residual.axes)]
    assert np.ptp([(box.y0, box.width, box.height) for box in boxes], axis=0).max() < 1e-9


def test_galaxy_has_a_row_for_each_field_with_residuals():
    galaxy = pair()
    fits = {"stellar": fit_of(galaxy.stellar, 40), "gas": fit_of(galaxy.gas, 130, v_sys=-30)}
    figure = plot_galaxy(galaxy, fits, residuals=True)
    assert len(figure.findobj(lambda child: child.get_gid() == "velocity")) == 6


def test_clean_cleans_before_it_draws():
    field = disc()
    data = field.data.copy()
    data[15, 15] = 5000
    wild = field._replace(data=data)
    drawn = [artist(plot_field(wild, False, clean=clean).axes[0], "velocity").get_array()
             for clean in (False, True)]
    assert drawn[0].max() > 4000 > drawn[1].max()
    assert wild.n_valid == field.n_valid
    drawn = artist(plot_galaxy(Galaxy(wild), False, clean=True).axes[0], "velocity")
    assert drawn.get_array().max() < 4000


def test_paper_is_a_column_wide_and_can_be_read():
    field = disc()
    figure = plot_field(field, fit_of(field), style="paper")
    assert figure.get_figwidth() == 3.35
    assert plot_galaxy(pair(), False, style="paper").get_figwidth() == 7
    assert plot_fit(fit_of(field), style="paper", width=6).get_figwidth() == 6
    sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text)
             if text.get_text()]
    assert 6.5 <= min(sizes) and max(sizes) <= 9


@pytest.mark.parametrize("style", ["screen", "paper"])
@pytest.mark.parametrize("residuals", [False, True])
def test_nothing_is_cut_off_or_overlaps(style, residuals):
    galaxy = pair()
    fits = {"stellar": fit_of(galaxy.stellar, 40), "gas": fit_of(galaxy.gas, 130, v_sys=-30)}
    figure = plot_galaxy(galaxy, fits, residuals=residuals, style=style)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_vector_formats(tmp_path):
    figure = plot_field(disc(), False, style="paper")
    for suffix, start in ((".pdf", b"%PDF"), (".svg", b"<?xml"), (".png", b"\x89PNG")):
        figure.savefig(tmp_path / f"field{suffix}")
        assert (tmp_path / f"field{suffix}").read_bytes().startswith(start)
    assert b"Type3" not in (tmp_path / "field.pdf").read_bytes()
    assert b"<image" not in (tmp_path / "field.svg").read_bytes()


def test_draws_into_what_is_given():
    own = Figure(figsize=(9, 4), layout="constrained")
    assert plot_galaxy(pair(), False, figure=own) is own
    own.draw_without_rendering()
    both = Figure(figsize=(9, 8))
    for part in both.subfigures(2, 1):
        assert plot_galaxy(pair(), False, figure=part) is part
    ax = Figure().add_subplot()
    assert plot_field(disc(meta={"id": "7815-3702"}), 40, ax=ax) is ax.figure
    assert "7815-3702 Velocity" in words(ax) and r"PA 40.0$\degree$" in words(ax)


def test_draws_into_a_figure_of_pyplot():
    figure = plt.figure()
    assert plot_field(disc(), False, figure=figure) is figure
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


def test_a_notebook_shows_a_picture():
    assert plot_field(disc(), False)._repr_png_().startswith(b"\x89PNG")


def test_the_settings_of_the_user_do_not_matter():
    with plt.style.context("dark_background"), matplotlib.rc_context(
            {"axes.grid": True, "figure.constrained_layout.use": True, "text.usetex": True,
             "font.size": 30}):
        figure = plot_field(disc(), False)
        assert figure.get_facecolor() == (1, 1, 1, 1)
        sizes = [text.get_fontsize() for text in figure.findobj(matplotlib.text.Text)]
        assert max(sizes) < 15
        assert not any(text.get_usetex() for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("options, error, match", [
    ({"style": "poster"}, ValueError, "style must be one of"),
    ({"width": 0.5}, ValueError, "too small for 1 x 1 panels"),
    ({"ax": 1, "residuals": True}, ValueError, "ax holds one panel"),
    ({"pa": False, "residuals": True}, ValueError, "residuals need a fit"),
    ({"pa": 40, "residuals": True}, ValueError, "residuals need a fit"),
    ({"figure": Figure(figsize=(5, 1))}, ValueError, "too small"),
])
def test_wrong_options_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        plot_field(disc(), **{"pa": False, **options})


def test_wrong_things_are_refused():
    with pytest.raises(TypeError, match="pa must be a Misalignment"):
        plot_galaxy(pair(), fit_of(pair().stellar))
    with pytest.raises(ValueError, match=r"labels has the keys \['stars'\]"):
        plot_galaxy(pair(), False, labels={"stars": "clean"})
    with pytest.raises(TypeError, match="result must be a PositionAngle, not VelocityField"):
        plot_fit(disc())
    with pytest.raises(ValueError, match="does not hold its field"):
        plot_fit(PositionAngle({"pa": 3.}))


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "kinmis\[plot\]"'):
        plot_field(disc())


def test_pyplot_and_matplotlib_load_no_earlier_than_needed():
    code = ("import sys, kinmis.plotting; assert 'matplotlib' not in sys.modules; "
            "from kinmis import VelocityField; "
            "VelocityField.from_arrays([1, 2], east=[0, 1], north=[0, 0]).plot(pa=90); "
            "assert 'matplotlib.pyplot' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)


# What it looks like: without letters, which versions of matplotlib draw differently. Where the
# words stand and whether they fit is tested above.


def picture(function):
    """Make a picture test of a function that returns a figure."""
    @pytest.mark.mpl_image_compare(baseline_dir="baseline", tolerance=4, style="default",
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
