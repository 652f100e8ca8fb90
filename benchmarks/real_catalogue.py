"""
Measure 10,400 real maps as a catalogue, report on it, and compare it with the published one.

    python benchmarks/real_catalogue.py OUT [--workers 2] [--weights area] [--first 5200]
                                        [--no-classification]

OUT becomes the folder of the catalogue, with report.html, differences.ecsv and differences.png.
Run it again and it goes on where it was. The maps are found as `real_maps` says.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from astropy.table import QTable
from real_maps import load_labels, load_maps, load_repeats

from kinmis import Galaxy
from kinmis.catalogue import (clean_pairs, compare, join_repeats, measure_into, misaligned,
                              read_table, usable_pairs, write_table)
from kinmis.catalogue.summary import summary
from kinmis.report import write_report


def published_table(names):
    """Return the published angles and qualities as a table with the names of ours."""
    labels = load_labels()
    columns = {"id": names}
    for component in ("stellar", "gas"):
        found = [labels[name, component] for name in names]
        angle = np.array([value for value, _ in found])
        columns[f"{component}_pa"] = np.where(np.isfinite(angle), angle, np.nan)
        columns[f"{component}_quality"] = np.ma.masked_less([q for _, q in found], 0)
    return QTable(columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--weights", choices=("bins", "area"), default="area",
                        help="the published angles weigh spaxels alike: area")
    parser.add_argument("--first", type=int, help="only so many galaxies")
    parser.add_argument("--no-classification", dest="classify", action="store_false",
                        default="auto")
    arguments = parser.parse_args()
    maps = load_maps()
    galaxies = [Galaxy(stellar=stars, gas=gas, id=stars.id)
                for stars, gas in zip(maps[::2], maps[1::2])][:arguments.first]
    by_name = {galaxy.id: galaxy for galaxy in galaxies}
    start = time.perf_counter()
    # the maps are in memory here, and go to the workers with their chunk
    folder = measure_into(galaxies, arguments.out, weights=arguments.weights,
                          classify=arguments.classify, progress=True, executor=arguments.workers)
    seconds = time.perf_counter() - start
    table = read_table(folder.table)
    print("\n".join(summary(table, seconds)))
    if not table["stellar_quality"].mask.all():
        for name, rows in (("usable pairs", usable_pairs(table)),
                           ("clean pairs", clean_pairs(table))):
            share = len(misaligned(rows)) / max(len(rows), 1)
            print(f"{name}: {len(rows)}, {share:.1%} misaligned by more than 30 deg")
    print(f"{len(join_repeats(table, load_repeats()))} pairs of observations of one galaxy")
    comparison = compare(published_table(list(by_name)), table)
    print("published (old) and kinmis (new), fields of every quality:",
          *comparison.summary(), sep="\n  ")
    good = comparison.table["stellar_quality_old"] == 2, comparison.table["gas_quality_old"] == 2
    for component, chosen in zip(("stellar", "gas"), good):
        difference = comparison.table[f"{component}_pa_difference"][chosen.filled(False)]
        difference = np.abs(difference.filled(np.nan).value)
        half, most = np.nanpercentile(difference, [50, 90])
        print(f"  {component}, published as clean: median {half:.2f} deg, 90% {most:.2f} deg")
    write_table(comparison.table, arguments.out / "differences.ecsv", overwrite=True)
    comparison.plot().savefig(arguments.out / "differences.png")
    print(write_report(arguments.out, galaxies=lambda row: by_name[str(row["id"])]))


if __name__ == "__main__":
    main()
