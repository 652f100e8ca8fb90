"""Measure the velocity field of the gas in a cube, slab by slab."""

from dataclasses import replace

import numpy as np

from kinmis.cube.backend import backend_name
from kinmis.cube.bins import BinnedSpectra
from kinmis.cube.line_fit import C_KMS, LineFit, fit_lines
from kinmis.cube.lines import find_complex
from kinmis.cube.plan import make_plan
from kinmis.cube.redshift import find_redshift, stack_spectra, trust

__all__ = ["measure_gas", "slabs"]

# bytes of arrays for each byte of a slab in double precision: flux, weight, copies, the fit
_COPIES = 8


def slabs(shape, channels, memory):
    """
    Return the slices of rows in which a cube is read.

    Parameters
    ----------
    shape : tuple of int
        Of the map.
    channels : int
        How many are read.
    memory : float
        Bytes that a slab and what is made of it may take.

    Returns
    -------
    slabs : list of slice

    Examples
    --------
    >>> from kinmis.cube.measure import slabs
    >>> slabs((100, 100), 200, 64e6)
    [slice(0, 50, None), slice(50, 100, None)]
    """
    row = 8 * channels * int(np.prod(shape[1:], dtype=int)) * _COPIES
    rows = max(1, int(memory // row))
    return [slice(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows)]


def measure_gas(cube, options, bin_id):
    """
    Fit the lines in every spaxel or bin.

    Parameters
    ----------
    cube : `~kinmis.cube.sources.Cube`
        The cube.
    options : dict
        Those of `kinmis.VelocityField.from_cube`.
    bin_id : `~numpy.ndarray` or None
        Bin of each spaxel, negative for none.

    Returns
    -------
    maps : dict of `~numpy.ndarray`
        Velocity, its error and more, flat, one for each spaxel, and the mask.
    facts : dict
        What was done.
    z : float
        The redshift.

    Raises
    ------
    ValueError
        If the redshift is not known or wrong, the line outside the range, or nothing detected.
    """
    z, z_told = find_redshift(options["z"], cube.headers, cube.where)
    lines = find_complex(options["line"], cube.axis.medium)
    channels, model = make_plan(
        cube.axis, lines, z, where=cube.where,
        **{name: options[name] for name in ("lsf", "v_max", "sigma_max", "window", "degree")})
    count = int(np.prod(cube.shape))
    rescale = options["rescale"]
    if rescale is None:
        rescale = cube.noise is None
    backend = backend_name(options["backend"], count if bin_id is None else int(bin_id.max()) + 1)

    def fit(flux, ivar, model=model, backend=backend):
        return fit_lines(flux, ivar, model, backend=backend, rescale=rescale)

    wide = replace(model, v_max=_farthest(model))
    result = _empty(count, len(model.groups))
    bins = None if bin_id is None else BinnedSpectra(bin_id, len(model.wavelength))
    sums = np.zeros((3, len(model.wavelength)))
    brightness = np.full(count, np.nan)
    columns = int(np.prod(cube.shape[1:], dtype=int))
    for rows in slabs(cube.shape, len(model.wavelength), options["memory"]):
        flux, ivar = cube.read(channels, rows)
        place = slice(rows.start * columns, rows.stop * columns)
        there = np.flatnonzero((ivar > 0).any(axis=1))
        if there.size < len(flux):
            flux, ivar = flux[there], ivar[there]
        if not there.size:
            continue
        good = ivar > 0
        brightness[place.start + there] = flux.sum(axis=1) / good.sum(axis=1)
        with np.errstate(divide="ignore"):
            sums += [flux.sum(axis=0), np.where(good, 1 / ivar, 0).sum(axis=0), good.sum(axis=0)]
        if bins is not None:
            bins.add(place.start + there, flux, ivar)
        else:
            _put(result, place.start + there, fit(flux, ivar))
    if not sums[2].any():
        raise ValueError(f"{cube.where}: every channel around the line {lines.name} is blank or "
                         "has no valid noise (NaN, zero or negative)")
    if bins is not None:
        flux, ivar = bins.spectra()
        _put(result, *bins.spread(fit(flux, ivar)))
    maps, found = _maps(result, model, options)
    maps["brightness"] = brightness
    stack = fit_lines(*stack_spectra(*sums), wide, backend="numpy", rescale=True)
    if options["check"]:
        trust(stack, wide.v_max, found, model, lines, z, cube.axis, cube.where, options["snr_min"])
    facts = {"line": lines.name, "z": z, "z_from": z_told, "medium": cube.axis.medium,
             "medium_from": cube.axis.told, "backend": backend, "channels": len(model.wavelength),
             "noise": cube.noise_kind or "from the residuals", "rescaled": bool(rescale),
             "instrument_dispersion": float(model.instrument[0]),
             **{name: options[name] for name in ("degree", "v_max", "sigma_max", "window",
                                                 "snr_min")}}
    if bins is not None:
        facts["bins_repeat_spectra"] = bins.repeats
    return maps, facts, z


def _farthest(model):
    """Return how far from its place the first line would still be among the channels (km/s)."""
    place = model.groups[0][0][0]
    ends = C_KMS * (model.wavelength[[0, -1]] / place - 1)
    return float(max(0.95 * np.abs(ends).max(), model.v_max))


def _empty(count, groups):
    arrays = {name: np.full(count, np.nan) for name in LineFit._fields}
    arrays["flux_of_groups"] = np.full((count, groups), np.nan)
    arrays["converged"] = np.zeros(count, bool)
    return arrays


def _put(result, places, fit):
    for name in result:
        result[name][places] = getattr(fit, name)


def _maps(result, model, options):
    """Return the maps that a user sees, and which spectra have the line."""
    with np.errstate(all="ignore"):
        snr = result["flux"] / result["flux_error"]
        freedom = result["n_used"] - (len(model.groups) + model.degree + 3)
        chi2 = result["chi2"] / freedom
        intrinsic = result["width"] ** 2 - model.instrument[0] ** 2
        dispersion = np.sqrt(np.maximum(intrinsic, 0))
        # a line that is not resolved: its error is the dispersion that would show
        error = result["width"] * result["width_error"] / np.maximum(
            dispersion, np.sqrt(result["width"] * result["width_error"]))
        found = result["converged"] & (snr >= options["snr_min"])
        at_bound = ((np.abs(result["velocity"]) > 0.99 * model.v_max)
                    | (result["width"] > 0.99 * model.widths[1]))
    good = found & ~at_bound & np.isfinite(result["velocity_error"])
    maps = {"velocity": result["velocity"], "error": result["velocity_error"], "mask": ~good,
            "dispersion": dispersion, "dispersion_error": error, "snr": snr,
            "flux": result["flux"], "flux_error": result["flux_error"], "reduced_chi2": chi2}
    return maps, good
