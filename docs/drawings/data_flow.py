"""The way of the data, from a source to a row of a table."""

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

BLUE, GREY, RED = "#3b4cc0", "#555555", "#b40426"
WIDTH, HEIGHT = 15.5, 8

figure = Figure(figsize=(9, 3.5))
axes = figure.add_axes([0, 0, 1, 1], xlim=(0, 100), ylim=(0, 38.9))
axes.set_axis_off()


def box(x, y, title, text, color, width=WIDTH):
    """Draw a box with its lower left corner at (x, y), and words in it."""
    axes.add_patch(FancyBboxPatch((x, y), width, HEIGHT, boxstyle="round,pad=0,rounding_size=1",
                                  facecolor="white", edgecolor=color, linewidth=1.5))
    middle = x + width / 2
    axes.text(middle, y + HEIGHT - 2.3, title, ha="center", va="center", weight="bold",
              fontsize=10, color=color)
    axes.text(middle, y + 2.7, text, ha="center", va="center", fontsize=8, color=GREY)


def arrow(start, end):
    """Draw an arrow between two points."""
    axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=GREY,
                                   shrinkA=2, shrinkB=2))


def made(x, y, text):
    """Write what a step makes."""
    axes.text(x, y, text, ha="center", va="center", fontsize=8.5, family="monospace")


HIGH, MIDDLE, LOW = 29, 21, 13
box(1, MIDDLE, "source", "file, arrays,\nidentifier", GREY)
box(21.5, MIDDLE, "reader", "one for each\nkind of source", BLUE)
box(42, MIDDLE, "clean", "outliers,\ndetached regions", BLUE)
box(62.5, HIGH, "fit_pa", "position angle\nof each field", BLUE)
box(62.5, LOW, "classify", "quality 0, 1, 2;\nlike training?", BLUE)
box(83, HIGH, "misalign", "stars against gas", BLUE)
box(83, LOW, "measure", "a row a galaxy", RED)
box(21.5, 1, "plotting", "a picture at each step", RED, width=36)

center = MIDDLE + HEIGHT / 2
arrow((16.5, center), (21.5, center))
arrow((37, center), (42, center))
arrow((57.5, center + 1.5), (62.5, HIGH + HEIGHT / 2))
arrow((57.5, center - 1.5), (62.5, LOW + HEIGHT / 2))
arrow((78, HIGH + HEIGHT / 2), (83, HIGH + HEIGHT / 2))
arrow((78, LOW + HEIGHT / 2), (83, LOW + HEIGHT / 2))
arrow((90.75, 25.6), (90.75, LOW + HEIGHT))

made(39.5, 18.9, "VelocityField, Galaxy")
made(70.25, 27.2, "PositionAngle")
made(70.25, 11.2, "Classification")
made(90.75, 27.2, "Misalignment")
made(90.75, 11.2, "QTable")
arrow((39.5, 17.4), (39.5, 9))
