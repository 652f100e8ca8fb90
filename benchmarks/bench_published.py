"""
Position angles of 10,400 real MaNGA maps, beside the published ones.

    python benchmarks/bench_published.py

Prints, for both weightings, the agreement with the catalogue of Duckworth et al. 2020, the
scatter between two observations of one galaxy with its bootstrap interval, the distribution of
that scatter over the quoted errors, and the fraction of misaligned galaxies. A field without
an angle counts as a difference of 180 deg.
"""

import time

import numpy as np
from real_maps import QUALITY, load_labels, load_maps, load_repeats

from kinmis import fit_pa
from kinmis.position_angle.circular import angle_difference

LEVELS = (50, 68, 90)


def agreement(pa, published, quality, component):
    """Print the agreement with the published angles."""
    difference = np.abs(angle_difference(pa, published))
    print(f"{'quality':12s} {'component':9s} {'fields':>6s} {'found':>7s} {'median':>7s} "
          f"{'90%':>7s} {'found 90%':>9s} {'flipped':>8s}")
    for level in (2, 1, 0):
        for name in ("stellar", "gas", "both"):
            chosen = (quality == level) & ((component == name) | (name == "both"))
            found = np.isfinite(difference[chosen])
            missed_counts = np.where(found, difference[chosen], 180.)
            median, high = np.percentile(missed_counts, (50, 90))
            print(f"{QUALITY[level]:12s} {name:9s} {chosen.sum():6d} {found.mean():7.4f} "
                  f"{median:7.2f} {high:7.2f} "
                  f"{np.percentile(difference[chosen][found], 90):9.2f} "
                  f"{np.mean(difference[chosen][found] > 90):8.4f}")


def repeatability(pa, error, published, pairs, label):
    """Print how far two observations of one galaxy differ, with bootstrap intervals."""
    first, second = np.array(pairs).T
    rng = np.random.default_rng(0)
    again = rng.integers(0, len(pairs), (2000, len(pairs)))
    for name, angle in (("kinmis", pa), ("published", published)):
        difference = np.abs(angle_difference(angle[first], angle[second]))
        difference = np.where(np.isfinite(difference), difference, 180.)
        values = np.percentile(difference, LEVELS)
        bounds = np.percentile(np.percentile(difference[again], LEVELS, axis=1), (16, 84), axis=1)
        print(f"  {label}, {len(pairs)} fields, {name:9s}: " + ", ".join(
            f"{level}% {value:.2f} ({low:.2f} to {high:.2f})"
            for level, value, low, high in zip(LEVELS, values, *bounds)))
    pull = angle_difference(pa[first], pa[second]) / np.hypot(error[first], error[second])
    pull = np.abs(pull[np.isfinite(pull)])
    widths = np.median(pull[rng.integers(0, len(pull), (2000, len(pull)))], axis=1) / 0.6745
    print(f"  {label}: difference over combined error has a robust width of "
          f"{np.median(pull) / 0.6745:.2f} ({np.percentile(widths, 16):.2f} to "
          f"{np.percentile(widths, 84):.2f}); inside 1 sigma {np.mean(pull < 1):.2f}, "
          f"inside 2 sigma {np.mean(pull < 2):.2f}")


def main():
    fields, labels = load_maps(), load_labels()
    component = np.array([field.component for field in fields])
    published, quality = np.array([labels[field.id, field.component] for field in fields]).T
    index = {(field.id, field.component): i for i, field in enumerate(fields)}
    for weights in ("area", "bins"):
        begin = time.perf_counter()
        results = fit_pa(fields, weights=weights)
        took = time.perf_counter() - begin
        pa = np.array([result.values["pa"] for result in results])
        error = np.array([result.values["pa_err"] for result in results])
        print(f'\nweights="{weights}" ({took:.1f} s, {took / len(fields) * 1e6:.0f} us a field)')
        agreement(pa, published, quality, component)
        print("two observations of one galaxy (deg):")
        for label, least in (("clean", 2), ("usable", 1)):
            pairs = [(index[a, c], index[b, c]) for a, b in load_repeats()
                     for c in ("stellar", "gas")
                     if min(quality[index[a, c]], quality[index[b, c]]) >= least]
            repeatability(pa, error, published, pairs, label)
        stars = np.arange(0, len(fields), 2)
        for label, least in (("usable", 1), ("clean", 2)):
            both = stars[(quality[stars] >= least) & (quality[stars + 1] >= least)]
            fractions = []
            for angle in (pa, published):
                apart = np.abs(angle_difference(angle[both], angle[both + 1]))
                apart = apart[np.isfinite(apart)]
                fractions.append(f"{100 * np.mean(apart > 30):.1f}% ({np.sum(apart > 30)} of "
                                 f"{len(apart)})")
            print(f"misaligned by more than 30 deg, {label} pairs: kinmis {fractions[0]}, "
                  f"published {fractions[1]}")


if __name__ == "__main__":
    main()
