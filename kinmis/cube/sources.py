"""One view of all cubes: files, objects of other packages, and arrays."""

import os
from dataclasses import dataclass, field

import astropy.units as u
import numpy as np

from kinmis._units import values_in
from kinmis.cube.spectral_axis import SpectralAxis, make_axis

__all__ = ["Cube", "open_cube"]

NOISE = ("variance", "error", "ivar")


@dataclass
class Cube:
    """
    A cube that is read slab by slab.

    Layers are anything that is sliced like an array of the shape (channels, rows, columns), or
    (channels, spectra).

    Parameters
    ----------
    axis : `~kinmis.cube.spectral_axis.SpectralAxis`
        Wavelengths.
    flux : array-like
        The spectra.
    noise : array-like or None
        Their noise.
    noise_kind : {"variance", "error", "ivar"} or None
        What ``noise`` is.
    mask : array-like or None
        True or not zero where bad; of all channels, or of spaxels.
    continuum : array-like or None
        What is subtracted.
    bin_id : `~numpy.ndarray` or None
        Bin of each spaxel, negative for none.
    wcs : `~astropy.wcs.WCS` or None
        Celestial.
    headers : tuple
        Headers that may tell the redshift, the one of the flux first.
    where : str
        What the cube is called in messages.
    meta : dict
        Metadata for the field.
    """

    axis: SpectralAxis
    flux: object
    noise: object = None
    noise_kind: str | None = None
    mask: object = None
    continuum: object = None
    bin_id: np.ndarray | None = None
    wcs: object = None
    headers: tuple = ()
    where: str = "the cube"
    meta: dict = field(default_factory=dict)

    def __post_init__(self):
        count = len(self.axis.wavelength)
        if len(self.flux.shape) not in (2, 3):
            raise ValueError(f"{self.where} has the shape {tuple(self.flux.shape)}; a cube has "
                             "three axes (channels, rows, columns), a list of spectra two")
        if self.flux.shape[0] != count:
            raise ValueError(f"{self.where} has {self.flux.shape[0]} channels (its first axis), "
                             f"but there are {count} wavelengths")
        for name in ("noise", "mask", "continuum"):
            layer = getattr(self, name)
            allowed = ((self.flux.shape, self.shape) if name == "mask" else (self.flux.shape,))
            if layer is not None and tuple(layer.shape) not in map(tuple, allowed):
                name = self.noise_kind if name == "noise" else name
                raise ValueError(f"{self.where}: {name} has the shape {tuple(layer.shape)}, but "
                                 f"the spectra have {tuple(self.flux.shape)}")

    @property
    def shape(self):
        """Shape of the map."""
        return tuple(self.flux.shape[1:])

    def read(self, channels, rows):
        """
        Return spectra and their inverse variance.

        Parameters
        ----------
        channels : slice
            Of increasing wavelength.
        rows : slice
            Of the map.

        Returns
        -------
        flux, ivar : `~numpy.ndarray`
            Of shape (spaxels, channels); the inverse variance is 0 where a channel is bad, and
            1 elsewhere if the cube has no noise.
        """
        count = self.flux.shape[0]
        if self.axis.reversed:
            channels = slice(count - channels.stop, count - channels.start)
        flux = self._spectra(self.flux, channels, rows)
        ivar = np.isfinite(flux).astype(float)
        if self.noise is not None:
            noise = self._spectra(self.noise, channels, rows)
            with np.errstate(all="ignore"):
                noise = {"variance": lambda: 1 / noise, "error": lambda: noise ** -2,
                         "ivar": lambda: noise}[self.noise_kind]()
            ivar *= np.where(np.isfinite(noise) & (noise > 0), noise, 0)
        if self.mask is not None:
            if len(self.mask.shape) == len(self.shape):
                bad = np.ravel(np.asarray(self.mask[rows]) != 0)
                ivar[bad] = 0
            else:
                ivar[self._spectra(self.mask, channels, rows) != 0] = 0
        if self.continuum is not None:
            flux -= self._spectra(self.continuum, channels, rows)
        ivar[~np.isfinite(flux)] = 0
        return np.where(ivar > 0, flux, 0), ivar

    def _spectra(self, layer, channels, rows):
        block = np.asarray(layer[channels, rows], float)
        block = block.reshape(len(block), -1).T
        return np.ascontiguousarray(block[:, ::-1] if self.axis.reversed else block)


def open_cube(cube, options):
    """
    Return a cube of any kind as a `Cube`, within a ``with`` statement's stack.

    Parameters
    ----------
    cube : str, os.PathLike or object
        What the user gave.
    options : dict
        The options of `kinmis.VelocityField.from_cube` that tell what the cube is.

    Returns
    -------
    cube : context manager
        Gives a `Cube`.

    Raises
    ------
    TypeError
        If this is no cube.
    """
    if isinstance(cube, (str, os.PathLike)):
        from kinmis.cube.fits_cube import open_fits
        return open_fits(os.path.expanduser(os.fspath(cube)), options)
    package = type(cube).__module__.partition(".")[0]
    if package in ("specutils", "spectral_cube", "mpdaf"):
        from kinmis.cube.objects import open_object
        return open_object(cube, package, options)
    from contextlib import nullcontext
    return nullcontext(_from_arrays(cube, options))


def _from_arrays(cube, options):
    data = cube.value if isinstance(cube, u.Quantity) else cube
    if isinstance(data, np.ma.MaskedArray):
        data = data.astype(float).filled(np.nan)
    data = np.asarray(data)
    if data.dtype.kind not in "fiu":
        raise TypeError("cube must be a path, an array, or a cube of specutils, spectral-cube or "
                        f"mpdaf, not {type(cube).__name__}")
    wavelength = options.get("wavelength")
    if wavelength is None or isinstance(wavelength, str):
        raise ValueError("an array does not tell its wavelengths; give wavelength=, an array with "
                         "a unit, and medium=")
    if options.get("extension") is not None:
        raise ValueError("extension= is for files; the cube is an array")
    axis = make_axis(wavelength, options.get("wavelength_unit"), options.get("medium"), None,
                     "the cube")
    noise, kind = given_noise(options)
    unit = cube.unit if isinstance(cube, u.Quantity) else None
    return Cube(axis, data, noise=plain_noise(noise, kind, unit), noise_kind=kind,
                mask=given_layer(options, "mask"),
                continuum=given_layer(options, "continuum", unit), wcs=options.get("wcs"),
                meta={"source": "arrays"})


def given_noise(options):
    """Return the noise that the user gave, and which kind it is; or None twice."""
    given = [kind for kind in NOISE if options.get(kind) is not None]
    if len(given) > 1:
        raise ValueError(f"give one of variance, error and ivar, not {' and '.join(given)}")
    return (options[given[0]], given[0]) if given else (None, None)


def plain_noise(noise, kind, unit):
    """Return noise as numbers that belong to spectra in a unit."""
    if noise is None:
        return None
    if isinstance(noise, u.Quantity):
        power = {"variance": 2, "error": 1, "ivar": -2}[kind]
        noise = values_in(noise, (unit or u.one) ** power, kind)
    return np.asarray(noise)


def given_layer(options, name, unit=None):
    """Return an array that the user gave, or None."""
    layer = options.get(name)
    if layer is None:
        return None
    if isinstance(layer, (str, os.PathLike)):
        raise ValueError(f"{name}={layer!r} names an extension, but the cube is no file; give an "
                         "array")
    if isinstance(layer, u.Quantity):
        layer = values_in(layer, unit or u.one, name)
    return np.asarray(layer)
