"""What is drawn over a map: position angle, compass, PSF, effective radius."""

import astropy.units as u
import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib.patches import Circle, Polygon
from matplotlib.patheffects import withStroke

from kinmis.plotting.style import CMAP, SMALL

# Over a map, whatever the colours of the user are
INK = "black"


def draw_angle(ax, angle, reach, corner):
    """
    Draw the line of the position angle and its 68% interval, and mark the receding side.

    The mark is a red dot, hollow where the sense of rotation is uncertain.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
    angle : `~kinmis.plotting.words.Angle`
    reach : callable
        Function from a direction (East, North) to the sorted distances from the centre at
        which there are data, arcsec.
    corner : array-like
        Signs (East, North) of the corner with room for the word "receding".
    """
    width, center = 2 * rcParams["axes.linewidth"], np.array(angle.center)
    ahead, behind = _direction(angle.pa), -_direction(angle.pa)
    before = reach(ahead)
    ends = np.array([1.06 * before[-1] * ahead, 1.06 * reach(behind)[-1] * behind])
    # the dot sits on data, and within them
    dot_at = before[np.searchsorted(before, 0.93 * before[-1], side="right") - 1] * ahead
    if np.isfinite(angle.upper - angle.lower):
        arc = _direction(np.linspace(angle.lower, angle.upper, 60))
        for end, sign in zip(ends, (1, -1)):
            wedge = center + np.concatenate([[(0, 0)], sign * np.linalg.norm(end) * arc])
            ax.add_patch(Polygon(wedge, facecolor=INK, alpha=0.25, linewidth=0, gid="interval"))
    ax.plot(*zip(*(center + ends)), color=INK, linewidth=width, solid_capstyle="butt", gid="PA",
            path_effects=_halo(2.2 * width))
    sure = "AMBIGUOUS_SENSE" not in angle.flags
    red = colormaps[CMAP](1.)
    ax.plot(*(center + dot_at), "o", markersize=0.75 * rcParams["font.size"], gid="receding",
            label="receding" if sure else "receding?", color=red if sure else "white",
            markeredgecolor="white" if sure else red, markeredgewidth=0.6 * width)
    legend = ax.legend(loc=_place(corner), fontsize=SMALL * rcParams["font.size"], frameon=False,
                       handletextpad=0., borderpad=0.1, borderaxespad=0.3)
    legend.get_texts()[0].set_path_effects(_halo(2, rcParams["axes.facecolor"]))


def draw_compass(ax, at, half, corner):
    """
    Draw arrows to the North and to the East.

    Parameters
    ----------
    ax : `~matplotlib.axes.Axes`
    at : `~numpy.ndarray`
        The outer corner that it has to keep to (East, North), arcsec.
    half : float
        Half the width of the panel, arcsec.
    corner : array-like
        Signs (East, North) of that corner.
    """
    length, room = 0.17 * half, 0.11 * half
    # the arrows go to +East and +North: start well inside of those edges
    origin = at - np.where(np.array(corner) > 0, length + room, 0)
    for name, direction in (("N", (0, 1)), ("E", (1, 0))):
        tip = origin + length * np.array(direction)
        ax.annotate("", tip, origin, annotation_clip=False, gid=f"arrow {name}", arrowprops={
            "arrowstyle": "-|>", "color": rcParams["text.color"], "shrinkA": 0, "shrinkB": 0,
            "linewidth": rcParams["axes.linewidth"], "mutation_scale": 0.7 * rcParams["font.size"]})
        _text(ax, tip + 0.5 * room * np.array(direction), name, ha="center", va="center")


def draw_psf(ax, field, at, corner):
    """Draw a disc as wide as the PSF (FWHM), if the field knows it, in a corner as above."""
    fwhm = field.meta.get("psf_fwhm")
    if fwhm is None:
        return
    fwhm = u.Quantity(fwhm, u.arcsec).value
    middle = at - np.array(corner) * fwhm / 2
    ax.add_patch(Circle(middle, fwhm / 2, facecolor=(0.5, 0.5, 0.5, 0.3),
                        edgecolor=rcParams["text.color"], linewidth=rcParams["axes.linewidth"],
                        gid="PSF"))
    inch = np.ptp(ax.transData.transform([(0, 0), (0, fwhm)])[:, 1]) / ax.figure.dpi
    if inch * 72 > 2.4 * SMALL * rcParams["font.size"]:
        _text(ax, middle, "PSF", ha="center", va="center")
    else:
        _text(ax, at - np.array(corner) * (1.15 * fwhm, fwhm / 2), "PSF",
              ha="left" if corner[0] > 0 else "right", va="center")


def draw_effective_radius(ax, field):
    """
    Draw the effective radius, if the field knows it.

    It is the major semi-axis of an ellipse where the photometric position angle and the
    ellipticity are known as well, otherwise the radius of a circle.
    """
    reff, pa, ellipticity = (field.meta.get(key)
                             for key in ("reff", "photometric_pa", "ellipticity"))
    if reff is None:
        return
    major = 2 * u.Quantity(reff, u.arcsec).value
    minor, turn = major, 0.
    if pa is not None and ellipticity is not None:
        minor, turn = major * (1 - float(ellipticity)), u.Quantity(pa, u.deg).value
    # by its points, so that the angle runs from North to East whatever the direction of x
    phi = np.linspace(0, 2 * np.pi, 181)[:, None]
    outline = (major / 2 * np.cos(phi) * _direction(turn)
               + minor / 2 * np.sin(phi) * _direction(turn + 90))
    ax.plot(*outline.T, color=INK, linestyle=(0, (4, 2)), linewidth=rcParams["axes.linewidth"],
            path_effects=_halo(2.5 * rcParams["axes.linewidth"]), gid="effective radius")


def _direction(pa):
    """Return the unit vector (East, North) of a position angle in deg, shape (..., 2)."""
    pa = np.radians(pa)
    return np.stack([np.sin(pa), np.cos(pa)], axis=-1)


def _halo(width, color="white"):
    return [withStroke(linewidth=width, foreground=color)]


def _place(corner):
    """Return where a corner (East, North) is in the picture; East is left."""
    return f"{'upper' if corner[1] > 0 else 'lower'} {'left' if corner[0] > 0 else 'right'}"


def _text(ax, at, text, **options):
    # a letter with a halo is drawn as a path; snapped to pixels, an E may lose its stem
    ax.text(*at, text, fontsize=SMALL * rcParams["font.size"], snap=False,
            path_effects=_halo(2, rcParams["axes.facecolor"]), **options)
