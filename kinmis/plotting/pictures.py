"""The pictures: `plot_field`, `plot_galaxy` and `plot_fit`."""

import numpy as np

from kinmis._input import COMPONENTS
from kinmis._units import KMS, scalar_in
from kinmis.position_angle import PositionAngle
from kinmis.plotting.words import (
    angle_words, as_angle, as_labels, misalignment_words, name_of, plain, remarks)

RELATIVE = r"$V - V_\mathrm{sys}$ (km/s)"


def plot_field(field, pa=None, *, residuals=False, clean=False, labels=(), reff=False, v_sys=None,
               vmax=None, cmap=None, style=None, width=None, figure=None, ax=None):
    """
    Draw a velocity field as it is on the sky, with its position angle.

    North is up and East is left, whichever way the array axes run. Red recedes, blue
    approaches, and the middle of the colours is the systemic velocity. Hatched spaxels have
    no velocity. A list of bins is drawn as the cells of the sky that are nearest to each.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        The field.
    pa : `~kinmis.PositionAngle`, `~astropy.units.Quantity`, None or False
        The angle to draw: a line with its 68% interval (shaded) and a red dot on the
        receding side, hollow where that side is uncertain. A Quantity is an angle from North
        through East to the receding side (plain numbers are deg); None measures it with
        `kinmis.fit_pa`; False draws none. Where a fit found no angle, the picture says so in
        words.
    residuals : bool
        Whether to draw the model of the fit and its residuals beside the data.
    clean : bool
        Whether to clean the field first (`kinmis.clean`). By default what it holds is drawn.
    labels : str, `~kinmis.Classification`, or sequence of them
        More words to write above the map, such as its quality.
    reff : bool
        Whether to draw the effective radius, where the metadata have one: an ellipse where
        they have ``photometric_pa`` and ``ellipticity`` too, else a circle.
    v_sys : `~astropy.units.Quantity` or float, optional
        Velocity in the middle of the colours (km/s); by default that of the fit, or without
        one the median of the field.
    vmax : `~astropy.units.Quantity` or float, optional
        The colours run from ``v_sys - vmax`` to ``v_sys + vmax`` (km/s). By default that
        takes in 98% of the spaxels, so that a few outliers do not set it.
    cmap : str or `~matplotlib.colors.Colormap`, optional
        Colour map; by default one that is even, symmetric and fit for colour-blind readers.
    style : {"screen", "paper"}, optional
        "paper" has the width of a column of a journal and small print that can be read
        there. By default "screen", or with ``ax`` your own settings. Your ``rcParams`` stay
        as they are.
    width : float, optional
        Width of the figure in inches; by default 4.8, or 3.35 on paper (12 and 7 with
        residuals).
    figure : `~matplotlib.figure.Figure` or `~matplotlib.figure.SubFigure`, optional
        Figure to draw in; it is filled.
    ax : `~matplotlib.axes.Axes`, optional
        Axes to draw in; the colour bar goes to the right of it.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        Not managed by pyplot, unless you gave one that is: a notebook shows it once, a loop
        over thousands leaks nothing, and ``figure.savefig`` saves it. For a window, give
        ``figure=plt.figure()`` and call ``plt.show()``.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If an argument has a value that it can't have.

    Examples
    --------
    >>> from kinmis import mock
    >>> field = mock.velocity_field(pa=40, seed=1)
    >>> figure = field.plot(style="paper")
    """
    _need_matplotlib()
    if ax is not None and (figure is not None or residuals):
        raise ValueError("ax holds one panel: give it without figure and without residuals")
    if clean:
        field = field.clean()
    angle = as_angle(pa, field)
    title, words, heading = plain(field.id or ""), as_labels(labels), None
    if ax is not None:
        # the axes of a user has no room above for a title
        heading, title = (f"{title} {name_of(field)}".strip(), ""), ""
        words = list(filter(None, [angle_words(angle), *words]))
    row = _row(field, angle, words, heading, residuals=residuals, reff=reff, v_sys=v_sys, vmax=vmax)
    return _draw([row], figure=figure, ax=ax, style=style, width=width, cmap=cmap,
                 title=(title, ""))


def plot_galaxy(galaxy, pa=None, *, residuals=False, clean=False, labels=(), reff=False,
                vmax=None, cmap=None, style=None, width=None, figure=None):
    """
    Draw the stars and the gas of a galaxy side by side, each with its own colour scale.

    Above them stands the misalignment of the two angles, where both were measured, and the
    probability that it is more than 30 deg.

    Parameters
    ----------
    galaxy : `~kinmis.Galaxy`
        The galaxy; one that has a single field makes one panel.
    pa : `~kinmis.Misalignment`, dict, None or False
        The angles to draw: those of a misalignment, those of a dict with the keys "stellar"
        and "gas" (with values as for `plot_field`), None to measure them, False for none.
    residuals : bool
        Whether to draw models and residuals beside the data, a row for each field.
    clean : bool
        Whether to clean the fields first.
    labels : dict, `~kinmis.classifier.GalaxyClassification`, str or sequence of str
        More words to write: a dict from "stellar" and "gas" to words for that field (as for
        `plot_field`), what the classifier says of the galaxy, or words for it.
    reff, cmap, style, width, figure
        As for `plot_field`; the width is by default 9.2 inches, or 7 on paper (one panel:
        4.8 and 3.35; residuals: 12 and 7).
    vmax : dict, `~astropy.units.Quantity` or float, optional
        As for `plot_field`, for both fields or for each.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        As for `plot_field`.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If an argument has a value that it can't have.

    Examples
    --------
    >>> from kinmis import mock
    >>> galaxy = mock.galaxy(pa_stellar=40, pa_gas=130, seed=1)
    >>> figure = galaxy.plot(labels={"stellar": "clean"})
    """
    _need_matplotlib()
    if clean:
        galaxy = galaxy.clean()
    misalignment = None
    if not (pa is None or isinstance(pa, (bool, dict))):
        if not all(hasattr(pa, name) for name in COMPONENTS):
            raise TypeError("pa must be a Misalignment, a dict with the keys 'stellar' and 'gas', "
                            f"None or False, not {pa!r}")
        misalignment, pa = pa, {name: getattr(pa, name) for name in COMPONENTS}
    each_pa, each_vmax = _by_component(pa, "pa"), _by_component(vmax, "vmax")
    if hasattr(labels, "fields"):
        labels = labels.fields
    words = labels if isinstance(labels, dict) else {}
    each_labels = _by_component(words, "labels")
    title = [plain(galaxy.id or ""), *([] if words else as_labels(labels))]
    angles, rows = {}, []
    for name, field in galaxy.fields.items():
        angles[name] = as_angle(each_pa[name], field)
        rows.append(_row(field, angles[name], as_labels(each_labels[name]),
                         residuals=residuals, reff=reff, vmax=each_vmax[name]))
    if misalignment is None:
        misalignment = _misalignment(*angles.values())
    if not residuals:
        rows = [[panel for row in rows for panel in row]]
    return _draw(rows, figure=figure, style=style, width=width, cmap=cmap,
                 title=(", ".join(filter(None, title)), misalignment_words(misalignment)))


def plot_fit(result, **options):
    """
    Draw the field of a fit with its angle, and the model and the residuals beside it.

    Parameters
    ----------
    result : `~kinmis.PositionAngle`
        The fit. Where it found no angle there is no model, and the picture says so.
    **options
        As for `plot_field`.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
        As for `plot_field`.

    Raises
    ------
    TypeError
        If this is no fit.
    ValueError
        If the fit does not hold its field.

    Examples
    --------
    >>> from kinmis import mock, plotting
    >>> fit = mock.velocity_field(pa=40, seed=1).fit_pa()
    >>> figure = plotting.plot_fit(fit, style="paper")
    """
    if not isinstance(result, PositionAngle):
        raise TypeError(f"result must be a PositionAngle, not {type(result).__name__}")
    if result.source is None:
        raise ValueError("this fit does not hold its field: "
                         "use plot_field(field, result, residuals=True)")
    return plot_field(result.source, result, residuals=True, **options)


def _need_matplotlib():
    try:
        import matplotlib  # noqa: F401 (whether it works is the question)
    except ImportError:
        raise ImportError('pictures need matplotlib: pip install "kinmis[plot]"') from None


def _by_component(value, name):
    """Return a dict with a value for each component."""
    if not isinstance(value, dict):
        return dict.fromkeys(COMPONENTS, value)
    unknown = value.keys() - set(COMPONENTS)
    if unknown:
        raise ValueError(f"{name} has the keys {sorted(map(str, unknown))}; "
                         f"it may have {COMPONENTS}")
    return {key: value.get(key) for key in COMPONENTS}


def _misalignment(*angles):
    """Return the misalignment of stars and gas if both were fitted, else None."""
    if len(angles) < 2 or any(angle is None or angle.result is None or not angle.ok
                              for angle in angles):
        return None
    from kinmis.misalignment import misalign
    return misalign(*(angle.result for angle in angles))


def _row(field, angle, words, heading=None, *, residuals, reff, v_sys=None, vmax=None):
    """Return the panels of one field: the data, on request the model and the residuals."""
    from kinmis.plotting.panel import Panel
    zero = scalar_in(v_sys, KMS, "v_sys")
    if zero is None:
        zero = _zero(field, angle)
    velocity = field.velocity.value - zero
    limit = scalar_in(vmax, KMS, "vmax")
    if limit is None:
        limit = _limit(velocity)
    elif limit <= 0:
        raise ValueError(f"vmax must be positive, not {limit:g}")
    data = Panel(field, velocity, limit, heading or (name_of(field), angle_words(angle)),
                 remarks(field, angle, words), angle, RELATIVE, sky=True, radius=reff)
    if not residuals:
        return [data]
    if angle is None or angle.result is None:
        raise ValueError("residuals need a fit: give pa=None or a PositionAngle")
    model, residual, limits, said = None, None, (1., 1.), ["no model"] * 2
    if angle.result.model_of is not None:
        fitted = angle.result.model().velocity.value
        model, residual = fitted - zero, field.velocity.value - fitted
        limits = limit, _limit(residual)
        scatter = 1.4826 * np.nanmedian(np.abs(residual - np.nanmedian(residual)))
        said = "colours as for the data", f"scatter {scatter:.1f} km/s"
    return [data, Panel(field, model, limits[0], ("Model", ""), [said[0]]),
            Panel(field, residual, limits[1], ("Data \N{MINUS SIGN} model", ""), [said[1]],
                  bar=r"$\Delta V$ (km/s)")]


def _zero(field, angle):
    """Return the velocity in the middle of the colours, km/s."""
    if angle is not None and np.isfinite(angle.v_sys):
        return angle.v_sys
    return float(np.median(field.data[~field.mask])) if field.n_valid else 0.


def _limit(values):
    """Return a limit that takes in 98% of the values, rounded up to two digits."""
    values = values[np.isfinite(values)]
    limit = float(np.percentile(np.abs(values), 98)) if values.size else 0.
    if not limit > 0:
        return 1.
    step = 10. ** (np.floor(np.log10(limit)) - 1)
    return float(np.ceil(limit / step - 1e-9) * step)


def _draw(rows, *, figure=None, ax=None, style=None, width=None, cmap=None, title=("", "")):
    """Draw the panels, all showing the same piece of sky."""
    from kinmis.plotting.layout import add_axes
    from kinmis.plotting.style import CMAP, style_context
    bounds = np.array([panel.bounds() for row in rows for panel in row])
    bounds = np.array([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])
    if style is None and ax is None:
        style = "screen"
    with style_context(style):
        if ax is None:
            figure, axes, n_lines = add_axes(rows, figure=figure, style=style, width=width,
                                             title=title)
        else:
            figure, axes, n_lines = ax.figure, [[ax]], [0]
            ax.set(xlabel="East (arcsec)", ylabel="North (arcsec)")
        for row, line, n in zip(rows, axes, n_lines):
            for panel, panel_ax in zip(row, line):
                panel.draw(panel_ax, bounds, cmap or CMAP, n)
    return figure
