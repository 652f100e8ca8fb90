"""What a position angle is: a field with its angle from North through East."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from kinmis.mock import Disc
from kinmis.plotting.style import CMAP

PA, REACH = 60, 12

north, east = np.mgrid[-10:10:301j, -10:10:301j]
disc = Disc(pa=PA, inclination=55, v_max=150, r_turn=2.5)
velocity = disc.velocity(east, north)
angle = np.radians(PA)
along = east * np.sin(angle) + north * np.cos(angle)
across = east * np.cos(angle) - north * np.sin(angle)
velocity[np.hypot(along, across / np.cos(np.radians(55))) > 9] = np.nan

figure = Figure(figsize=(6.4, 4.6), layout="constrained")
axes = figure.add_subplot(xlim=(REACH, -REACH), ylim=(-REACH + 1.5, REACH), aspect="equal")
image = axes.pcolormesh(east[0], north[:, 0], velocity, cmap=CMAP, vmin=-125, vmax=125,
                        rasterized=True)
figure.colorbar(image, ax=axes, label="velocity (km/s)", shrink=0.8)
axes.plot([-9 * np.sin(angle), 10.5 * np.sin(angle)], [-9 * np.cos(angle), 10.5 * np.cos(angle)],
          color="black", linewidth=1.5)
axes.plot(9 * np.sin(angle), 9 * np.cos(angle), "o", color="#b40426", markeredgecolor="white",
          markersize=10)
axes.plot([0, 0], [0, 10.5], color="black", linewidth=1, linestyle="--")
# East is left: on paper the angle opens to the left of the upward direction
axes.add_patch(Arc((0, 0), 11, 11, theta1=90 - PA, theta2=90, linewidth=1.5))
axes.annotate("", xy=(5.5 * np.sin(angle), 5.5 * np.cos(angle)),
              xytext=(5.5 * np.sin(angle - 0.15), 5.5 * np.cos(angle - 0.15)),
              arrowprops={"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0})
axes.text(3.5, 6.2, "PA", ha="center", va="center", fontsize=13, style="italic")
axes.text(0, 10.8, "North", ha="center", va="bottom", fontsize=11)
axes.text(11.6, 0, "East", ha="left", va="center", fontsize=11)
axes.text(9.4, 6.3, "receding side", ha="center", va="bottom", fontsize=11, color="#b40426")
axes.set_axis_off()
