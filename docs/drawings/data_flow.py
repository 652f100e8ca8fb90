"""The way of the data, from a source to a row of a table."""

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

BLUE, GREY, RED = "#3b4cc0", "#555555", "#b40426"

figure = Figure(figsize=(9, 2.9))
axes = figure.add_axes([0, 0, 1, 1], xlim=(0, 90), ylim=(0, 29))
axes.set_axis_off()


def box(x, y, title, text, color, width=14.2, height=8):
    """Draw a box with its lower left corner at (x, y), and words in it."""
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=1",
                                  facecolor="white", edgecolor=color, linewidth=1.5))
    middle = x + width / 2
    axes.text(middle, y + height - 2.6, title, ha="center", va="center", weight="bold",
              fontsize=10, color=color)
    axes.text(middle, y + 2.5, text, ha="center", va="center", fontsize=8, color=GREY)


def arrow(start, end, **options):
    """Draw an arrow between two points."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=GREY,
                                   shrinkA=2, shrinkB=2, **options))


STEPS = (("source", "file, arrays,\nidentifier", GREY),
         ("reader", "one for each\nkind of source", BLUE),
         ("clean", "outliers,\ndetached regions", BLUE),
         ("fit_pa", "position angle\nof each field", BLUE),
         ("misalign", "stars against gas,\ncommon footprint", BLUE))
for number, (title, text, color) in enumerate(STEPS):
    box(1 + 18.4 * number, 18, title, text, color)
    if number:
        arrow((18.4 * number - 3.2, 22), (1 + 18.4 * number, 22))

RESULTS = ((19.4, "VelocityField,\nGalaxy"), (56.2, "PositionAngle"), (74.6, "Misalignment"))
for x, text in RESULTS:
    axes.text(x + 7.1, 14.2, text, ha="center", va="center", fontsize=9, family="monospace")

box(19.4, 1, "plotting", "a picture at each step", RED, width=32.6)
box(56.2, 1, "catalogue", "measure(): a row a galaxy, one QTable", RED, width=32.6)
for x in (26.5, 63.3, 81.7):
    arrow((x, 12.6), (x, 9))
arrow((56.5, 13.2), (47, 9), connectionstyle="arc3,rad=0.05")
