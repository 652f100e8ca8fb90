"""
Tables and numbers that scripts of the folder ``benchmarks`` measured.

The scripts write them to JSON files in ``docs/measured``, with the date. ``.. measured:: NAME``
shows one of the tables below; ``.. measured-output:: FILE`` what a script printed;
``:measured:`science.misaligned.both_clean.area.percent .1f``` one number, so that none is typed.
"""

import json
from pathlib import Path

from docutils import nodes
from kinmis_docs import TableDirective
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[1] / "measured"


def read(name):
    """Return what is in a file of measurements; some are made of others."""
    if name in MADE:
        return MADE[name]()
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def eyes():
    """Return what the classifier makes of fields (pairs) as other surveys would have seen them."""
    from kinmis.classifier.card import read_card
    seen = {one["eye"]: dict(one) for one in read_card()["transfer"]["cases"]
            if one["seen"] == "pair"}
    for one in seen.values():
        one["lost"] = 100 * (seen["plain"]["accuracy"] - one["accuracy"])
        one["lost_auc"] = seen["plain"]["roc_auc"] - one["roc_auc"]
    return seen


def rate_of_a_core(catalogue, what):
    """Return galaxies a second of a worker where each has one core: all cores were at work."""
    most = catalogue["throughput"][-1]
    return most[what] / most["workers"]


def limits():
    """Return what a hundred workers ask of the file system, and how many keep the parent busy."""
    catalogue, million = read("catalogue"), read("million")
    rate = rate_of_a_core(catalogue, "measure")
    return {"read_MB_s": rate * catalogue["read_MB"], "read_GB_s": rate * catalogue["read_MB"] / 10,
            "workers": 1e3 / million["add_ms"] * million["chunk"] / rate}


MADE = {"eyes": eyes, "limits": limits}


def degrees(value):
    """Return an angle with as many digits as mean something."""
    if value != value:
        return ""
    return f"{value:.2f}" if abs(value) < 0.995 else f"{value:.1f}" if abs(value) < 9.95 \
        else f"{value:.0f}"


def share(value):
    return f"{value['percent']:.1f} ± {value['error']:.1f}% ({value['number']} of {value['of']})"


def pa_mocks():
    yield ("What differs", "How", "Shift", "Scatter", "Truths in 68%", "in 95%", "Found",
           "Wrong side")
    group = None
    for row in read("pa_transfer")["mocks"]:
        yield (row["group"] if row["group"] != group else "", row["case"], degrees(row["shift"]),
               degrees(row["half_68"]), f"{row['inside_68']:.2f}", f"{row['inside_95']:.2f}",
               f"{row['found']:.0%}", f"{row['flipped']:.0%}")
        group = row["group"]


def pa_real():
    judged = read("eyes")
    plain = judged["plain"]
    yield ("Seen as", "PA: shift", "50%", "90%", "Wrong side", "Kept", "Error, times",
           "Inside the errors", "Classes: accuracy", "ROC AUC", "Out of distribution")
    yield ("As it was", *[""] * 7, f"{plain['accuracy']:.3f}", f"{plain['roc_auc']:.3f}",
           f"{plain['ood_rate']:.1%}")
    for row in read("pa_transfer")["real"]:
        one = judged[row["eye"]]
        yield (row["what"].rstrip("."), degrees(row["shift"]), degrees(row["half"]),
               degrees(row["most"]), f"{row['flipped']:.1%}", f"{row['kept']:.0%}",
               f"{row['error_ratio']:.2f}", f"{row['inside']:.2f}",
               f"{-one['lost'] / 100:+.3f}", f"{-one['lost_auc']:+.3f}",
               f"{one['ood_rate']:.1%}")


def misaligned():
    yield ("Pairs", "Galaxies", "Published angles", 'kinmis, ``weights="area"``',
           'kinmis, ``weights="bins"``', "Mean probability", "Undecided")
    for row in read("science")["misaligned"]:
        yield (row["pairs"], row["galaxies"], share(row["published"]), share(row["area"]),
               share(row["bins"]), f"{row['expected']['percent']:.1f}%",
               f"{row['expected']['undecided']:.0f}%")


def counter_rotating():
    yield ("Pairs", "Published angles", 'kinmis, ``weights="area"``',
           'kinmis, ``weights="bins"``')
    for row in read("science")["misaligned"]:
        yield (row["pairs"], *(share(row[f"{name}_counter"])
                               for name in ("published", "area", "bins")))


def published():
    yield ("Survey", "Sample", "Galaxies", "Misaligned", "Source")
    for row in read("science")["published"]:
        error = f" ± {row['error']:g}" if row["error"] else ""
        yield (row["survey"], row["sample"], row["galaxies"] or "",
               f"{row['percent']:g}{error}%", row["source"])


def agreement():
    yield ("Expert", "Component", "Fields", 'Median, ``"area"``', "90%", "Found", "Wrong side",
           'Median, ``"bins"``', "90%", "Found")
    rows = read("science")["agreement"]
    half = len(rows) // 2
    for area, bins in zip(rows[:half], rows[half:]):
        yield (area["quality"], area["component"], area["fields"], degrees(area["half"]),
               degrees(area["most"]), f"{area['found']:.1%}", f"{area['flipped']:.2%}",
               degrees(bins["half"]), degrees(bins["most"]), f"{bins['found']:.1%}")


def bundles():
    yield ("Fibres", "Galaxies", "Stars not usable", "Gas not usable",
           "Misaligned, of usable pairs")
    for row in read("science")["bundles"]:
        yield (row["fibres"], row["galaxies"], f"{row['unusable_stars']:.0f}%",
               f"{row['unusable_gas']:.0f}%", share(row["misaligned"]))


def by_classifier():
    yield ("Pairs of test plates", "Galaxies", "Misaligned by more than 30 deg")
    for row in read("science")["classifier"]["rows"]:
        yield row["pairs"], row["galaxies"], share(row["misaligned"])


def network():
    from kinmis.classifier.card import read_card
    yield "Usable or not", "Published network", "kinmis, plates it never saw", "Each field alone"
    measures = read_card()["test"]["measures"]
    for name, label, before in (
            ("accuracy", "Accuracy", "0.894"), ("roc_auc", "Area under the ROC curve", "0.944"),
            ("surest_71", "Accuracy on the surest 71%", "0.945"),
            ("surest_50", "Accuracy on the surest 50%", "0.969"),
            ("surest_10.8", "Accuracy on the surest 10.8%", "0.996"),
            ("three_classes", "Accuracy, three classes", "not given")):
        yield (label, before, *("{:.3f} ({:.3f} to {:.3f})".format(*measures[case][name])
                                for case in ("pair", "single")))


def million():
    catalogue, million = read("catalogue"), read("million")
    count = million["galaxies"]
    yield f"{count:,} galaxies", "Time", "Memory", "Disk"
    for workers in (2, 16, 100):
        for key, text in (("measure", "Measuring"),
                          ("measure_and_classify", "Measuring and classifying")):
            hours = count / rate_of_a_core(catalogue, key) / workers / 3600
            worker = max(row["worker"] for row in catalogue["memory"]
                         if row["classify"] == (key != "measure"))
            yield (f"{text}, {workers} workers of a core each",
                   f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min",
                   f"{worker * workers / 1e3:.1f} GB", "")
    yield ("The shards", "", "",
           f"{million['shards_MB'] / 1e3:.1f} GB in {million['shards']:,} files")
    yield ("Putting the table together", f"{million['go_on']['seconds'] / 60:.1f} min",
           f"{million['go_on']['MB'] / 1e3:.1f} GB", f"{million['table_MB'] / 1e3:.1f} GB more")


TABLES = {function.__name__.replace("_", "-"): function for function in (
    pa_mocks, pa_real, misaligned, counter_rotating, published, agreement, bundles,
    by_classifier, network, million)}


class Measured(TableDirective):
    """A table of measurements, by its name in `TABLES`."""

    required_arguments = 1

    def run(self):
        if self.arguments[0] not in TABLES:
            raise self.error(f"measured tables are {', '.join(TABLES)}, not {self.arguments[0]!r}")
        self.header, *self.lines = TABLES[self.arguments[0]]()
        longest = [max(len(str(row[column])) for row in (self.header, *self.lines))
                   for column in range(len(self.header))]
        self.widths = [min(max(length, 6), 40) for length in longest]
        return super().run()

    def rows(self):
        yield from self.lines


class Output(SphinxDirective):
    """What a script printed: the entry "output" of a file of measurements."""

    required_arguments = 1

    def run(self):
        text = read(self.arguments[0])["output"]
        return [nodes.literal_block(text, text, language="console")]


def number(kind, rawtext, text, lineno, inliner, options=None, content=None):
    """Show a number of a file of measurements: file and path with dots, and how to write it."""
    path, _, how = text.partition(" ")
    name, *keys = path.split(".")
    try:
        value = read(name)
        for key in keys:
            value = (value[key] if isinstance(value, dict) else value[int(key)] if key.isdecimal()
                     else row_of(value, key))
    except (KeyError, ValueError, FileNotFoundError):
        message = inliner.reporter.error(f"nothing measured is called {path}", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    return [nodes.Text(format(value, how))], []


def row_of(rows, key):
    """Return the row that has a text, in which ``_`` may stand for a space."""
    found = [row for row in rows if any(
        isinstance(text, str) and text.replace(" ", "_") == key for text in row.values())]
    if len(found) != 1:
        raise KeyError(key)
    return found[0]


def setup(app):
    app.add_directive("measured", Measured)
    app.add_directive("measured-output", Output)
    app.add_role("measured", number)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
