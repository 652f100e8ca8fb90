"""Where panels go in a figure: square, aligned, with room for words above and bars beside."""

from matplotlib import rcParams
from matplotlib.figure import Figure

from kinmis.plotting.style import WIDTHS, Picture, height_of

# Distances in units of the font size
LEFT, BOTTOM, RIGHT, GAP, BAR = 4.0, 3.0, 0.2, 1.0, 6.8
LEAST_SIDE = 5


def add_axes(rows, *, style, figure=None, width=None, title=("", "")):
    """
    Add an axes for each panel to a figure.

    Parameters
    ----------
    rows : list of list of `~kinmis.plotting.panel.Panel`
        Rows of equal length.
    style : {"screen", "paper"}
        Says how wide a new figure is.
    figure : `~matplotlib.figure.Figure` or `~matplotlib.figure.SubFigure`, optional
        By default a new one, as high as it needs to be.
    width : float, optional
        Width of a new figure, inches.
    title : pair of str
        Above all panels, at the left and at the right.

    Returns
    -------
    figure : `~matplotlib.figure.Figure`
    axes : list of list of `~matplotlib.axes.Axes`
    n_lines : list of int
        Lines of small print above the panels of each row.
    """
    em = rcParams["font.size"] / 72
    columns = len(rows[0])
    right = [(BAR if panel.bar else GAP) * em for panel in rows[0]]
    right[-1] += RIGHT * em
    if figure is None:
        width = width or WIDTHS[style][columns - 1]
    else:
        width = figure.bbox.width / figure.dpi
    side = (width - LEFT * em - sum(right)) / columns
    n_lines = [max(len(panel.small_print(side / em)) for panel in row) for row in rows]
    heads = [(1.8 + height_of(n)) * em for n in n_lines]
    above = (1.8 if any(title) else 0.2) * em
    fixed = above + sum(heads) + BOTTOM * em + GAP * em * (len(rows) - 1)
    if figure is None:
        height = fixed + side * len(rows)
    else:
        height = figure.bbox.height / figure.dpi
        side = min(side, (height - fixed) / len(rows))
    if side < LEAST_SIDE * em:
        raise ValueError(f"the figure is too small for {len(rows)} x {columns} panels: give a "
                         "greater width, or a larger figure")
    if figure is None:
        figure = Picture(figsize=(width, height))
    else:
        figure.set_facecolor(rcParams["figure.facecolor"])
        if isinstance(figure, Figure):
            # an automatic layout would warn that it has nothing to do
            figure.set_layout_engine("none")

    axes, top = [], height - above
    for row, head in zip(rows, heads):
        top -= head + side
        left = LEFT * em
        axes.append([])
        for space in right:
            axes[-1].append(figure.add_axes(
                (left / width, top / height, side / width, side / height)))
            left += side + space
        top -= GAP * em
    _label(axes)
    y = 1 - 0.5 * em / height
    figure.text(LEFT * em / width, y, title[0], weight="bold", va="top")
    figure.text((left - right[-1]) / width, y, title[1], ha="right", va="top")
    return figure, axes, n_lines


def _label(axes):
    """Label the axes at the left and at the bottom only; all panels show the same sky."""
    for line in axes:
        line[0].set_ylabel("North (arcsec)")
        for ax in line[1:]:
            ax.tick_params(labelleft=False)
    for ax in axes[-1]:
        ax.set_xlabel("East (arcsec)")
    for line in axes[:-1]:
        for ax in line:
            ax.tick_params(labelbottom=False)
