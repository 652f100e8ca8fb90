"""
Speed of position angles, as ratios to pafit with 361 steps, in one process and one run.

    OMP_NUM_THREADS=1 python benchmarks/bench_position_angle.py [--batch 20000] [--pafit 3] [--real]

One thread is best for both: the matrices are small. For N = 300, 1000 and 2500 spaxels: one
field alone, a batch of 500, and pafit on the same fields; then a batch of 20,000 fields of 1000
spaxels. With --real also the maps of the shared data (see the README).
"""

import argparse
import time

import numpy as np
from bench_accuracy import SIZES

from kinmis import fit_pa, mock


def fields_of(number, spaxels, seed=0):
    """Return mock fields; beyond 200 the same galaxies come again with other noise."""
    rng = np.random.default_rng(seed)
    options = dict(size=SIZES[spaxels], noise=15, psf_fwhm=None)
    fields = [mock.velocity_field(pa=rng.uniform(0, 360), seed=rng, **options)
              for _ in range(min(number, 200))]
    models = [mock.noiseless(field) for field in fields]
    while len(fields) < number:
        model = models[len(fields) % len(models)]
        fields.append(model._replace(data=model.data + rng.normal(0, 15, model.shape),
                                     uncertainty=fields[0].uncertainty))
    return fields


def seconds(function, *args, repeats=1, **options):
    """Return the shortest time of some repeats."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function(*args, **options)
        times.append(time.perf_counter() - begin)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--batch", type=int, default=20000)
    parser.add_argument("--pafit", type=int, default=3, help="fields that pafit gets")
    parser.add_argument("--real", action="store_true", help="time the real maps too")
    arguments = parser.parse_args()
    fit_pa(fields_of(20, 300))
    print(f"{'fields':>8s} {'spaxels':>8s} {'pafit':>10s} {'kinmis':>12s} {'ratio':>9s}")
    reference = {}
    for spaxels in SIZES:
        fields = fields_of(500, spaxels)
        valid = np.mean([field.n_valid for field in fields])
        few = fields[:arguments.pafit]
        reference[spaxels] = seconds(fit_pa, few, method="pafit") / len(few)
        for number in (1, 500):
            took = seconds(fit_pa, fields[:number], repeats=3 if number > 1 else 10) / number
            print(f"{number:8d} {valid:8.0f} {reference[spaxels]:8.3f} s {took * 1e6:9.1f} us "
                  f"{reference[spaxels] / took:9.0f}")
    fields = fields_of(arguments.batch, 1000)
    took = seconds(fit_pa, fields, repeats=2) / len(fields)
    print(f"{len(fields):8d} {fields[0].n_valid:8d} {reference[1000]:8.3f} s {took * 1e6:9.1f} us "
          f"{reference[1000] / took:9.0f}")
    if arguments.real:
        from real_maps import load_maps
        fields = load_maps()
        took = seconds(fit_pa, fields) / len(fields)
        print(f"{len(fields):8d} {'real':>8s} {'':10s} {took * 1e6:9.1f} us")


if __name__ == "__main__":
    main()
