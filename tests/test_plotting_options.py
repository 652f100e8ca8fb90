"""Pictures: what they say in words, and what can be asked for."""

import subprocess
import sys
from types import SimpleNamespace

import astropy.units as u
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from plotting_fields import artist, disc, fit_of, pair, words
from plotting_fields import nothing_leaks  # noqa: F401 (a fixture of every test here)

from kinmis import Galaxy, PositionAngle, mock
from kinmis.flags import flag_bits
from kinmis.plotting import plot_field, plot_fit, plot_galaxy

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


def test_pages_of_one_pdf_keep_its_settings(tmp_path):
    class Witness(Artist):
        def draw(self, renderer):
            seen.append(matplotlib.rcParams["pdf.fonttype"])

    seen = []
    figure = plot_field(disc(), False)
    figure.add_artist(Witness())
    with PdfPages(tmp_path / "pages.pdf") as pages:
        pages.savefig(figure)
    figure.savefig(tmp_path / "page.pdf")
    assert seen == [3, 42]


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


def test_angle_fitted_about_another_centre_is_drawn_through_it():
    field = mock.velocity_field(pa=0, center=(2, 1), seed=0)
    picture = field.plot(field.fit_pa(center=(2, 1)))
    line = next(line for line in picture.axes[0].lines if line.get_gid() == "PA")
    (east, other), (north, south) = line.get_data()
    assert abs((east + other) / 2 - 2) < 0.3
    assert north > 1 > south
