"""
Accuracy and honesty of position angles on mock galaxies of known truth.

For each case it prints the rms error of the harmonic engine, of a fit of the true disc model
(all its parameters free, started at the truth) and of pafit (361 steps), the fraction of truths
inside the quoted 1-sigma and 2-sigma intervals, and how often each found an angle. Run

    python benchmarks/bench_accuracy.py [--fields 400] [--pafit 30] [--seed 0]
                                        [--cases noise,bins]

The last group, "still", has no rotation: there "found" is the rate of false alarms, and nothing
else means anything. The mocks are arctan discs, which no set of hat functions can represent
exactly.
"""

import argparse

import numpy as np
from scipy.optimize import least_squares

from kinmis import fit_pa, mock
from kinmis.position_angle.circular import angle_difference

#: Sizes (arcsec) of hexagons that hold about 300, 1000 and 2500 spaxels of 0.5 arcsec.
SIZES = {300: 10.8, 1000: 19.7, 2500: 31.2}

CASES = {
    "noise": [
        *((f"N = {n}, noise {noise} km/s", dict(size=SIZES[n], noise=noise))
          for n in (300, 1000, 2500) for noise in (5, 15, 50)),
        ("N = 1000, noise 100 km/s", dict(size=SIZES[1000], noise=100)),
        ("N = 1000, no errors given", dict(size=SIZES[1000], noise=15, ivar=False)),
        ("N = 1000, errors half as large", dict(size=SIZES[1000], noise=15, error_scale=0.5))],
    "footprint": [("circle", dict(size=17, shape="circle", noise=15)),
                  ("square", dict(size=16, shape="square", noise=15)),
                  ("80 deg wedge missing", dict(size=SIZES[1000], noise=15, wedge=80)),
                  ("30% holes", dict(size=SIZES[1000], noise=15, holes=0.3)),
                  ("noise rises outward", dict(size=SIZES[1000], noise=10, noise_slope=0.5))],
    "outliers": [("1% outliers of 400 km/s", dict(size=SIZES[1000], noise=15, outliers=0.01))],
    "bins": [("400 bins of 1000 spaxels", dict(size=SIZES[1000], noise=15, bins=400)),
             ("100 bins of 1000 spaxels", dict(size=SIZES[1000], noise=15, bins=100)),
             ("30 bins of 300 spaxels", dict(size=SIZES[300], noise=15, bins=30))],
    "correlated": [("correlated, FWHM 2.8 spaxels", dict(size=SIZES[1000], noise=15,
                                                         noise_fwhm=2.8)),
                   ("correlated, 50 km/s", dict(size=SIZES[1000], noise=50, noise_fwhm=2.8)),
                   ("correlated, 400 bins", dict(size=SIZES[1000], noise=15, noise_fwhm=2.8,
                                                 bins=400))],
    "smeared": [("PSF 2.5 arcsec", dict(size=SIZES[1000], noise=15, psf_fwhm=2.5))],
    "structure": [("warp of 10 deg", dict(size=SIZES[1000], noise=5,
                                          warp=mock.Warp(10, 0, 8.5))),
                  ("bar of 20%", dict(size=SIZES[1000], noise=5,
                                      bar=mock.Bar(0.2, 30, 4))),
                  ("decoupled core", dict(size=SIZES[1000], noise=5,
                                          core=mock.Core(90, 2)))],
    "still": [(f"no rotation, N = {n}{label}", dict(size=SIZES.get(n, 4.5), noise=20, v_max=0,
                                                    noise_fwhm=fwhm))
              for n in (50, 300, 1000) for label, fwhm in (("", 0), (", correlated", 2.8))],
}


def make(number, options, seed=0):
    """Return fields of random angles and inclinations, and the angles."""
    rng = np.random.default_rng(seed)
    options = {"psf_fwhm": None, **options}
    truth = rng.uniform(0, 360, number)
    fields = [mock.velocity_field(pa=pa, inclination=rng.uniform(35, 75), seed=rng, **options)
              for pa in truth]
    return fields, truth


def true_model_pa(field):
    """Return the angle from a fit of the disc model itself, started at the truth."""
    truth = field.meta["truth"]
    good = ~field.mask.ravel()
    east, north = field.east.value.ravel()[good], field.north.value.ravel()[good]
    velocity = field.data.ravel()[good].astype(float)
    if field.bin_id is None:
        bins, area = np.arange(good.sum()), np.ones(good.sum())
    else:
        _, bins, area = np.unique(field.bin_id.ravel()[good], return_inverse=True,
                                  return_counts=True)

    def mean(values):
        return np.bincount(bins, values) / area

    sigma = (1. if field.error is None
             else mean(field.error.value.ravel()[good].astype(float)))
    data = mean(velocity)

    def residual(p):
        model = mock.disc_velocity(east, north, p[0], np.degrees(np.arccos(p[4])), p[1],
                                   np.exp(p[2]), p[3])
        return (data - mean(model)) / sigma

    start = [truth["pa"], truth["v_max"], np.log(truth["r_turn"]), truth["v_sys"],
             np.cos(np.radians(truth["inclination"]))]
    loss = "soft_l1" if truth.get("outliers") else "linear"
    found = least_squares(residual, start, x_scale=[1, 10, 0.1, 1, 0.1], loss=loss,
                          bounds=([-np.inf, 0, -9, -np.inf, 0.01], [np.inf, 1e4, 9, np.inf, 1]))
    return found.x[0]


def rms(error):
    """Root mean square over those that have an angle."""
    return np.sqrt(np.nanmean(error**2))


def inside(truth, lower, upper):
    """Fraction of the angles inside their intervals, among those that have one."""
    found = np.isfinite(lower)
    middle = (lower + upper) / 2
    return np.mean((np.abs(angle_difference(truth, middle)) <= (upper - lower) / 2)[found])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fields", type=int, default=400, help="mocks of each case")
    parser.add_argument("--pafit", type=int, default=30, help="how many of them pafit gets")
    parser.add_argument("--disc", type=int, default=100, help="how many the true model gets")
    parser.add_argument("--cases", default=",".join(CASES), help="groups of cases")
    parser.add_argument("--weights", default="bins")
    parser.add_argument("--seed", type=int, default=0, help="of the mocks")
    arguments = parser.parse_args()
    header = f"{'case':32s} {'kinmis':>7s} {'68%':>6s} {'95%':>6s} {'found':>6s} |"
    if arguments.disc:
        header += f" {'true disc':>9s} {'kinmis':>7s} |"
    if arguments.pafit:
        header += f" {'pafit':>7s} {'68%':>6s} {'kinmis':>7s}"
    print(header)
    print("   (rms in deg; after each bar the rms of kinmis on the same fields)")
    for group in arguments.cases.split(","):
        for label, options in CASES[group]:
            fields, truth = make(arguments.fields, options, arguments.seed)
            results = fit_pa(fields, weights=arguments.weights)
            if group == "still":
                alarms = np.mean([result.ok for result in results])
                print(f"{label:32s} {'':21s} {alarms:6.3f}", flush=True)
                continue
            values = {name: np.array([r.values[name] for r in results]) for name in
                      ("pa", "pa_lower_68", "pa_upper_68", "pa_lower_95", "pa_upper_95")}
            error = angle_difference(values["pa"], truth)
            line = (f"{label:32s} {rms(error):7.2f} "
                    f"{inside(truth, values['pa_lower_68'], values['pa_upper_68']):6.3f} "
                    f"{inside(truth, values['pa_lower_95'], values['pa_upper_95']):6.3f} "
                    f"{np.isfinite(error).mean():6.3f} |")
            n = min(arguments.disc, len(fields))
            if n:
                disc = np.array([true_model_pa(field) for field in fields[:n]])
                line += f" {rms(angle_difference(disc, truth[:n])):9.2f} {rms(error[:n]):7.2f} |"
            n = min(arguments.pafit, len(fields))
            if n:
                peer = fit_pa(fields[:n], method="pafit", weights=arguments.weights)
                pa, sigma = (np.array([r.values[name] for r in peer])
                             for name in ("pa", "pa_err"))
                off = angle_difference(pa, truth[:n])
                line += (f" {rms(off):7.2f} {np.mean(np.abs(off) <= sigma):6.3f} "
                         f"{rms(error[:n]):7.2f}")
            print(line, flush=True)


if __name__ == "__main__":
    main()
