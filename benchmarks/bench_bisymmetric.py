"""
Speed and accuracy of the bisymmetric engine beside pafit, on the same fields in one run.

    python benchmarks/bench_bisymmetric.py [--fields 8]

Both try 361 angles. Needs the package pafit (``pip install kinmis[pafit]``).
"""

import argparse
import time

import numpy as np

from kinmis import mock
from kinmis.position_angle.bisymmetric import fit_bisymmetric
from kinmis.position_angle.circular import wrap_180
from kinmis.position_angle.pafit import fit_with_pafit

# diameter in arcsec of a circular footprint of about so many spaxels
SIZES = {300: 9.8, 1000: 17.9, 2500: 28.2}
NOISE = (5., 15., 50.)


def timed(function, field):
    """Return the result and the seconds that it took."""
    start = time.perf_counter()
    result = function(field)
    return result, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--fields", type=int, default=8, help="fields a row of the table")
    fields = parser.parse_args().fields
    fit_with_pafit(mock.velocity_field(size=5., seed=0), steps=37)  # imports
    print("   N  noise |  pafit  bisym.  ratio | |difference| (deg) |  rms error (deg)  | covered"
          " by 1 sigma")
    print("      km/s  |    ms      ms         |   median     max   |  pafit   bisym.   |  pafit  "
          " bisym.")
    for number, size in SIZES.items():
        for noise in NOISE:
            seconds, errors, covered = [], [], []
            for seed in range(fields):
                pa = np.random.default_rng(seed).uniform(0., 360.)
                field = mock.velocity_field(pa, size=size, shape="circle", psf_fwhm=0.,
                                            noise=noise, ivar=False, seed=seed)
                results = [timed(f, field) for f in (fit_with_pafit, fit_bisymmetric)]
                seconds.append([s for _, s in results])
                errors.append([wrap_180(r.pa.value - pa) for r, _ in results])
                covered.append([abs(wrap_180(r.pa.value - pa)) <= r.pa_err.value
                                for r, _ in results])
            slow, fast = 1e3 * np.median(seconds, axis=0)
            apart = np.abs(np.diff(errors, axis=1))
            rms = np.sqrt(np.mean(np.square(errors), axis=0))
            part = np.mean(covered, axis=0)
            print(f"{field.n_valid:5d} {noise:5.0f}  | {slow:6.0f} {fast:7.1f} {slow / fast:6.0f} "
                  f"| {np.median(apart):7.2f} {apart.max():8.2f}   | {rms[0]:7.2f} {rms[1]:7.2f} "
                  f"  | {part[0]:6.2f} {part[1]:8.2f}", flush=True)


if __name__ == "__main__":
    main()
