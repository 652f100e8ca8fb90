"""The radial functions of the model, and a rotation curve made of them."""

import numpy as np
from matplotlib.figure import Figure

from kinmis.position_angle.basis import NODES, K, columns

radius = np.linspace(0, 1, 401)
# towards North the cosine of m = 1 is one, so that these columns are the functions
hats = columns(np.zeros(401), radius, 1.)[1:1 + K]
amplitudes = np.arctan(np.array(NODES) * 8) * 100

figure = Figure(figsize=(7, 2.6), layout="constrained")
left, right = figure.subplots(1, 2)
for number, hat in enumerate(hats, 1):
    left.plot(radius, hat, label=f"$B_{number}$")
left.set(xlabel="radius / R", ylabel="radial function", ylim=(0, 1.25))
left.legend(ncols=4, frameon=False, loc="upper center", handlelength=1, columnspacing=1)
right.plot(radius, np.arctan(8 * radius) * 100, color="0.6", label="arctan curve")
right.plot(radius, amplitudes @ hats, color="black", label="sum of the four")
right.plot(NODES, amplitudes, "o", color="black", markersize=4)
right.set(xlabel="radius / R", ylabel="rotation (km/s)", ylim=(0, None))
right.legend(frameon=False, loc="lower right")
for axes in (left, right):
    axes.set_xlim(0, 1)
    axes.spines[["top", "right"]].set_visible(False)
