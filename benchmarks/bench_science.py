"""
Misaligned galaxies among the real maps, by quality, beside published fractions.

    python benchmarks/bench_science.py [--no-classification] [--classifier-only]
                                       [--out docs/measured/science.json]

Measures all 10,400 labelled maps of MaNGA with both weightings and prints, for pairs of a given
quality (by the expert's labels, and by the classifier on its test plates), the fraction with a
misalignment above 30 deg from the published angles and from those of kinmis, the expected fraction
from the probabilities, the agreement of the angles, and what depends on the size of the bundle.
The maps are found as `real_maps` says. After a new model ``--classifier-only`` renews its table.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path

import numpy as np
from real_maps import QUALITY, load_labels, load_maps, load_repeats

from kinmis import Galaxy, fit_pa, misalign
from kinmis.position_angle.circular import angle_difference

OUT = Path(__file__).parents[1] / "docs" / "measured" / "science.json"
THRESHOLD, COUNTER = 30.0, 150.0

#: Survey, sample, number of galaxies, percentage and its error, source.
PUBLISHED = (
    ("MaNGA", "ellipticals", 301, 28.0, 3.0, "Duckworth et al. 2020, arXiv:1910.10744"),
    ("MaNGA", "S0", 677, 10.0, 1.0, "Duckworth et al. 2020, arXiv:1910.10744"),
    ("MaNGA", "pure late types", 1634, 5.4, 0.6, "Duckworth et al. 2020, arXiv:1910.10744"),
    ("SAMI", "all types", None, 11.0, None, "Khim et al. 2020, arXiv:1911.06825"),
    ("ATLAS3D", "fast-rotating early types", None, 36.0, 5.0, "Davis et al. 2011, arXiv:1107.0002"),
)


def fraction(apart, limit=THRESHOLD):
    """Return the number of galaxies that are apart by more, of how many, and the error."""
    apart = apart[np.isfinite(apart)]
    number, of = int(np.sum(apart > limit)), len(apart)
    share = number / of if of else np.nan
    return {"number": number, "of": of, "percent": 100 * share,
            "error": 100 * float(np.sqrt(share * (1 - share) / of)) if of else np.nan}


def said(value):
    return f"{value['percent']:5.1f} +- {value['error']:3.1f}% ({value['number']} of {value['of']})"


def angles(fields):
    """Return fits of all fields, stars and gas in turn, for both weightings."""
    return {weights: fit_pa(fields, weights=weights) for weights in ("area", "bins")}


def pa_of(results):
    return np.array([result.values["pa"] for result in results])


def expected(results, stars):
    """Return the expected percentage of misaligned galaxies, from their probabilities."""
    sure = []
    for index in stars:
        pair = results[index], results[index + 1]
        if pair[0].ok and pair[1].ok:
            sure.append(misalign(*pair).probability)
    sure = np.array(sure)
    return {"of": len(sure), "percent": 100 * float(sure.mean()),
            "undecided": 100 * float(np.mean((sure > 0.05) & (sure < 0.95)))}


def groups(quality):
    """Return the first fields of pairs of a quality: both fields at least so good."""
    stars = np.arange(0, len(quality), 2)
    low = np.minimum(quality[stars], quality[stars + 1])
    return {"both clean": stars[low == 2], "one or both messy": stars[low == 1],
            "usable (both of these)": stars[low >= 1],
            "one or both not to be used": stars[low == 0]}


def misaligned(fits, published, quality):
    """Print and return the fractions of misaligned galaxies by quality."""
    rows = []
    for name, stars in groups(quality).items():
        row = {"pairs": name, "galaxies": len(stars)}
        for label, angle in (("published", published), ("area", pa_of(fits["area"])),
                             ("bins", pa_of(fits["bins"]))):
            apart = np.abs(angle_difference(angle[stars], angle[stars + 1]))
            row[label] = fraction(apart)
            row[f"{label}_counter"] = fraction(apart, COUNTER)
        row["expected"] = expected(fits["bins"], stars)
        rows.append(row)
        print(f"{name:28s} {len(stars):5d}: published {said(row['published'])}, area "
              f"{said(row['area'])}, bins {said(row['bins'])}, expected "
              f"{row['expected']['percent']:.1f}%, counter-rotating {said(row['bins_counter'])}")
    return rows


def agreement(fits, published, quality, component):
    """Print and return how far the angles are from the published ones; none counts as 180."""
    rows = []
    for weights in ("area", "bins"):
        difference = np.abs(angle_difference(pa_of(fits[weights]), published))
        for level in (2, 1, 0):
            for part in ("stellar", "gas"):
                chosen = difference[(quality == level) & (component == part)]
                found = np.isfinite(chosen)
                missed_counts = np.where(found, chosen, 180.0)
                rows.append({
                    "weights": weights, "quality": QUALITY[level], "component": part,
                    "fields": len(chosen), "found": float(found.mean()),
                    "half": float(np.percentile(missed_counts, 50)),
                    "most": float(np.percentile(missed_counts, 90)),
                    "flipped": float(np.mean(chosen[found] > 90))})
                print("{weights:5s} {quality:11s} {component:8s} {fields:5d} {found:7.4f} "
                      "{half:7.2f} {most:7.2f} {flipped:7.4f}".format(**rows[-1]))
    return rows


def histograms(fits, quality):
    """Return the misalignments of each group in steps of 10 deg."""
    pa, found = pa_of(fits["bins"]), {}
    for name, stars in groups(quality).items():
        apart = np.abs(angle_difference(pa[stars], pa[stars + 1]))
        found[name] = np.histogram(apart[np.isfinite(apart)],
                                   bins=np.arange(0, 181, 10))[0].tolist()
    return found


def by_bundle(names, fits, quality):
    """Print and return what depends on the number of fibres."""
    fibres = np.array([int(name.split("-")[1][:-2]) for name in names[::2]])
    stars, rows, pa = np.arange(0, len(names), 2), [], pa_of(fits["bins"])
    for number in np.unique(fibres):
        chosen = stars[fibres == number]
        use = chosen[np.minimum(quality[chosen], quality[chosen + 1]) >= 1]
        rows.append({
            "fibres": int(number), "galaxies": len(chosen),
            "unusable_stars": 100 * float(np.mean(quality[chosen] == 0)),
            "unusable_gas": 100 * float(np.mean(quality[chosen + 1] == 0)),
            "misaligned": fraction(np.abs(angle_difference(pa[use], pa[use + 1])))})
        print("{fibres:4d} fibres {galaxies:5d}: unusable stars {unusable_stars:.1f}%, gas "
              "{unusable_gas:.1f}%, misaligned ".format(**rows[-1]) + said(rows[-1]["misaligned"]))
    return rows


def by_classifier(fields, quality):
    """Print and return the fractions on the classifier's test plates, by its own answers."""
    from kinmis import classify
    from kinmis.classifier.model import load_model
    from kinmis.classifier.split import plate_groups, split_of
    names = [field.id for field in fields[::2]]
    test = np.flatnonzero(split_of(plate_groups(names, load_repeats())) == "test")
    # the maps are clean, which they do not say
    results = classify([Galaxy(stellar=fields[2 * i], gas=fields[2 * i + 1]) for i in test],
                       clean=False)
    usable = np.array([min(one.stellar.usable, one.gas.usable) for one in results])
    pa = pa_of(fit_pa([fields[k] for i in test for k in (2 * i, 2 * i + 1)]))
    apart = np.abs(angle_difference(pa[::2], pa[1::2]))
    expert = np.minimum(quality[2 * test], quality[2 * test + 1])
    rows = []
    for label, chosen in (("usable, by the expert", expert >= 1),
                          ("usable, by the classifier (P > 0.5)", usable > 0.5),
                          ("surely usable, by the classifier (P > 0.9)", usable > 0.9),
                          ("the classifier doubts (0.1 to 0.9)", (usable > 0.1) & (usable < 0.9)),
                          ("not usable, by the classifier (P < 0.5)", usable < 0.5)):
        rows.append({"pairs": label, "galaxies": int(chosen.sum()),
                     "misaligned": fraction(apart[chosen])})
        print(f"{label:44s} {said(rows[-1]['misaligned'])}")
    return {"model": load_model().id, "rows": rows}


def measure_all(fields, published, quality):
    """Print and return all that does not depend on the classifier."""
    names = [field.id for field in fields]
    component = np.array([field.component for field in fields])
    fits = angles(fields)
    types = [row for row in PUBLISHED if row[0] == "MaNGA"]
    told = {"date": date.today().isoformat(), "script": "bench_science.py",
            "galaxies": len(fields) // 2, "threshold": THRESHOLD, "counter": COUNTER,
            "published": [dict(zip(("survey", "sample", "galaxies", "percent", "error", "source"),
                                   row)) for row in PUBLISHED],
            "types_together": sum(row[2] * row[3] for row in types) / sum(row[2] for row in types)}
    print(f"published, the three types together: {told['types_together']:.1f}%")
    told["misaligned"] = misaligned(fits, published, quality)
    told["agreement"] = agreement(fits, published, quality, component)
    told["histograms"] = histograms(fits, quality)
    told["bundles"] = by_bundle(names, fits, quality)
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--no-classification", dest="classify", action="store_false")
    parser.add_argument("--classifier-only", action="store_true",
                        help="renew the table of the classifier in a file that is there")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file to write")
    arguments = parser.parse_args()
    start = time.perf_counter()
    fields, labels = load_maps(), load_labels()
    published, quality = np.array([labels[field.id, field.component] for field in fields]).T
    if arguments.classifier_only:
        told = json.loads(arguments.out.read_text(encoding="utf-8"))
    else:
        told = measure_all(fields, published, quality)
    if arguments.classify:
        told["classifier"] = {"date": date.today().isoformat(), **by_classifier(fields, quality)}
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{arguments.out} ({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
