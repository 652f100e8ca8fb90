"""
What the differences between surveys do to position angles and to their errors.

    python benchmarks/bench_pa_transfer.py [--fields 150] [--galaxies 250] [--seed 7]
                                           [--out docs/measured/pa_transfer.json]

Mocks, whose truth is known: for each difference the median error (the shift), the scatter (the
half-width that holds 68%), the fraction of truths inside the quoted 68% and 95% intervals, and how
many have an angle. Every case has the same discs.

Real fields, which have no truth: the maps of validation plates (usable, by their labels) as other
surveys would have seen them (`survey_eyes`), against the angle of the same map as it is. Needs the
labelled maps, which are found as `real_maps` says; ``--galaxies 0`` does without.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path

import numpy as np

from kinmis import Galaxy, VelocityField, fit_pa, mock
from kinmis.position_angle.circular import angle_difference

OUT = Path(__file__).parents[1] / "docs" / "measured" / "pa_transfer.json"

#: A field like those of MaNGA: hexagon of 22", Voronoi bins, noise that neighbours share.
LIKE_MANGA = dict(size=22.0, shape="hexagon", spaxel=0.5, psf_fwhm=2.5, noise=10.0,
                  noise_slope=0.5, noise_fwhm=2.0, bins=250, scale_length=4.4)
NO_BINS = dict(bins=None)


def no_bin_id(field):
    """Forget which spaxels belong to a bin, as maps that repeat its value do."""
    return remade(field, bin_id=None)


def mirror(field):
    """Take East for West."""
    return remade(field, east=-field.east)


def clean(field):
    return field.clean()


def remade(field, **changes):
    options = {"east": field.east, "north": field.north, "bin_id": field.bin_id,
               "ivar": field.ivar, "component": field.component, **changes}
    return VelocityField.from_arrays(field.velocity, mask=field.mask, **options)


def no_errors(field):
    """Forget the errors."""
    return remade(field, ivar=None)


#: Group, label, options of the mock, and what is done to the field.
CASES = (
    ("as MaNGA", "Voronoi bins, all as in MaNGA", {}, None),
    ("footprint", 'circle of 15"', dict(shape="circle", size=15.0), None),
    ("footprint", 'square of 15"', dict(shape="square", size=15.0), None),
    ("footprint", 'rectangle of 16" x 20"', dict(shape="rectangle", size=(16.5, 20.0)), None),
    ("footprint", "turned grid, rotated by 30 deg", dict(rotation=30.0), None),
    ("spaxel", '0.25"', dict(spaxel=0.25, noise_fwhm=4.0), None),
    ("spaxel", '1"', dict(spaxel=1.0, noise_fwhm=1.0), None),
    ("PSF", '1"', dict(psf_fwhm=1.0), None),
    ("PSF", '5", a quarter of the field, and noise shared as far',
     dict(psf_fwhm=5.0, noise_fwhm=4.0), None),
    ("binning", "60 bins", dict(bins=60), None),
    ("binning", "a value a spaxel, white noise", {**NO_BINS, "noise_fwhm": 0.0}, None),
    ("binning", "a value a spaxel, correlated noise", NO_BINS, None),
    ("binning", "bins that the map does not tell", {}, no_bin_id),
    ("coverage", "0.75 instead of 1.5 effective radii", dict(size=11.0, bins=80), None),
    ("coverage", "3 effective radii", dict(size=44.0, bins=600), None),
    ("coverage", "a wedge of 90 deg lost", dict(wedge=90.0), None),
    ("coverage", "half of the field lost", dict(wedge=180.0), None),
    ("line", "a faint one: half of the bins lost", dict(holes=0.5, bins=125), None),
    ("line", "air taken for vacuum: 83 km/s off", dict(v_sys=83.0), None),
    ("S/N", "noise x 3", dict(noise=30.0), None),
    ("S/N", "noise x 6", dict(noise=60.0), None),
    ("S/N", "errors not given", {}, no_errors),
    ("S/N", "errors quoted half as large", dict(error_scale=0.5), None),
    ("cleaning", "2% wild values, not cleaned", dict(outliers=0.02), None),
    ("cleaning", "2% wild values, cleaned", dict(outliers=0.02), clean),
    ("handedness", "columns run East, told by the WCS", dict(handedness="east"), None),
    ("handedness", "East taken for West", {}, mirror),
    ("zero point", "absolute velocities (cz = 9000 km/s)", dict(v_sys=9000.0), None),
    ("redshift", "seen at four times the distance",
     dict(size=5.5, bins=20, r_turn_scale=0.25, scale_length=1.1), None),
    ("redshift", 'z = 1.6: 2.8", PSF 0.5", spaxel 0.2"',
     dict(shape="square", size=2.8, spaxel=0.2, psf_fwhm=0.5, bins=None, noise=30.0,
          scale_length=0.6, r_turn_scale=0.1), None),
)


def discs(number, seed):
    """Return the same random discs for every case."""
    rng = np.random.default_rng(seed)
    return [dict(pa=rng.uniform(0, 360), inclination=np.degrees(np.arccos(rng.uniform(0.2, 0.85))),
                 v_max=rng.uniform(80, 250), r_turn=rng.uniform(1, 4)) for _ in range(number)]


def mock_fields(number, seed, options, change):
    """Return the fields of a case and their true angles."""
    options = {**LIKE_MANGA, **options}
    scale = options.pop("r_turn_scale", 1.0)
    fields, truth = [], []
    for index, disc in enumerate(discs(number, seed)):
        disc = {**disc, "r_turn": disc["r_turn"] * scale}
        field = mock.velocity_field(**disc, **options, seed=seed * 100_000 + index)
        fields.append(change(field) if change else field)
        truth.append(disc["pa"])
    return fields, np.array(truth)


def inside(difference, results, level):
    """Return which truths lie inside an interval that is quoted."""
    values = [np.array([result.values[f"pa_{end}_{level}"] for result in results])
              for end in ("lower", "upper")]
    pa = np.array([result.values["pa"] for result in results])
    return (-difference >= values[0] - pa) & (-difference <= values[1] - pa)


def measure_mocks(number, seed):
    rows = []
    for group, label, options, change in CASES:
        fields, truth = mock_fields(number, seed, options, change)
        results = fit_pa(fields)
        off = angle_difference(np.array([result.values["pa"] for result in results]), truth)
        found = np.isfinite(off)
        rows.append({"group": group, "case": label, "fields": number,
                     "found": float(found.mean()), **spread(off[found]),
                     **{f"inside_{level}": float(inside(off, results, level)[found].mean())
                        for level in (68, 95)}})
        print("{group:11s} {case:52s} {found:6.3f} {shift:7.2f} {half_68:7.2f} {flipped:6.3f} "
              "{inside_68:6.2f} {inside_95:6.2f}".format(**rows[-1]), flush=True)
    return rows


def spread(off):
    """Return the median of differences, half the width of their middle 68%, and the flips."""
    if not len(off):
        return {"shift": np.nan, "half_68": np.nan, "flipped": np.nan}
    low, middle, high = np.percentile(off, (16, 50, 84))
    return {"shift": float(middle), "half_68": float((high - low) / 2),
            "flipped": float(np.mean(np.abs(off) > 90))}


def real_galaxies(number, seed):
    """Return galaxies of validation plates of which both fields are usable, by their labels."""
    from real_maps import load_labels, load_maps, load_repeats

    from kinmis.classifier.split import plate_groups, split_of
    maps, labels = load_maps(), load_labels()
    names = [field.id for field in maps[::2]]
    side = split_of(plate_groups(names, load_repeats()))
    chosen = [index for index, name in enumerate(names) if side[index] == "validation"
              and min(labels[name, part][1] for part in ("stellar", "gas")) >= 1]
    chosen = np.random.default_rng(seed).permutation(chosen)[:number]
    return [Galaxy(stellar=maps[2 * index], gas=maps[2 * index + 1]) for index in sorted(chosen)]


def measure_real(number, seed):
    """Return what each eye does to the angles of real fields."""
    from survey_eyes import EYES
    galaxies, rows, before = real_galaxies(number, seed), [], None
    for name, eye in EYES.items():
        rng = np.random.default_rng(seed)
        seen = [eye(galaxy, rng) for galaxy in galaxies]
        fields = [getattr(galaxy, part) if galaxy else None for galaxy in seen
                  for part in ("stellar", "gas")]
        results = fit_pa(fields)
        pa, error = (np.array([result.values[key] for result in results])
                     for key in ("pa", "pa_err"))
        if before is None:
            before = pa, error
            continue
        # the mirror image of a galaxy has the mirror image of its angle
        was = -before[0] if name == "mirrored_sky" else before[0]
        had = np.isfinite(was)
        off = angle_difference(pa, was)
        both = np.isfinite(off)
        size = np.abs(off[both])
        row = {"eye": name, "what": eye.__doc__.strip(), "fields": int(had.sum()),
               "kept": float(both.sum() / had.sum()), **spread(off[both]),
               "half": float(np.percentile(size, 50)), "most": float(np.percentile(size, 90)),
               "error_ratio": float(np.median(error[both] / before[1][both])),
               "inside": float(np.mean(size <= np.hypot(error, before[1])[both]))}
        rows.append(row)
        print("{eye:15s} {fields:5d} {kept:6.3f} {shift:7.2f} {half:7.2f} {most:7.2f} "
              "{flipped:6.3f} {error_ratio:6.2f} {inside:6.2f}".format(**row), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--fields", type=int, default=150, help="mocks of each case")
    parser.add_argument("--galaxies", type=int, default=250, help="real galaxies, 0 for none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file to write")
    arguments = parser.parse_args()
    start = time.perf_counter()
    print(f"{'mocks':64s} {'found':>6s} {'shift':>7s} {'68%':>7s} {'flip':>6s} "
          f"{'in 68':>6s} {'in 95':>6s}")
    mocks = measure_mocks(arguments.fields, arguments.seed)
    real = []
    if arguments.galaxies:
        print(f"\n{'real fields':15s} {'':5s} {'kept':>6s} {'shift':>7s} {'50%':>7s} {'90%':>7s} "
              f"{'flip':>6s} {'error':>6s} {'inside':>6s}")
        real = measure_real(arguments.galaxies, arguments.seed)
    arguments.out.parent.mkdir(exist_ok=True)
    arguments.out.write_text(json.dumps(
        {"date": date.today().isoformat(), "script": "bench_pa_transfer.py",
         "fields": arguments.fields, "galaxies": arguments.galaxies, "seed": arguments.seed,
         "mocks": mocks, "real": real}, indent=1) + "\n", encoding="utf-8")
    print(f"\n{arguments.out} ({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
