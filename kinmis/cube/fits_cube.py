"""Cubes in FITS files, of which only what is asked for is read."""

import contextlib
import os
import re
import tempfile
import warnings
import zlib

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from kinmis.cube.sources import Cube, given_noise
from kinmis.cube.spectral_axis import axis_from_header, make_axis
from kinmis.readers.fits_file import existing
from kinmis.readers.fits_stream import first_header

__all__ = ["is_spectral", "open_fits"]

# what surveys call the noise of a cube, and which kind it is
_NOISE_NAMES = {
    "VARIANCE": "variance", "VAR": "variance", "STAT": "variance", "ERROR": "error",
    "ERR": "error", "ERRORS": "error", "STDDEV": "error", "SIGMA": "error", "NOISE": "error",
    "UNCERT": "error", "UNCERTAINTY": "error", "RMS": "error", "IVAR": "ivar", "INVVAR": "ivar",
}
_MASK_NAMES = ("MASK", "DQ", "BADPIX", "QUALITY", "FLAGS")
# smallest number that is a bin
_BIN_NAMES = {"BIN_MASK": 1, "BINID": 0, "BIN_ID": 0}
_FLUX_NAMES = ("FLUX", "DATA", "SCI", "SCIENCE", "SIGNAL")
_WAVE_NAMES = ("WAVE", "WAVELENGTH", "LAMBDA", "SPECTRAL_AXIS")
_SPECTRAL = re.compile("(A?WAV|WAVE|LAMB|FREQ|VELO|VRAD|VOPT|FELO|ENER|LINEAR|ANGSTROM)")


def is_spectral(header):
    """
    Return whether a header is that of a cube whose third axis is one of spectra.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of an image.

    Returns
    -------
    spectral : bool
    """
    return (header.get("NAXIS", 0) >= 3 and header.get("NAXIS3", 1) > 4
            and _SPECTRAL.match(str(header.get("CTYPE3", "")).strip().upper()) is not None)


@contextlib.contextmanager
def open_fits(path, options):
    """
    Open a cube in a FITS file.

    A plain file is read slab by slab, and only the channels of the line. A gzipped one is
    inflated first, into memory if it is small, else into a temporary file.

    Parameters
    ----------
    path : str
        The file.
    options : dict
        The user's options.

    Yields
    ------
    cube : `~kinmis.cube.sources.Cube`

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it is truncated or damaged.
    ValueError
        If it holds no cube, or does not tell enough.
    """
    with contextlib.ExitStack() as stack:
        units = _units(path, stack, options["memory"])
        yield _cube(path, units, options, stack)


def _units(path, stack, memory):
    """Return the open file."""
    first_header(path)      # says what a file is that is not FITS
    file = stack.enter_context(open(path, "rb"))
    if file.read(2) == b"\x1f\x8b":
        file = stack.enter_context(_inflated(path, memory))
    file.seek(0)
    with warnings.catch_warnings():
        # headers that are not quite standard are the rule
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        warnings.filterwarnings("error", ".*truncated", AstropyUserWarning)
        try:
            units = stack.enter_context(fits.open(file, memmap=False, lazy_load_hdus=False))
        except (AstropyUserWarning, OSError) as error:
            raise OSError(f"{path} is truncated or damaged ({error}). Get the file anew.") from None
    return units


def _inflated(path, memory):
    from isal import igzip
    file = tempfile.SpooledTemporaryFile(max_size=int(memory))
    try:
        with igzip.open(path, "rb") as packed:
            while piece := packed.read(1 << 20):
                file.write(piece)
    except (EOFError, OSError, zlib.error, igzip.BadGzipFile) as error:
        file.close()
        raise OSError(f"{path} is truncated or damaged ({error}). Get the file anew.") from None
    return file


class _Layer:
    """An image of a file; slices of it are read from the disk."""

    def __init__(self, unit, path):
        shape = unit.shape
        while len(shape) > 3 and shape[0] == 1:
            shape = shape[1:]
        self.shape = shape
        self.extra = len(unit.shape) - len(shape)
        self.unit = unit
        self.path = path

    def __getitem__(self, item):
        item = item if isinstance(item, tuple) else (item,)
        try:
            block = self.unit.section[(0,) * self.extra + item]
        except (OSError, TypeError, ValueError) as error:
            raise OSError(f"{self.path} is truncated or damaged ({error}). Get the file "
                          "anew.") from None
        return block


def _name(units, number):
    return units[number].name.upper() if units[number].name else str(number)


def _cube(path, units, options, stack):
    main = _flux_unit(path, units, options.get("extension"))
    header, primary = main.header, units[0].header
    if _SPECTRAL.match(str(header.get("CTYPE1", "")).strip().upper()):
        raise ValueError(f"{path}: the spectral axis of the cube is its first one (CTYPE1 = "
                         f"{header['CTYPE1']}); give the array with the channels first, and "
                         "wavelength=")
    flux = _Layer(main, path)
    axis = _axis(path, units, header, flux.shape[0], options)
    noise, kind = given_noise(options)
    if noise is not None:
        noise = _given(path, units, noise, kind, options, stack)
    else:
        noise, kind = _find_noise(path, units, main, flux.shape)
    mask = options.get("mask")
    if mask is not None:
        mask = _given(path, units, mask, "mask", options, stack)
    else:
        mask = next((_Layer(unit, path) for unit in units if unit is not main and unit.is_image
                     and unit.name.upper() in _MASK_NAMES and unit.shape in (
                         main.shape, main.shape[1:])), None)
    continuum = options.get("continuum")
    if continuum is not None:
        continuum = _given(path, units, continuum, "continuum", options, stack)
    meta = {"source": path, "id": header.get("NAME") or primary.get("NAME")
            or primary.get("OBJECT") or header.get("OBJECT")}
    return Cube(axis, flux, noise=noise, noise_kind=kind if noise is not None else None,
                mask=mask, continuum=continuum,
                bin_id=None if options.get("bin_id") is not None
                else _find_bins(units, flux.shape[1:]),
                wcs=options.get("wcs"), where=path, meta=meta,
                headers=(header, *(unit.header for unit in units if unit is not main)))


def _flux_unit(path, units, wanted):
    """Return the extension with the spectra."""
    names = [_name(units, number) for number in range(len(units))]
    listed = ", ".join(names)
    if wanted is not None:
        if isinstance(wanted, str) and wanted.upper() in names:
            unit = units[names.index(wanted.upper())]
        elif not isinstance(wanted, str) and 0 <= wanted < len(units):
            unit = units[int(wanted)]
        else:
            raise ValueError(f"{path} has no extension {wanted}; it has {listed}")
        if not unit.is_image or len(unit.shape) < 3:
            raise ValueError(f"{path}: the extension {wanted} holds no cube; it has the shape "
                             f"{tuple(unit.shape)}")
        return unit
    cubes = [unit for unit in units if unit.is_image and len(unit.shape) >= 3
             and np.prod(unit.shape[:-3], dtype=int) == 1 and unit.shape[-3] > 4
             and unit.name.upper() not in (*_NOISE_NAMES, *_MASK_NAMES, *_BIN_NAMES)]
    for choice in ([unit for unit in cubes if unit.name.upper() in _FLUX_NAMES],
                   [unit for unit in cubes if is_spectral(unit.header)], cubes):
        if len(choice) == 1:
            return choice[0]
    if cubes:
        raise ValueError(f"{path} holds several cubes; give extension=, one of "
                         f"{', '.join(names[units.index(unit)] for unit in cubes)}")
    raise ValueError(f"{path} holds no cube of spectra; it has {listed}. A map of velocities is "
                     "read with VelocityField.read(..., format=\"fits-image\")")


def _axis(path, units, header, count, options):
    wavelength, unit = options.get("wavelength"), options.get("wavelength_unit")
    medium = options.get("medium")
    if wavelength is None and "CRVAL3" not in header:
        wavelength = next((item.name for item in units if item.is_image
                           and item.name.upper() in _WAVE_NAMES and item.shape == (count,)), None)
    if wavelength is None:
        return axis_from_header(header, count, path, medium=medium, unit=unit)
    if isinstance(wavelength, str):
        found = [item for item in units if item.name.upper() == wavelength.upper()]
        if not found or not found[0].is_image:
            raise ValueError(f"{path} has no extension {wavelength} with wavelengths")
        unit = unit or found[0].header.get("BUNIT") or header.get("CUNIT3")
        wavelength = np.asarray(found[0].data, float)
    told = "you" if medium else None
    if medium is None:
        base = str(header.get("CTYPE3", "")).upper()[:4]
        medium = {"AWAV": "air", "WAVE": "vacuum"}.get(base)
        told = f"CTYPE3 = {header.get('CTYPE3')}"
    return make_axis(wavelength, unit, medium, told, path)


def _given(path, units, wanted, name, options, stack):
    """Return a layer that the user chose: an extension, another file, or an array."""
    if not isinstance(wanted, (str, int, os.PathLike)):
        return np.asarray(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(units):
        return _Layer(units[wanted], path)
    if isinstance(wanted, str):
        found = [unit for unit in units if unit.name.upper() == wanted.upper()]
        if found:
            return _Layer(found[0], path)
    other = None if isinstance(wanted, int) else existing(wanted, path)
    if other is None:
        names = ", ".join(_name(units, number) for number in range(len(units)))
        raise ValueError(f"{name}={wanted!r} is neither an extension of {path}, which has {names}, "
                         "nor a file")
    return _Layer(_flux_unit_of_other(other, _units(other, stack, options["memory"])), other)


def _flux_unit_of_other(path, units):
    for unit in units:
        if unit.is_image and len(unit.shape) >= 2:
            return unit
    raise ValueError(f"{path} holds no image")


def _find_noise(path, units, main, shape):
    for unit in units:
        kind = _NOISE_NAMES.get(unit.name.upper())
        if unit is not main and unit.is_image and kind is not None:
            layer = _Layer(unit, path)
            if layer.shape == shape:
                return layer, kind
    return None, None


def _find_bins(units, shape):
    for unit in units:
        first = _BIN_NAMES.get(unit.name.upper())
        if first is None or not unit.is_image or tuple(unit.shape[-2:]) != tuple(shape):
            continue
        bins = np.asarray(unit.data)
        while bins.ndim > 2:
            bins = bins[0]
        bins = bins.astype(np.int64)
        return np.where(bins >= first, bins, -1)
    return None
