"""
Velocities from cubes: speed beside other packages, coverage of the errors, and a large cube.

Prints, for one spectral line and for H-alpha with [NII], the time per spectrum of kinmis (NumPy,
and JAX where it is installed), scipy's ``curve_fit`` (in as many processes as there are cores),
specutils' ``fit_lines`` and mpdaf's ``gauss_fit``, each started at the right redshift, and how far
the velocities of each are off; then how many truths lie within the errors of mock cubes; then
time and memory for a cube of the size of one of MUSE that is made on disk (2.7 GB). Run

    python benchmarks/bench_cube.py [--parts speed,coverage,large] [--spectra 4000] [--seed 0]

Peak memory is that of the whole process, interpreter and packages included.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import resource
import tempfile
import time
import warnings

import numpy as np
from astropy.io import fits
from scipy.optimize import curve_fit

from kinmis import VelocityField, mock
from kinmis.cube.backend import backend_name
from kinmis.cube.line_fit import C_KMS, LineModel, fit_lines
from kinmis.cube.lines import find_complex

Z = 0.03
CORES = len(os.sched_getaffinity(0))


def make(name, number, snr, seed, step=1.25, dispersion=60.0, ratio=0.4):
    """Return a model, spectra, their noise and the true velocities."""
    rng = np.random.default_rng(seed)
    lines = find_complex(name, "air")
    groups = tuple(tuple((place * (1 + Z), part) for place, part in group)
                   for group in lines.groups)
    places = lines.wavelengths * (1 + Z)
    wavelength = np.arange(places.min() * (1 - 1500 / C_KMS), places.max() * (1 + 1500 / C_KMS),
                           step)
    instrument = 50.0
    model = LineModel(wavelength, groups, lines.main, np.full(places.shape, instrument), 1, 500.0,
                      (35.0, 500.0), 22.0 if lines.blended else 9.0)
    velocity = rng.uniform(-200, 200, number)
    snr = np.exp(rng.uniform(*np.log(snr), number))
    flux = 0.3 + 1e-4 * (wavelength - wavelength[0]) + np.zeros((number, 1))
    width = np.hypot(instrument, dispersion) / C_KMS
    for row, group in enumerate(groups):
        for place, part in group:
            sigma = place * width
            flux = flux + part * (ratio if row else 1) / sigma / np.sqrt(2 * np.pi) * np.exp(
                -0.5 * ((wavelength - place * (1 + velocity[:, None] / C_KMS)) / sigma) ** 2)
    noise = 1 / snr / np.sqrt(2 * np.sqrt(np.pi) * groups[0][0][0] * width * step)
    flux += noise[:, None] * rng.standard_normal(flux.shape)
    return model, flux, noise, velocity


def scipy_chunk(arguments):
    """Fit some spectra with curve_fit."""
    model, flux, noise = arguments
    wavelength, middle = model.wavelength, model.groups[0][0][0]

    def lines(x, velocity, width, level, slope, *fluxes):
        result = level + slope * (x - middle)
        for total, group in zip(fluxes, model.groups):
            for place, part in group:
                sigma = place * width / C_KMS
                center = place * (1 + velocity / C_KMS)
                result = result + total * part / sigma / 2.5066 * np.exp(
                    -0.5 * ((x - center) / sigma) ** 2)
        return result

    found = np.full(len(flux), np.nan)
    for row, (spectrum, error) in enumerate(zip(flux, noise)):
        start = [0.0, 80.0, np.median(spectrum), 0.0, *[1.0] * len(model.groups)]
        try:
            best, _ = curve_fit(lines, wavelength, spectrum, start, np.full(len(spectrum), error),
                                absolute_sigma=True)
        except RuntimeError:    # not converged
            continue
        found[row] = best[0]
    return found


def by_scipy(model, flux, noise, velocity):
    pieces = [(model, flux[part], noise[part])
              for part in np.array_split(np.arange(len(flux)), 8 * CORES)]
    with concurrent.futures.ProcessPoolExecutor(
            CORES, mp_context=multiprocessing.get_context("fork")) as pool:
        start = time.perf_counter()
        found = np.concatenate(list(pool.map(scipy_chunk, pieces)))
        return time.perf_counter() - start, found


def by_specutils(model, flux, noise, velocity):
    import astropy.units as u
    from astropy.modeling.models import Gaussian1D, Linear1D
    from astropy.nddata import StdDevUncertainty
    from specutils import Spectrum
    from specutils.fitting import fit_lines as specutils_fit
    place = model.groups[0][0][0]
    start, found = time.perf_counter(), []
    for spectrum, error in zip(flux, noise):
        one = Spectrum(flux=spectrum * u.Jy, spectral_axis=model.wavelength * u.AA,
                       uncertainty=StdDevUncertainty(np.full(len(spectrum), error)))
        guess = Linear1D(0 * u.Jy / u.AA, np.median(spectrum) * u.Jy)
        for group in model.groups:
            for center, _ in group:
                guess = guess + Gaussian1D(0.2 * u.Jy, center * u.AA, 1.8 * u.AA)
        fitted = specutils_fit(one, guess, weights="unc")
        found.append(C_KMS * (fitted[1].mean.value / place - 1))
    return time.perf_counter() - start, np.array(found)


def by_mpdaf(model, flux, noise, velocity):
    import astropy.units as u
    from mpdaf.obj import Spectrum, WaveCoord
    step = model.wavelength[1] - model.wavelength[0]
    wave = WaveCoord(crpix=1, crval=model.wavelength[0], cdelt=step, cunit=u.AA,
                     shape=len(model.wavelength))
    place = model.groups[0][0][0]
    start, found = time.perf_counter(), []
    for spectrum, error in zip(flux, noise):
        one = Spectrum(wave=wave, data=spectrum, var=np.full(len(spectrum), error**2))
        # it takes the continuum from the ends of its range
        fitted = one.gauss_fit(lmin=model.wavelength[5], lmax=model.wavelength[-5], lpeak=place,
                               unit=u.AA)
        found.append(C_KMS * (fitted.lpeak / place - 1))
    return time.perf_counter() - start, np.array(found)


def by_kinmis(backend):
    def run(model, flux, noise, velocity):
        ivar = np.repeat(noise[:, None] ** -2, flux.shape[1], axis=1)
        if backend == "jax":    # compiling takes a few seconds, once for a cube
            fit_lines(flux, ivar, model, backend=backend)
        start = time.perf_counter()
        fit = fit_lines(flux, ivar, model, backend=backend)
        return time.perf_counter() - start, fit.velocity
    return run


def speed(options):
    print(f"Speed, {CORES} cores; signal-to-noise 10 to 100\n")
    print(f"{'':34}{'us/spectrum':>12}{'of kinmis':>11}{'within 30 km/s':>16}{'rms km/s':>10}")
    for name in ("Hb", "Ha"):
        model, flux, noise, velocity = make(name, options.spectra, (10, 100), options.seed)
        print(f"{'one line' if name == 'Hb' else 'H-alpha and [NII]'}, {flux.shape[1]} channels")
        ours = None
        for label, run, count in (
                ("kinmis, NumPy", by_kinmis("numpy"), None),
                ("kinmis, JAX", by_kinmis("jax"), None),
                (f"scipy curve_fit, {CORES} processes", by_scipy, None),
                ("specutils fit_lines", by_specutils, 100),
                ("mpdaf gauss_fit", by_mpdaf, 200 if name == "Hb" else 0)):
            if count == 0:
                continue
            part = slice(count)
            try:
                if "JAX" in label:
                    backend_name("jax", 1)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    seconds, found = run(model, flux[part], noise[part], velocity[part])
            except ImportError as error:
                print(f"  {label:32}not installed ({error})")
                continue
            each = 1e6 * seconds / len(found)
            ours = ours or each
            off = found - velocity[part]
            near = np.abs(off) < 30
            print(f"  {label:32}{each:12.0f}{each / ours:11.1f}{np.mean(near):16.3f}"
                  f"{np.sqrt(np.mean(off[near] ** 2)):10.2f}")
    print()


def coverage(options):
    print("Errors of mock spectra: truths within 1 and 2 sigma, and mean of the deviations in "
          "sigma,\nby the signal-to-noise that is measured\n")
    print(f"{'':10}{'S/N':>9}{'spectra':>9}{'1 sigma':>9}{'2 sigma':>9}{'bias':>8}")
    for name in ("Ha", "Hb", "OIII", "SII", "OII"):
        model, flux, noise, velocity = make(name, 5 * options.spectra, (3.5, 80), options.seed + 1,
                                            ratio=0.7 if name == "SII" else 0.4)
        ivar = np.repeat(noise[:, None] ** -2, flux.shape[1], axis=1)
        fit = fit_lines(flux, ivar, model, backend="numpy")
        snr = fit.flux / fit.flux_error
        pull = (fit.velocity - velocity) / fit.velocity_error
        for low, high in ((5, 7), (7, 10), (10, 20), (20, 80)):
            part = pull[fit.converged & (snr >= low) & (snr < high)]
            print(f"{name:10}{f'{low}-{high}':>9}{len(part):9d}{np.mean(np.abs(part) < 1):9.3f}"
                  f"{np.mean(np.abs(part) < 2):9.3f}{np.mean(part):+8.3f}")
    print()


def large(options):
    channels, side, step = 3700, 300, 1.25
    first = 4750.0
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = os.path.join(folder, "large.fits")
        start = time.perf_counter()
        write_large(path, channels, side, first, step, options.seed)
        print(f"Cube of {side} x {side} x {channels} with variance, "
              f"{os.path.getsize(path) / 1e9:.2f} GB, made in {time.perf_counter() - start:.0f} s")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        start = time.perf_counter()
        field = VelocityField.from_cube(path, lsf=2.5 * mock.cube(seed=1).wavelength.unit,
                                        backend=options.backend)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        facts = field.meta["cube"]
        print(f"  {facts['channels']} channels around H-alpha, {facts['backend']}: "
              f"{seconds:.1f} s, {1e6 * seconds / side**2:.0f} us/spaxel, {field.n_valid} with "
              "the line")
        print(f"  peak memory {peak:.0f} MB, {before:.0f} MB before")
        with fits.open(path) as units:
            truth = units["TRUTH"].data
        good = ~field.mask
        pull = (field.data - truth)[good] / field.error.value[good]
        print(f"  truths within 1 sigma {np.mean(np.abs(pull) < 1):.3f}, bias {pull.mean():+.3f}")


def write_large(path, channels, side, first, step, seed):
    """Write a cube channel by channel; the noise repeats every 37 channels."""
    rng = np.random.default_rng(seed)
    north, east = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(north, east)
    velocity = 200 * np.arctan(radius / 15) * 2 / np.pi * east / np.maximum(radius, 1e-9)
    light = 300 * np.exp(-radius / 60)
    header = fits.Header({
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CUNIT3": "Angstrom",
        "CRVAL1": 150.0, "CRVAL2": 2.0, "CRVAL3": first, "CRPIX1": side / 2 + 0.5,
        "CRPIX2": side / 2 + 0.5, "CRPIX3": 1.0, "CD1_1": -5.55e-5, "CD2_2": 5.55e-5,
        "CD3_3": step, "REDSHIFT": Z})
    noise = rng.standard_normal((37, side, side), dtype=np.float32) * 3
    place, width = 6562.80 * (1 + Z), 1.8
    lines = ((place, 1.0), (6583.45 * (1 + Z), 0.4), (6548.05 * (1 + Z), 0.4 / 3.05))
    with open(path, "wb") as file:
        for name, kind in ((None, fits.PrimaryHDU), ("DATA", fits.ImageHDU),
                           ("STAT", fits.ImageHDU)):
            unit = kind(header=header if name == "DATA" else None)
            if name is None:
                file.write(unit.header.tostring().encode())
                continue
            unit.header.update({"BITPIX": -32, "NAXIS": 3})
            for axis, length in ((1, side), (2, side), (3, channels)):
                unit.header.set(f"NAXIS{axis}", length, after=f"NAXIS{axis - 1}" if axis > 1
                                else "NAXIS")
            unit.header["EXTNAME"] = name
            file.write(unit.header.tostring().encode())
            for channel in range(channels):
                plane = np.full((side, side), 9, np.float32)
                if name == "DATA":
                    at = first + channel * step
                    plane = noise[channel % 37] + (0.02 * light).astype(np.float32)
                    for center, part in lines:
                        if abs(at - center) < 30:
                            plane = plane + part * light / width / 2.5066 * np.exp(
                                -0.5 * ((at - center * (1 + velocity / C_KMS)) / width) ** 2)
                file.write(plane.astype(">f4").tobytes())
            file.write(bytes(-(channels * side * side * 4) % 2880))
    fits.append(path, velocity, fits.Header({"EXTNAME": "TRUTH"}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--parts", default="speed,coverage,large")
    parser.add_argument("--spectra", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="auto", help="for the large cube")
    parser.add_argument("--folder", default=None, help="where the large cube is made")
    options = parser.parse_args()
    for part in options.parts.split(","):
        {"speed": speed, "coverage": coverage, "large": large}[part](options)


if __name__ == "__main__":
    main()
