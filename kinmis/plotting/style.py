"""How pictures look, and the figure that they are drawn in."""

from io import BytesIO
from os import PathLike

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

# Of matplotlib's diverging maps that run from blue (approaching) to red (receding), this one is
# the most even and symmetric: perceived steps alike to 1% (RdBu_r 24%), equal lightness of both
# sides to 0.3 (RdBu_r 4, berlin 10), and +v told from -v by a colour difference of 65 or more
# at half the limit for protan and deutan readers (RdBu_r 48, berlin 47); CIELAB, with the
# colour-vision model of Machado et al. 2009. Its middle, a light grey, stands out from paper.
CMAP = "coolwarm"

# Where there is no velocity: lighter than the middle of the colour map, hatched, so that it is
# not taken for v_sys
NO_DATA = {"facecolor": "0.97", "edgecolor": "0.80", "hatch": "/" * 6}

# Size of the small print, of the font size
SMALL = 0.85

# No TeX: identifiers hold underscores. No automatic layout: panels are placed.
BASE = {"text.usetex": False, "axes.grid": False, "hatch.linewidth": 0.4,
        "figure.constrained_layout.use": False, "figure.autolayout": False}
STYLES = {
    "screen": {"font.size": 10, "axes.linewidth": 0.8},
    "paper": {"font.size": 8, "axes.linewidth": 0.6, "figure.dpi": 300},
}
for _style in STYLES.values():
    _style.update({
        "axes.labelsize": "medium", "xtick.labelsize": "small", "ytick.labelsize": "small",
        "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True,
        "ytick.right": True, "xtick.major.width": _style["axes.linewidth"],
        "ytick.major.width": _style["axes.linewidth"], "text.color": "black",
        "axes.labelcolor": "black", "axes.edgecolor": "black", "xtick.color": "black",
        "ytick.color": "black", "axes.facecolor": "white", "figure.facecolor": "white",
        "savefig.facecolor": "auto",
    })
# Width in inches by number of panels in a row; on paper one or two columns of a journal
WIDTHS = {"screen": (4.8, 9.2, 12.0), "paper": (3.35, 7.0, 7.0)}


class Picture(Figure):
    """
    A figure that pyplot does not manage.

    So nothing leaks where thousands are drawn, and a notebook shows it once, not twice.
    """

    def _repr_png_(self):
        buffer = BytesIO()
        self.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()

    def savefig(self, fname, **options):
        """
        Save the picture, see `matplotlib.figure.Figure.savefig`.

        Fonts go into a PDF as TrueType, which journals want; what is too heavy for lines goes
        in as an image that is fine enough to print.
        """
        if str(options.get("format") or fname).endswith(("pdf", "svg", "eps")):
            options.setdefault("dpi", 300)
        # The pages of a PdfPages must all be as its settings are when it is closed.
        ours = isinstance(fname, (str, PathLike)) or hasattr(fname, "write")
        with rc_context({"pdf.fonttype": 42, "ps.fonttype": 42} if ours else {}):
            super().savefig(fname, **options)


def style_context(style):
    """
    Return a context in which the style is set, and after which the user's settings are back.

    Parameters
    ----------
    style : {"screen", "paper"} or None
        None leaves the looks to the user's own settings.
    """
    if style is not None and style not in STYLES:
        raise ValueError(f"style must be one of {tuple(STYLES)}, not {style!r}")
    return rc_context({**BASE, **STYLES.get(style, {})})


def width_of(text, size, weight="normal"):
    """Return the width of a line of text in points."""
    if not text:
        return 0.
    font = FontProperties(size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath="$" in text)[0]


def height_of(n_lines):
    """Return the height of lines of small print, in font sizes of the large."""
    return SMALL * (0.3 + 1.15 * n_lines) if n_lines else 0.
