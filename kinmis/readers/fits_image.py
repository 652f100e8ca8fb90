"""
Read velocity maps of any survey from FITS images, format ``fits-image``.

What a file means is told by a preset (`kinmis.readers.presets`), by options, or by its header.
"""

import dataclasses
import functools
import os
import re

import astropy.units as u
import numpy as np

from kinmis._units import KMS, scalar_in
from kinmis.galaxy import Galaxy
from kinmis.readers.fits_file import FitsFile, existing, has_plane
from kinmis.readers.fits_stream import first_header
from kinmis.readers.formats import register_reader
from kinmis.readers.presets import PRESETS, MapPreset, make_preset
from kinmis.readers.recognise import called_velocity, recognise
from kinmis.readers.sky_grid import grid_offsets, pixel_of_center, repaired_wcs, side_of_spaxel
from kinmis.readers.values import bins_of_equal, blank_mask, re_zero, speed_unit
from kinmis.velocity_field import VelocityField

__all__ = ["read_image"]

_OPTIONAL = ("error", "ivar", "mask", "bin_id")


def read_image(source, *, preset=None, extension=None, plane=None, error=None, ivar=None,
               error_plane=None, mask=None, bits=None, bin_id=None, blank=None, unit=None,
               absolute=None, v_ref=None, center=None, spaxel=None, repeats=None,
               component=None, line=None):
    """
    Read the velocity fields of a FITS file of images.

    Options go before the preset. Of a preset with two components they go to both, except
    where ``component`` chooses one. Without a preset that is named or recognised, the file
    must hold one image that is called a velocity, or a single image, or ``extension`` is
    needed.

    Parameters
    ----------
    source : str
        Path of the file, gzipped or not.
    preset : str, dict, os.PathLike or `~kinmis.readers.presets.MapPreset`, optional
        Name of a preset (`kinmis.readers.presets.PRESETS`), a dict with the entries of one,
        or a TOML file with them. By default it is recognised.
    extension : str or int, optional
        Extension with the velocity: name or number, 0 for the primary one.
    plane : int or str, optional
        Plane of a cube, from 0, or the name that the header has for it in a numbered keyword.
    error, ivar : str or int, optional
        Extension with the 1-sigma error or the inverse variance, or another file (in the
        folder of the first, if it is not found as given).
    error_plane : int or str, optional
        Plane of the error, by default that of the velocity.
    mask : str or int, optional
        Extension with the mask, or another file; zero is good.
    bits : int or sequence of int, optional
        Bits of the mask that count; by default any does.
    bin_id : str or int, optional
        Extension with the number of the bin of each spaxel, negative for none.
    blank : float or sequence of float, optional
        What means no measurement, besides NaN; ``()`` for nothing else. By default exactly
        0, -999, -999.9, -9999 and -1e6.
    unit : str or `~astropy.units.Unit`, optional
        Unit of the velocity, by default that of the header (``BUNIT`` or ``UNIT``).
    absolute : bool, optional
        Whether velocities are cz rather than relative to the galaxy; by default that is seen
        from them. They become (cz - cz_0) / (1 + z_0), each component with its own cz_0.
    v_ref : float, `~astropy.units.Quantity` or str, optional
        The velocity cz_0 that counts as zero, or the keyword that has it (km/s); for absolute
        velocities the median by default.
    center : `~astropy.coordinates.SkyCoord`, pair or str, optional
        Centre of the galaxy: a position, a pixel (column, row; from 0), ``"reference"``
        (position of the WCS, the default) or ``"image"`` (its middle).
    spaxel : float, `~astropy.units.Quantity` or pair, optional
        Side of a spaxel in arcsec for a map without a WCS (north up, east left), or the steps
        to the East along a row and to the North along a column.
    repeats : bool, optional
        The map repeats one measurement in each spaxel of a bin: find the bins.
    component : {"stellar", "gas"}, optional
        What moves, or which component of a file with two.
    line : str, optional
        Emission line.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        ``VelocityField.read`` gives one field, which may be of unknown component.

    Raises
    ------
    FileNotFoundError
        If there is no such file or preset.
    OSError
        If the file is truncated or damaged.
    ValueError
        If it is not FITS, if what to read is not clear, if the unit or the WCS is missing,
        or if every value is blank.

    Warns
    -----
    ReaderWarning
        If the WCS had to be put right.

    Notes
    -----
    A file with one component has no partner. Two files make a galaxy like this::

        Galaxy(stellar=VelocityField.read("stars.fits"), gas=VelocityField.read("gas.fits"))

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from astropy.io import fits
    >>> from kinmis import VelocityField
    >>> path = os.path.join(tempfile.mkdtemp(), "map.fits")
    >>> row, column = np.mgrid[-10:11, -10:11]
    >>> fits.writeto(path, 8.0 * column + 1500, fits.Header({"BUNIT": "km/s"}))
    >>> field = VelocityField.read(path, format="fits-image", component="gas", spaxel=0.5)
    >>> field.v_ref, field.east[0, 0]
    (<Quantity 1500. km / s>, <Quantity 5. arcsec>)
    """
    fields = _read(source, locals())
    if None in fields:
        raise ValueError("nothing tells what moves; give component=\"stellar\" or "
                         "component=\"gas\"")
    return Galaxy(**fields)


@functools.wraps(read_image)
def read_field(source, component=None, **options):
    fields = _read(source, {**options, "component": component})
    field, *others = fields.values()
    if others:
        return Galaxy(**fields).fields[field.component]
    return field


def _read(source, options):
    """Return the fields by component, None for an unknown one."""
    options = {key: value for key, value in options.items()
               if value is not None and key != "source"}
    chosen = options.pop("preset", None)
    given = options.keys()
    builtin = chosen is None or isinstance(chosen, str) and chosen in PRESETS
    with FitsFile.open(source) as file:
        signs = None
        if chosen is None:
            chosen, signs = recognise(source, file)
        preset = make_preset(chosen or MapPreset())
        whole = {item.name for item in dataclasses.fields(MapPreset)}
        preset = dataclasses.replace(
            preset, **{key: value for key, value in options.items() if key in whole})
        layers = _layers(preset, {key: value for key, value in options.items()
                                  if key not in whole}, file)
        fields = {}
        for layer in layers:
            if layer.component not in fields:
                strict = set() if builtin else set(_OPTIONAL)
                fields[layer.component] = _field(file, layer, preset, strict | set(given), signs)
    if all(field.n_valid == 0 for field in fields.values()):
        raise ValueError(f"{source}: every spaxel of the map is blank; choose another extension "
                         "or plane, or give blank= (what means no measurement)")
    return fields


def _layers(preset, options, file):
    """Return the layers of a preset that the file has, with options put in."""
    layers = preset.layers
    wanted = options.get("component")
    if len({layer.component for layer in layers}) > 1 and wanted is not None:
        layers = [layer for layer in layers if layer.component == wanted]
        if not layers:
            raise ValueError(f"the preset {preset.name} has no component {wanted!r}")
    layers = [dataclasses.replace(layer, **options) for layer in layers]
    there = [layer for layer in layers if _has(file, layer)]
    if not there:
        names = " or ".join(str(layer.extension if layer.plane is None
                                else f"{layer.extension} with the plane {layer.plane!r}")
                            for layer in layers)
        raise ValueError(f"{file.path} has no extension {names}; it has {', '.join(file.names)}")
    return there


def _has(file, layer):
    """Whether a file has the extension, and, where it is chosen by name, the plane."""
    if layer.extension is None:
        return True
    unit = file.find(layer.extension)
    if unit is None or not isinstance(layer.plane, (str, tuple)):
        return unit is not None
    return has_plane(unit.header, layer.plane, unit.header.get("NAXIS3", 1))


def _field(file, layer, preset, strict, signs):
    """Return one field."""
    path, primary = file.path, file.primary
    main = _velocity_unit(file) if layer.extension is None else file.get(layer.extension)
    values = file.image(main, layer.plane)
    where = f"{path}: the extension {main.name.upper() or 'with the velocity'}"
    unit = preset.unit
    if unit is None:
        unit = main.header.get("BUNIT") or main.header.get("UNIT")
    factor = speed_unit(unit, where).to(KMS)

    def companion(name, plane=None):
        return _companion(file, name, getattr(layer, name), plane, values.shape,
                          name in strict)

    error_plane = layer.plane if layer.error_plane is None else layer.error_plane
    error, ivar = companion("error", error_plane), companion("ivar", error_plane)
    bad = blank_mask(values, preset.blank)
    mask = companion("mask", layer.plane)
    if mask is not None:
        bad |= _bits_set(mask, layer.bits)
    for array in (error, ivar):
        if array is not None:
            # zero and negative numbers there are how most maps say that the fit failed
            bad |= ~(np.isfinite(array) & (array > 0))
    bin_id = companion("bin_id")
    if bin_id is not None:
        bin_id = np.where(np.isfinite(bin_id), bin_id, -1).astype(np.int64)
    elif preset.repeats or layer.repeats:
        bin_id = bins_of_equal(values, error if error is not None else ivar, bad)
    v_ref = preset.v_ref
    if isinstance(v_ref, str):
        v_ref = next((head[v_ref] for head in (main.header, primary) if v_ref in head), None)
        if v_ref is None:
            raise ValueError(f"{path}: no header has the keyword v_ref={preset.v_ref!r}; give "
                             "v_ref as a number (km/s)")
    v_ref = scalar_in(v_ref, KMS, "v_ref")
    velocity, scale, v_ref, absolute = re_zero(np.where(bad, np.nan, values * factor),
                                               v_ref=v_ref, absolute=preset.absolute)
    factor *= scale
    meta = _metadata(file, preset, signs)
    sky = _sky(file, main, preset, values.shape, meta)
    if absolute and "z" not in meta:
        meta["z"] = float(v_ref / 299792.458)
    return VelocityField.from_arrays(
        velocity, mask=bad, **sky,
        error=None if error is None else np.where(bad, np.nan, error * factor),
        ivar=None if ivar is None else np.where(bad, 0, ivar / factor**2),
        bin_id=bin_id, component=layer.component, line=layer.line, v_ref=v_ref, meta=meta)


def _velocity_unit(file):
    """Return the extension that must be the velocity where nobody says which it is."""
    images = file.images
    if not images:
        raise ValueError(f"{file.path} holds no image; it has {', '.join(file.names)}"
                         + ("; if it is a table of bins, give format=\"bin-table\""
                            if any(not unit.is_image for unit in file.units) else ""))
    named = [unit for unit in images if called_velocity(unit)]
    for choice in (named, images):
        if len(choice) == 1:
            return choice[0]
    names = [file.names[file.units.index(unit)] for unit in images]
    raise ValueError(f"{file.path} holds several images; give extension=, one of "
                     f"{', '.join(names)}")


def _companion(file, name, wanted, plane, shape, strict):
    """Return an image that belongs to the velocity, None where there is none."""
    if wanted is None:
        return None
    unit = file.find(wanted)
    if unit is not None:
        array = file.image(unit, plane if unit.header["NAXIS"] > 2 else None)
    elif isinstance(wanted, (str, os.PathLike)) and (other := existing(wanted, file.path)):
        with FitsFile.open(other) as second:
            if not second.images:
                raise ValueError(f"{name}: {other} holds no image")
            unit = second.images[0]
            array = second.image(unit, plane if unit.header["NAXIS"] > 2 else None)
    elif strict:
        raise ValueError(f"{name}={wanted!r} is neither an extension of {file.path}, which has "
                         f"{', '.join(file.names)}, nor a file")
    else:
        return None
    if array.shape != shape:
        raise ValueError(f"{file.path}: {name} has the shape {array.shape}, but the velocity "
                         f"has {shape}")
    return array


def _bits_set(mask, bits):
    mask = np.where(np.isfinite(mask), mask, 1).astype(np.int64)
    if bits is None:
        return mask != 0
    chosen = 0
    for bit in np.atleast_1d(bits):
        if not 0 <= bit < 63:
            raise ValueError(f"bits has {bit}; bits are numbered from 0 to 62")
        chosen |= 1 << int(bit)
    return mask & chosen != 0


def _sky(file, main, preset, shape, meta):
    """Return what places the map on the sky, for `VelocityField.from_arrays`."""
    wcs = None
    if preset.spaxel is None:
        others = [unit.header for unit in file.units if unit is not main]
        wcs = repaired_wcs([main.header, *others], shape, file.path)
    pixel = pixel_of_center(preset.center, wcs, shape, file.primary, file.path)
    if wcs is None:
        east, north = grid_offsets(preset.spaxel, shape, pixel)
        steps = np.abs([east[0, 0] - east[-1, -1], north[0, 0] - north[-1, -1]])
        meta["spaxel"] = float(np.mean(steps / np.maximum(np.array(shape[::-1]) - 1, 1))) * u.arcsec
        if np.size(preset.spaxel) == 1:
            meta["orientation"] = "assumed"
        return {"east": east, "north": north}
    center = wcs.pixel_to_world(*pixel)
    meta["spaxel"] = round(side_of_spaxel(wcs), 3) * u.arcsec
    position = center.icrs
    meta["ra"], meta["dec"] = float(position.ra.deg), float(position.dec.deg)
    return {"wcs": wcs, "center": center}


def _metadata(file, preset, signs):
    meta = {"survey": preset.survey, "release": preset.release, "source": file.path}
    for key, keyword in preset.keywords.items():
        meta[key] = next((unit.header[keyword] for unit in file.units
                          if keyword in unit.header), None)
    if not meta.get("id"):
        meta["id"] = _id_of(preset, file.path) if signs is None else signs.get("id")
    if preset.name in PRESETS:
        meta["preset"] = preset.name
    return {key: value for key, value in meta.items() if value not in (None, "")}


def _id_of(preset, path):
    pattern = preset.signs and preset.signs.filename
    match = pattern and re.search(pattern, os.path.basename(path))
    return match["id"] if match else None


def _identify(source):
    """Return whether a source is a velocity map that a preset or its header describes."""
    if not isinstance(source, str) or not os.path.isfile(source):
        return False
    try:
        header = first_header(source)
        if "DAPFRMT" in header or "KINMIS" in header:
            return False
        axis = str(header.get("CTYPE3", ""))
        if header.get("NAXIS3", 1) != 1 and re.search("WAV|LAMB|FREQ|VELO|VRAD|VOPT", axis):
            return False    # a cube of spectra, which may be large
        return _looks_like_maps(source, os.stat(source).st_mtime_ns)
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=16)
def _looks_like_maps(path, _):
    with FitsFile.open(path) as file:
        if recognise(path, file)[0] is not None:
            return True
        named = [unit for unit in file.images if called_velocity(unit)]
        if len(named) != 1 or np.prod(named[0].shape[:-2], dtype=int) != 1:
            return False
        unit = named[0].header.get("BUNIT") or named[0].header.get("UNIT")
        speed_unit(unit, path)      # ValueError where there is none: then the user must say so
        return True


register_reader("fits-image", read_image, _identify, read_field=read_field, priority=-10,
                recognises="FITS images that a preset describes, or one called a velocity",
                description="velocity maps of any survey as FITS images: SAMI, Pipe3D, "
                            "PHANGS-MUSE, GIST, SimSpin, Fabry-Perot, or by options")
