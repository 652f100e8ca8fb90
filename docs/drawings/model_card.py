"""Calibration curve and risk-coverage curve of the shipped classifier on test plates."""

from matplotlib.figure import Figure

from kinmis.classifier.card import read_card

test = read_card()["test"]
figure = Figure(figsize=(7.2, 3.1), layout="constrained")
left, right = figure.subplots(1, 2)

left.plot([0, 1], [0, 1], color="0.6", lw=1)
said = [one["said"] for one in test["calibration"]]
true = [one["true"] for one in test["calibration"]]
number = [one["fields"] for one in test["calibration"]]
error = [(t * (1 - t) / n) ** 0.5 for t, n in zip(true, number)]
left.errorbar(said, true, error, fmt="o", ms=4, color="#0b5d8a", lw=1)
left.set(xlabel="probability of usable", ylabel="fraction that the expert calls usable",
         xlim=(0, 1), ylim=(0, 1), aspect="equal", title="calibration")

right.plot([one["coverage"] for one in test["risk_coverage"]],
           [one["accuracy"] for one in test["risk_coverage"]], "o-", ms=3, color="#0b5d8a")
right.set(xlabel="fraction of the fields, the surest first", ylabel="accuracy",
          title="accuracy against coverage")
right.grid(color="0.9")
