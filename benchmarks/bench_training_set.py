"""
What the fields are like that the classifier was trained on, and which caveats they get.

    python benchmarks/bench_training_set.py

Prints percentiles of what `kinmis.surveys.describe` measures of 10,400 real MaNGA maps, beside the
ranges that are declared in `kinmis.surveys.TRAINING`, and how many of the maps get a caveat.
"""

from collections import Counter

import numpy as np
from real_maps import load_maps

from kinmis.surveys import TRAINING, describe

LEVELS = (0, 1, 5, 50, 95, 99, 100)


def main():
    fields = load_maps()
    rows = [describe(field) for field in fields]
    columns = {name: np.array([np.nan if row[name] is None else row[name] for row in rows])
               for name in rows[0]}
    columns["spaxels"] = columns["extent"] / columns["spaxel"]
    columns["resolution"] = columns["extent"] / 2.54
    columns["grid"] = np.array([max(field.shape) for field in fields], float)
    columns["valid"] = np.array([field.n_valid for field in fields], float)
    print(f"{len(fields)} maps of {len({field.id for field in fields})} galaxies; percentiles")
    print(f"{'':10s} " + " ".join(f"{level:8d}" for level in LEVELS) + "   declared")
    for name, values in columns.items():
        declared = TRAINING.get(name)
        print(f"{name:10s} " + " ".join(f"{value:8.4g}" for value in np.nanpercentile(
            values, LEVELS))
            + (f"   {declared.low:g} to {declared.high:g} {declared.unit}" if declared else ""))
    # the maps are clean, and say neither PSF nor redshift
    known = {"cleaning", "psf"}
    names = Counter(caveat.name for field in fields for caveat in field.caveats()
                    if caveat.name not in known)
    told = sum(any(caveat.name not in known for caveat in field.caveats()) for field in fields)
    print(f"\nmaps with a caveat, apart from {' and '.join(sorted(known))}: {told} "
          f"({100 * told / len(fields):.1f}%)")
    for name, count in names.most_common():
        print(f"  {name:12s} {count:5d} ({100 * count / len(fields):.1f}%)")


if __name__ == "__main__":
    main()
