"""Histograms of the misalignment of real pairs, by the quality that an expert gave them."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

# "__file__" is set by runpy too
told = json.loads((Path(__file__).parents[1] / "measured" / "science.json").read_text())
COLORS = {"both clean": "#3b4cc0", "one or both messy": "#8d8d8d",
          "one or both not to be used": "#b40426"}

figure = Figure(figsize=(7.2, 3), layout="constrained")
axes = figure.add_subplot(xlabel="misalignment (deg)", ylabel="fraction of pairs per 10 deg",
                          xlim=(0, 180), yscale="log", xticks=np.arange(0, 181, 30))
for name, color in COLORS.items():
    number = np.array(told["histograms"][name])
    axes.stairs(number / number.sum(), np.arange(0, 181, 10), color=color, linewidth=1.8,
                label=f"{name} ({number.sum()})")
axes.axvline(told["threshold"], color="black", linewidth=0.8, linestyle="--")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
