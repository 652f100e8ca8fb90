"""One panel of a picture: one map of velocity on the sky."""

from dataclasses import dataclass, field as default

import numpy as np
from matplotlib import rcParams
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator

from kinmis.plotting.cells import cells, corners_only, footprint
from kinmis.plotting.marks import draw_angle, draw_compass, draw_effective_radius, draw_psf
from kinmis.plotting.style import NO_DATA, SMALL, height_of, width_of
from kinmis.plotting.words import Angle

# more cells than this make a PDF heavy; then they go in as an image
MANY_CELLS = 20_000


@dataclass
class Panel:
    """
    What one panel shows.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        Gives the positions and the mask.
    values : `~numpy.ndarray` or None
        What is coloured, in km/s: velocity relative to the systemic one, or a residual.
        None shows the footprint only.
    limit : float
        The colours run from minus to plus this.
    heading : pair of str
        Above the panel, at the left and at the right.
    remarks : list of str
        A line of small print between heading and panel.
    angle : `~kinmis.plotting.words.Angle`, optional
        Drawn as a line.
    bar : str
        Label of the colour bar; without one there is no bar.
    sky : bool
        Whether to draw the compass and the PSF.
    radius : bool
        Whether to draw the effective radius.
    """

    field: object
    values: np.ndarray | None
    limit: float
    heading: tuple
    remarks: list = default(default_factory=list)
    angle: Angle | None = None
    bar: str = ""
    sky: bool = False
    radius: bool = False

    def __post_init__(self):
        self.polygons, self.index = cells(self.field)
        self.inside = footprint(self.field, self.polygons, self.index)
        self.valid = ~self.field.mask.ravel()[self.index]
        if self.values is None:
            self.valid = np.zeros_like(self.valid)

    def small_print(self, side):
        """Return the lines of small print over a panel that is ``side`` font sizes wide."""
        left, right = self.heading
        size = rcParams["font.size"]
        lines = [""]
        if width_of(left, size, "bold") + width_of(right, size) > (side - 0.5) * size:
            # no room for both in one line
            lines = [right, ""]
        for remark in self.remarks:
            longer = f"{lines[-1]}; {remark}" if lines[-1] else remark
            if lines[-1] and width_of(longer, SMALL * size) > side * size:
                lines.append(remark)
            else:
                lines[-1] = longer
        return [line for line in lines if line]

    def bounds(self):
        """Return the lower and upper corner of what is to be seen, shape (2, 2), arcsec."""
        shown = self.polygons[self.inside | self.valid]
        if not len(shown):
            shown = self.polygons
        if not len(shown):
            return np.array([[-1., -1.], [1., 1.]])
        return np.array([shown.min(axis=(0, 1)), shown.max(axis=(0, 1))])

    def draw(self, ax, bounds, cmap, n_lines=0):
        """
        Draw the panel.

        Parameters
        ----------
        ax : `~matplotlib.axes.Axes`
        bounds : `~numpy.ndarray`, shape (2, 2)
            What is to be seen.
        cmap : str or `~matplotlib.colors.Colormap`
        n_lines : int
            Lines of small print to leave room for, so that the headings of a row align.
        """
        middle, half = bounds.mean(axis=0), 1.06 * np.ptp(bounds, axis=0).max() / 2
        # East is left, whatever the array axes do
        ax.set(aspect="equal", xlim=(middle[0] + half, middle[0] - half),
               ylim=(middle[1] - half, middle[1] + half))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
        ax.apply_aspect()
        side = ax.bbox.width / ax.figure.dpi * 72 / rcParams["font.size"]
        missing = corners_only(self.polygons[self.inside & ~self.valid])
        ax.add_collection(PolyCollection(missing, linewidth=0, gid="no velocity", **NO_DATA))
        if self.valid.any():
            self._draw_velocity(ax, side, cmap)
        self._write(ax, side, n_lines)
        if self.radius:
            draw_effective_radius(ax, self.field)
        corners = self._empty_corners(middle, half)
        if self.sky:
            draw_compass(ax, middle + 0.93 * half * corners[0], half, corners[0])
            draw_psf(ax, self.field, middle + 0.93 * half * corners[1], corners[1])
        if self.angle is not None and self.angle.ok and self.valid.any():
            draw_angle(ax, self.angle, self._reach, corners[2])

    def _draw_velocity(self, ax, side, cmap):
        values = self.values.ravel()[self.index][self.valid]
        # edges in the colour of the face close the hairlines between neighbours
        cloud = PolyCollection(
            corners_only(self.polygons[self.valid]), edgecolors="face", cmap=cmap, gid="velocity",
            linewidths=0.6, rasterized=len(values) > MANY_CELLS)
        cloud.set_array(values)
        cloud.set_clim(-self.limit, self.limit)
        ax.add_collection(cloud)
        if self.bar:
            ticks = MaxNLocator(5, steps=(1, 2, 2.5, 5, 10), symmetric=True)
            beyond = np.abs(values).max() > self.limit
            bar = ax.figure.colorbar(
                cloud, cax=ax.inset_axes((1 + 0.8 / side, 0, 1 / side, 1)), ticks=ticks,
                label=self.bar, extend="both" if beyond else "neither", extendfrac=0.03)
            # lines like the rest, where matplotlib would make it an image in a PDF
            bar.solids.set(rasterized=False, edgecolor="face")
            bar.outline.set_linewidth(rcParams["axes.linewidth"])

    def _write(self, ax, side, n_lines):
        size = rcParams["font.size"]
        lines = self.small_print(side)
        left, right = self.heading
        if right in lines:
            right = ""
        n_lines = max(n_lines, len(lines))
        ax.annotate("\n".join(lines) + "\n" * (n_lines - len(lines)), (0, 1), (0, 0.35 * size),
                    xycoords="axes fraction", textcoords="offset points", fontsize=SMALL * size,
                    alpha=0.8, linespacing=1.2, gid="remarks")
        for text, where, weight in ((left, "left", "bold"), (right, "right", "normal")):
            ax.set_title(text, loc=where, size=size, weight=weight, color=rcParams["text.color"],
                         pad=(0.35 + height_of(n_lines)) * size)

    def _reach(self, direction):
        """
        Return the distances from the centre at which the valid cells in a direction lie.

        Sorted, in arcsec; a single one, the largest in the field, where none lies that way.
        """
        polygons = self.polygons[self.valid]
        centers = polygons.mean(axis=1)
        size = np.linalg.norm(polygons[:, 0] - centers, axis=1)
        centers = centers - self.angle.center
        along, across = centers @ direction, centers @ (direction[::-1] * (1, -1))
        on_the_way = (along > 0) & (np.abs(across) < size)
        if not on_the_way.any():
            return np.linalg.norm(centers, axis=1).max(keepdims=True)
        return np.sort(along[on_the_way])

    def _empty_corners(self, middle, half):
        """Return the corners of the panel, as (East, North) signs, the emptiest first."""
        points = (self.polygons[self.inside | self.valid].mean(axis=1) - middle) / half
        corners = np.array([(1, -1), (-1, -1), (1, 1), (-1, 1)])
        return sorted(corners, key=lambda corner: np.count_nonzero(
            (points * corner > 0.6).all(axis=1)))
