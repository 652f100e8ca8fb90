"""Cubes that other packages hold in memory: specutils, spectral-cube, mpdaf."""

from contextlib import nullcontext

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty, VarianceUncertainty
from astropy.wcs import WCS

from kinmis.cube.sources import Cube, given_layer, given_noise, plain_noise
from kinmis.cube.spectral_axis import make_axis

__all__ = ["open_object"]

_KINDS = {VarianceUncertainty: "variance", StdDevUncertainty: "error", InverseVariance: "ivar"}


def open_object(cube, package, options):
    """
    Return a cube of another package as a `~kinmis.cube.sources.Cube`.

    Parameters
    ----------
    cube : object
        A `specutils.Spectrum`, a `spectral_cube.SpectralCube` or a `mpdaf.obj.Cube`.
    package : str
        Its package.
    options : dict
        The user's options.

    Returns
    -------
    cube : context manager
        Gives a `~kinmis.cube.sources.Cube`.

    Raises
    ------
    TypeError
        If the object is no cube.
    """
    make = {"specutils": _specutils, "spectral_cube": _spectral_cube, "mpdaf": _mpdaf}[package]
    for name in ("extension", "wavelength"):
        if options.get(name) is not None:
            raise ValueError(f"{name}= is for files and arrays; the cube is a "
                             f"{type(cube).__name__}")
    return nullcontext(make(cube, options))


def _assemble(cube, options, axis, flux, unit, noise, kind, mask, wcs, header):
    given, given_kind = given_noise(options)
    if given is not None:
        noise, kind = plain_noise(given, given_kind, unit), given_kind
    told = given_layer(options, "mask")
    name = type(cube).__name__
    return Cube(axis, flux, noise=noise, noise_kind=kind if noise is not None else None,
                mask=mask if told is None else told,
                continuum=given_layer(options, "continuum", unit),
                wcs=options.get("wcs") if options.get("wcs") is not None else wcs,
                headers=(header,) if header is not None else (), where=f"the {name}",
                meta={"source": f"{type(cube).__module__.partition('.')[0]} {name}"})


def _medium(options, kind):
    """Return the medium and who tells it, for an axis type such as AWAV."""
    if options.get("medium") is not None:
        return options["medium"], "you"
    base = str(kind or "").upper().split("-")[0]
    medium = {"AWAV": "air", "WAVE": "vacuum"}.get(base)
    return medium, f"the axis type {kind}" if medium else None


def _specutils(cube, options):
    if not hasattr(cube, "spectral_axis") or cube.flux.ndim not in (2, 3):
        raise TypeError(f"the {type(cube).__name__} has the shape {np.shape(cube)}; a cube has a "
                        "spectral axis and two of the sky")
    place = getattr(cube, "spectral_axis_index", None)
    place = cube.flux.ndim - 1 if place is None else place
    flux = np.moveaxis(cube.flux.value, place, 0)
    noise = kind = None
    if cube.uncertainty is not None:
        kind = _KINDS.get(type(cube.uncertainty))
        if kind is None:
            raise TypeError("the uncertainty of the spectrum is of the type "
                            f"{type(cube.uncertainty).__name__}; it must be a variance, a standard "
                            "deviation or an inverse variance")
        noise = np.moveaxis(plain_noise(
            u.Quantity(cube.uncertainty.array, cube.uncertainty.unit
                       or cube.flux.unit ** {"variance": 2, "error": 1, "ivar": -2}[kind]),
            kind, cube.flux.unit), place, 0)
    mask = None if cube.mask is None else np.moveaxis(np.asarray(cube.mask), place, 0)
    wcs = cube.wcs if isinstance(cube.wcs, WCS) else None
    if wcs is not None and flux.ndim == 3 and wcs.has_celestial:
        # axes of an array run the other way than those of its WCS; a map has rows of latitude
        axes = [wcs.naxis - 1 - number for number in range(3) if number != place]
        if axes == [wcs.wcs.lng, wcs.wcs.lat]:
            flux, noise, mask = (None if item is None else np.swapaxes(item, 1, 2)
                                 for item in (flux, noise, mask))
        wcs = wcs.sub([wcs.wcs.lng + 1, wcs.wcs.lat + 1])
    else:
        wcs = None
    kind_of_axis = cube.wcs.wcs.ctype[cube.wcs.wcs.spec] if (
        isinstance(cube.wcs, WCS) and cube.wcs.wcs.spec >= 0) else None
    medium, told = _medium(options, kind_of_axis)
    axis = make_axis(u.Quantity(cube.spectral_axis), None, medium, told,
                     "the spectral axis of the Spectrum",
                     rest=getattr(cube.spectral_axis, "doppler_rest", None),
                     convention=getattr(cube.spectral_axis, "doppler_convention", None))
    header = cube.meta.get("header") if isinstance(cube.meta, dict) else None
    return _assemble(cube, options, axis, flux, cube.flux.unit, noise, kind, mask, wcs,
                     header if isinstance(header, fits.Header) else None)


class _Filled:
    """The data of a SpectralCube, NaN where it is masked, read as they are sliced."""

    def __init__(self, cube):
        self.cube = cube
        self.shape = cube.shape

    def __getitem__(self, item):
        return np.asarray(self.cube.filled_data[(*item, slice(None))].value)


def _spectral_cube(cube, options):
    if len(cube.shape) != 3:
        raise TypeError(f"the {type(cube).__name__} has the shape {cube.shape}, and is no cube")
    kind = cube.wcs.wcs.ctype[2]
    medium, told = _medium(options, kind)
    convention = {"VRAD": "radio", "VOPT": "optical", "VELO": "relativistic"}.get(kind[:4])
    rest = None
    if convention is not None:
        if cube.wcs.wcs.restfrq:
            rest = cube.wcs.wcs.restfrq * u.Hz
        elif cube.wcs.wcs.restwav:
            rest = cube.wcs.wcs.restwav * u.m
    axis = make_axis(cube.spectral_axis, None, medium, told, "the spectral axis of the cube",
                     rest=rest, convention=convention)
    return _assemble(cube, options, axis, _Filled(cube), cube.unit, None, None, None,
                     cube.wcs.celestial, cube.header)


def _mpdaf(cube, options):
    if getattr(cube, "wave", None) is None or np.ndim(cube.data) != 3:
        raise TypeError(f"the mpdaf object {type(cube).__name__} is no cube with wavelengths")
    medium, told = _medium(options, cube.wave.wcs.wcs.ctype[0])
    axis = make_axis(np.asarray(cube.wave.coord(unit=u.AA)) * u.AA, None, medium, told,
                     "the spectral axis of the cube")
    data = cube.data
    header = cube.primary_header.copy() if cube.primary_header is not None else fits.Header()
    for card in (cube.data_header or fits.Header()).cards:
        if card.keyword not in ("COMMENT", "HISTORY", ""):
            header[card.keyword] = card.value
    return _assemble(cube, options, axis, np.ma.filled(np.ma.asarray(data, float), np.nan), None,
                     None if cube.var is None else np.ma.filled(cube.var, np.nan), "variance",
                     None, None if cube.wcs is None else cube.wcs.wcs.celestial, header)
