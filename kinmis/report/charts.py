"""The charts of a report, as matplotlib figures."""

import numpy as np

from kinmis._input import COMPONENTS
from kinmis.catalogue.selections import _numbers

__all__ = ["draw_angles", "draw_comparison", "draw_errors", "draw_misalignments"]

#: Stars, gas and what concerns both; told apart by colour-blind readers and in grey.
COLORS = {"stellar": "#c8553d", "gas": "#2a6f97", "both": "#444444"}
QUALITY_COLORS = ("#b8b8b8", "#e0a458", "#3a7d44")
NAMES = {"stellar": "stars", "gas": "gas"}
LABELS = ("do not use", "messy", "clean")

_STYLE = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
          "axes.titlesize": "medium", "axes.titleweight": "bold", "axes.titlelocation": "left",
          "legend.frameon": False, "svg.fonttype": "none", "text.usetex": False,
          "font.family": "sans-serif"}


def new_figure(figure, size, columns, draw):
    """Return a figure whose axes a function has drawn in, in the style of the report."""
    from matplotlib import rc_context

    from kinmis.plotting.style import Picture
    with rc_context(_STYLE):
        figure = Picture(figsize=size, layout="constrained") if figure is None else figure
        draw(*figure.subplots(1, columns, squeeze=False)[0])
    return figure


def draw_misalignments(table, figure=None):
    """
    Draw the distribution of misalignments: all, and by the quality of the worse of both fields.

    Parameters
    ----------
    table : `~astropy.table.QTable`
        As `kinmis.measure` returns.
    figure : `~matplotlib.figure.Figure`, optional
        Figure to draw in.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
    """
    angle = _numbers(table["misalignment"])
    limit = table.meta["kinmis"]["options"]["threshold_deg"]
    worse = np.minimum(*(np.ma.filled(np.ma.asarray(table[f"{name}_quality"]), -1)
                         for name in COMPONENTS))
    bins = np.arange(0, 181, 10)

    def draw(axes):
        found = np.isfinite(angle)
        axes.hist(angle[found], bins, color="#dddddd", label=f"all ({found.sum()})")
        for quality, label in enumerate(LABELS):
            chosen = found & (worse == quality)
            if chosen.any():
                axes.hist(angle[chosen], bins, histtype="step", lw=1.8,
                          color=QUALITY_COLORS[quality] if quality else "#777777",
                          label=f"{label} ({chosen.sum()})")
        axes.axvline(limit, color="#444444", lw=0.8, ls="--")
        axes.set(xlabel="misalignment of stars and gas (deg)", ylabel="galaxies", xlim=(0, 180),
                 xticks=range(0, 181, 30), title="Misalignment")
        if found.sum() > 100:
            axes.set(yscale="log", ylim=(0.8, None))
            axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(title="worse of both fields" if (worse >= 0).any() else None)
    return new_figure(figure, (5.6, 4.2), 1, draw)


def draw_angles(table, figure=None):
    """Draw the angle of the gas against that of the stars; options as `draw_misalignments`."""
    stars, gas = (_numbers(table[f"{name}_pa"]) for name in COMPONENTS)
    found = np.isfinite(stars) & np.isfinite(gas)
    usable = np.minimum(*(np.ma.filled(np.ma.asarray(table[f"{name}_quality"]), -1)
                          for name in COMPONENTS)) >= 1
    many = found.sum()

    def draw(axes):
        for chosen, color, label in ((found & ~usable, "#999999", "other"),
                                     (found & usable, COLORS["gas"], "usable pairs")):
            if chosen.any():
                # thousands of points are drawn as one image
                axes.plot(stars[chosen], gas[chosen], ".", ms=5 if many < 500 else 2.5,
                          color=color, alpha=0.7, mew=0, rasterized=many > 500,
                          label=f"{label} ({chosen.sum()})")
        for offset in (-180, 0, 180):
            axes.plot([0, 360], [offset, 360 + offset], color="#444444", lw=0.6,
                      ls="-" if offset == 0 else ":", zorder=0)
        axes.set(xlabel="position angle of the stars (deg)",
                 ylabel="position angle of the gas (deg)", xlim=(0, 360), ylim=(0, 360),
                 xticks=range(0, 361, 60), yticks=range(0, 361, 60), aspect="equal",
                 title="Position angles")
        if usable.any():
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small",
                        handletextpad=0.2)
    return new_figure(figure, (5.6, 4.2), 1, draw)


def draw_errors(table, figure=None):
    """Draw the distribution of the errors of the angles; options as `draw_misalignments`."""
    bins = np.geomspace(0.03, 100, 36)

    def draw(axes):
        for name in COMPONENTS:
            error = _numbers(table[f"{name}_pa_err"])
            error = error[np.isfinite(error)]
            if len(error):
                axes.hist(np.clip(error, bins[0], bins[-1]), bins, histtype="step", lw=1.8,
                          color=COLORS[name],
                          label=f"{NAMES[name]}: median {np.median(error):.2g} deg")
        axes.set(xscale="log", xlabel="1-sigma error of the position angle (deg)",
                 ylabel="fields", title="Errors")
        axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        if axes.patches:
            axes.legend()
    return new_figure(figure, (5.6, 4.2), 1, draw)


def draw_comparison(comparison, figure=None):
    """
    Draw what differs between two catalogues.

    Parameters
    ----------
    comparison : `~kinmis.catalogue.Comparison`
    figure : `~matplotlib.figure.Figure`, optional
        Figure to draw in.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
    """
    table = comparison.table
    names = [name for name in COMPONENTS if f"{name}_pa_old" in table.colnames]
    labelled = [name for name in COMPONENTS if f"{name}_quality_old" in table.colnames
                and comparison.label_changes(name).any()]

    def draw(*panels):
        panels = list(panels)
        for name in names:
            _draw_old_and_new(panels.pop(0), table, name)
        if names:
            _draw_differences(panels.pop(0), table, names)
        for name in labelled:
            _draw_labels(panels.pop(0), comparison.label_changes(name), name)
    columns = len(names) + bool(names) + len(labelled)
    if not columns:
        raise ValueError("the two catalogues have no angles and no labels in common")
    return new_figure(figure, (3.7 * columns, 3.8), columns, draw)


def _draw_old_and_new(axes, table, name):
    old, new = (_numbers(table[f"{name}_pa_{which}"]) for which in ("old", "new"))
    axes.plot([0, 360], [0, 360], color="#444444", lw=0.6, zorder=0)
    axes.plot(old, new, ".", ms=3, mew=0, alpha=0.6, color=COLORS[name],
              rasterized=len(old) > 500)
    axes.set(xlabel="old (deg)", ylabel="new (deg)", xlim=(0, 360), ylim=(0, 360),
             xticks=range(0, 361, 90), yticks=range(0, 361, 90), aspect="equal",
             title=f"Position angle, {NAMES[name]}")


def _draw_differences(axes, table, names):
    bins = np.arange(-20.5, 21, 1)
    for name in names:
        difference = _numbers(table[f"{name}_pa_difference"])
        difference = difference[np.isfinite(difference)]
        beyond = np.count_nonzero(np.abs(difference) > bins[-1])
        axes.hist(difference, bins, histtype="step", lw=1.8, color=COLORS[name],
                  label=f"{NAMES[name]} ({beyond} beyond)")
    axes.set(xlabel="new minus old (deg)", ylabel="fields", title="Differences")
    axes.legend(fontsize="small")


def _draw_labels(axes, counts, name):
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Greys", vmin=0, vmax=1.3, origin="lower")
    for old in range(3):
        for new in range(3):
            axes.text(new, old, f"{counts[old, new]}", ha="center", va="center",
                      color="white" if share[old, new] > 0.65 else "black")
    axes.set(xlabel="new", ylabel="old", xticks=range(3), yticks=range(3),
             title=f"Quality, {NAMES[name]}")
    axes.set_xticklabels(LABELS, fontsize="small")
    axes.set_yticklabels(LABELS, fontsize="small")
