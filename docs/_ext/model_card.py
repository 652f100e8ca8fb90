"""
Tables of the model card, made from what travels with the shipped model.

``.. card-files::``, ``.. card-measures::``, ``.. card-parts:: pair``, ``.. card-confusion::``,
``.. card-heads::``, ``.. card-ablation::``, ``.. card-transfer::``, ``.. card-nonsense::``,
``.. card-repeats::`` and ``.. card-settings::`` show parts of ``model.json`` and ``card.json``;
``:card:`test.ood_rate.pair .1%``` one number of them, so that no number is typed.
"""

from docutils import nodes

from kinmis_docs import TableDirective

from kinmis.classifier.card import read_card

LABELS = {"accuracy": "Accuracy, usable or not", "roc_auc": "ROC AUC",
          "surest_71": "Accuracy on the surest 71%", "surest_50": "Accuracy on the surest 50%",
          "surest_10.8": "Accuracy on the surest 10.8%",
          "three_classes": "Accuracy, three classes", "kappa": "Cohen's kappa, three classes",
          "calibration_error": "Expected calibration error (15 bins)", "log_loss": "Log loss"}


class Files(TableDirective):
    """Files of the model and their checksums."""

    header = ("File", "SHA-256")
    widths = (30, 70)

    def rows(self):
        for name, checksum in read_card()["model"]["sha256"].items():
            yield f"``{name}``", f"``{checksum}``"


class Settings(TableDirective):
    """What the network is and how it was trained."""

    header = ("Setting", "Value")
    widths = (40, 60)

    def rows(self):
        training = read_card()["model"]["training"]
        for name, value in training.items():
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield f"{name}: {key}", _text(inner)
            else:
                yield name, _text(value)


class Measures(TableDirective):
    """The measures on test plates."""

    header = ("Test plates", "With the other component", "Alone")
    widths = (44, 28, 28)

    def rows(self):
        measures = read_card()["test"]["measures"]
        yield "Fields", *(str(measures[case]["fields"]) for case in ("pair", "single"))
        for name, label in LABELS.items():
            yield label, *("{:.3f} ({:.3f} to {:.3f})".format(*measures[case][name])
                           for case in ("pair", "single"))
        for name, label in (("majority", "Accuracy of the commoner answer"),
                            ("calibration_floor", "Calibration error of a perfect classifier")):
            yield label, *(f"{measures[case][name]:.3f}" for case in ("pair", "single"))


class Parts(TableDirective):
    """The measures of parts of the sample: "pair" or "single"."""

    required_arguments = 1
    header = ("Fields", "Number", "Accuracy", "ROC AUC", "Surest 71%", "Three classes",
              "Calibration error")
    widths = (20, 12, 14, 12, 14, 14, 14)

    def rows(self):
        for part, values in read_card()["test"]["parts"][self.arguments[0]].items():
            yield part, values["fields"], *(
                f"{values[name]:.3f}" for name in ("accuracy", "roc_auc", "surest_71",
                                                   "three_classes", "calibration_error"))


class Confusion(TableDirective):
    """Expert against model."""

    header = ("Expert", "Model: 0", "1", "2")
    widths = (25, 25, 25, 25)

    def rows(self):
        for quality, row in enumerate(read_card()["test"]["confusion"]):
            yield quality, *row


class Heads(TableDirective):
    """Average precision of the features."""

    header = ("Feature", "True ones", "Share", "Average precision", "In use")
    widths = (40, 14, 14, 20, 12)

    def rows(self):
        for name, one in read_card()["test"]["heads"].items():
            yield (name.replace("_", " "), one["count"], f"{one['rate']:.3f}",
                   f"{one['precision']:.2f}", "yes" if one["used"] else "no")


class Ablation(TableDirective):
    """What each choice does, on validation plates."""

    header = ("Variant", "ROC AUC, pair", "alone", "Log loss, pair", "alone")
    widths = (44, 14, 14, 14, 14)

    def rows(self):
        for one in read_card()["ablation"]["variants"]:
            yield (one["variant"], *(f"{one[case]['roc_auc']:.4f}" for case in ("pair", "single")),
                   *(f"{one[case]['log_loss']:.4f}" for case in ("pair", "single")))


class Repeats(TableDirective):
    """Agreement with itself of expert and model."""

    header = ("Galaxies observed twice", "Fields", "Expert: usable or not", "Model",
              "Expert: three classes", "Model")
    widths = (30, 10, 18, 12, 18, 12)

    def rows(self):
        for name, one in read_card()["test"]["repeats"].items():
            yield name, one["fields"], *(f"{one[key]:.3f}" for key in (
                "expert_usable", "model_usable", "expert_three", "model_three"))


def card_number(role, rawtext, text, lineno, inliner, options=None, content=None):
    """Show a number of the card: its path, with dots, and how to write it."""
    path, _, how = text.partition(" ")
    value = read_card()
    try:
        for key in path.split("."):
            value = value[int(key) if isinstance(value, list) else key]
    except (KeyError, IndexError, ValueError):
        message = inliner.reporter.error(f"the model card has no {path}", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    return [nodes.Text(format(value, how))], []


class Transfer(TableDirective):
    """Fields seen through the eyes of other surveys."""

    header = ("Seen as", "", "Fields", "Accuracy", "ROC AUC", "Calibration error",
              "Out of distribution")
    widths = (36, 10, 10, 18, 18, 14, 14)

    def rows(self):
        for one in read_card()["transfer"]["cases"]:
            yield (one["case"], one["seen"], one["fields"], f"{one['accuracy']:.3f}",
                   f"{one['roc_auc']:.3f}", f"{one['calibration_error']:.3f}",
                   f"{one['ood_rate']:.1%}")


class Nonsense(TableDirective):
    """What is no velocity field."""

    header = ("Kind", "", "Fields", "Called out of distribution")
    widths = (40, 12, 18, 30)

    def rows(self):
        for one in read_card()["transfer"]["nonsense"]:
            yield one["kind"], one["seen"], one["fields"], f"{one['flagged']:.1%}"


def _text(value):
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def setup(app):
    for name, directive in {"files": Files, "settings": Settings, "measures": Measures,
                            "parts": Parts, "confusion": Confusion, "heads": Heads,
                            "ablation": Ablation, "repeats": Repeats,
                            "transfer": Transfer, "nonsense": Nonsense}.items():
        app.add_directive(f"card-{name}", directive)
    app.add_role("card", card_number)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
