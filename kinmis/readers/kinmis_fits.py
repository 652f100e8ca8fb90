"""
Write fields and galaxies to FITS and read them back, every attribute as it was; format ``kinmis``.

Arrays are image extensions, so that any FITS program shows them; the rest is JSON text in the
extension ``META``. Velocities carry the WCS of the map for other programs, while kinmis
takes it from the JSON, where no digit is lost.
"""

import gzip
import io
import os
import uuid

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.nddata import InverseVariance

from kinmis._input import COMPONENTS
from kinmis._serialise import from_json, to_json
from kinmis._sky import LazyWCS
from kinmis._units import IVAR, KMS
from kinmis.galaxy import Galaxy
from kinmis.readers.celestial import dict_to_wcs, wcs_to_dict
from kinmis.readers.fits_stream import first_header, read_extensions
from kinmis.readers.formats import register_reader, register_writer
from kinmis.velocity_field import VelocityField

__all__ = ["read_field", "read_galaxy", "write_field", "write_galaxy"]

VERSION = 1
_KEYWORD = "KINMIS"     # in the primary header: what the file holds
_UNITS = {"VELOCITY": "km/s", "IVAR": "s2 km-2", "EAST": "arcsec", "NORTH": "arcsec"}


def write_galaxy(galaxy, path, *, overwrite=False):
    """
    Write a galaxy to a FITS file.

    Parameters
    ----------
    galaxy : `~kinmis.Galaxy`
        What to write.
    path : str
        Name of the file; it is gzipped if the name ends in ``.gz``.
    overwrite : bool, optional
        Replace a file of that name.

    Raises
    ------
    OSError
        If the file exists and ``overwrite`` is not given, or it can't be written.
    TypeError, ValueError
        If the metadata or an array hold something that can't be written.
    """
    _write("Galaxy", galaxy.fields, {"meta": galaxy.meta}, path, overwrite)


def write_field(field, path, *, overwrite=False):
    """
    Write a velocity field to a FITS file, without its ``partner``.

    Parameters
    ----------
    field : `~kinmis.VelocityField`
        What to write.
    path : str
        Name of the file; it is gzipped if the name ends in ``.gz``.
    overwrite : bool, optional
        Replace a file of that name.

    Raises
    ------
    OSError
        If the file exists and ``overwrite`` is not given, or it can't be written.
    TypeError, ValueError
        If the metadata or an array hold something that can't be written.
    """
    _write("VelocityField", {field.component or "field": field}, {}, path, overwrite)


def read_galaxy(source):
    """
    Read what ``Galaxy.write`` or ``VelocityField.write`` wrote.

    Parameters
    ----------
    source : str
        Path of the file, gzipped or not.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`

    Raises
    ------
    OSError
        If the file is truncated or damaged.
    ValueError
        If it is not of this format, of a newer version of it, or holds a single field of
        unknown component.
    """
    fields, meta = _read(source)
    if "field" in fields:
        raise ValueError(f"{source} holds a field of unknown component, which makes no galaxy; "
                         "read it with VelocityField.read")
    return Galaxy(**fields, meta=meta)


def read_field(source, component=None):
    """
    Read a field that ``VelocityField.write`` wrote, or one of what ``Galaxy.write`` wrote.

    Parameters
    ----------
    source : str
        Path of the file, gzipped or not.
    component : {"stellar", "gas"}, optional
        Which field; by default the stars, or the only one that there is.

    Returns
    -------
    field : `~kinmis.VelocityField`

    Raises
    ------
    OSError
        If the file is truncated or damaged.
    ValueError
        If it is not of this format, of a newer version of it, or lacks the component.
    """
    fields, meta = _read(source)
    if component is None:
        component = next(iter(fields))
    if component not in fields:
        raise ValueError(f"{source} holds no component {component!r} but {' and '.join(fields)}")
    if len(fields) == 2:
        return getattr(Galaxy(**fields, meta=meta), component)
    return fields[component]


def _write(kind, fields, content, path, overwrite):
    if not overwrite and os.path.exists(path):
        raise OSError(f"{path} exists; give overwrite=True to replace it")
    units = []
    content = {"version": VERSION, "fields": {}, **content}
    for name, field in fields.items():
        content["fields"][name] = attributes = _attributes(field)
        header = fits.Header() if field.wcs is None else field.wcs.to_header(relax=True)
        for extension, array in _arrays(field).items():
            stored, attributes["dtypes"][extension] = _storable(array, extension)
            unit = fits.ImageHDU(stored, header if extension == "VELOCITY" else None,
                                 name=f"{name}_{extension}".upper())
            if extension in _UNITS:
                unit.header["BUNIT"] = _UNITS[extension]
            units.append(unit)
    text = to_json(content, "").encode()
    primary = fits.PrimaryHDU()
    primary.header[_KEYWORD] = kind, "what this file holds, see kinmis"
    primary.header["KINMISV"] = VERSION, "version of the format"
    primary.header["EXTEND"] = True
    meta = fits.ImageHDU(np.frombuffer(text, np.uint8), name="META")
    meta.header["COMMENT"] = "The bytes are JSON text: everything but the arrays."
    buffer = io.BytesIO()
    fits.HDUList([primary, meta, *units]).writeto(buffer, checksum=True)
    data = buffer.getvalue()
    _write_whole(path, gzip.compress(data, 6, mtime=0) if path.endswith(".gz") else data)


def _attributes(field):
    """Return what is no array, ready for JSON."""
    return {"component": field.component, "line": field.line, "v_ref": field.v_ref,
            "meta": field.meta, "wcs": None if field.wcs is None else wcs_to_dict(field.wcs),
            "dtypes": {}}


def _arrays(field):
    arrays = {"VELOCITY": field.data, "MASK": field.mask, "EAST": field.east.value,
              "NORTH": field.north.value}
    if field.uncertainty is not None:
        arrays["IVAR"] = field.uncertainty.array
    if field.bin_id is not None:
        arrays["BIN_ID"] = field.bin_id
    return arrays


def _storable(array, name):
    """Return an array of a type that FITS has, and the name of the type that it had."""
    dtype = array.dtype
    if dtype.kind == "b":
        return array.view(np.uint8), dtype.str
    if dtype.kind == "f" and dtype.itemsize == 2:
        return array.astype(np.float32), dtype.str
    if dtype.kind not in "fi" or dtype.itemsize > 8:
        raise TypeError(f"{name} is an array of {dtype}, which FITS can't hold; use float64")
    if dtype.kind == "i" and dtype.itemsize == 1:
        return array.astype(np.int16), dtype.str
    return array, dtype.str


def _write_whole(path, data):
    """Write a file so that nobody ever sees half of it."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{path} can't be written: there is no folder {folder}")
    temporary = os.path.join(folder, f".{name}.{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def _read(path):
    """Return the fields of a file by component, and the metadata of the galaxy."""
    header = first_header(path)
    if header.get(_KEYWORD) not in ("Galaxy", "VelocityField"):
        raise ValueError(f"{path} was not written by kinmis: its header has no {_KEYWORD}")
    if header.get("KINMISV", VERSION) > VERSION:
        raise ValueError(f"{path} was written by a newer version of kinmis; update this one")
    found = read_extensions(path, {"META": None})
    content = from_json(found["META"].image.tobytes())
    wanted = [f"{name}_{extension}".upper() for name, attributes in content["fields"].items()
              for extension in attributes["dtypes"]]
    arrays = {name: extension.image
              for name, extension in read_extensions(path, dict.fromkeys(wanted)).items()}
    fields = {name: _field(name.upper(), attributes, arrays)
              for name, attributes in content["fields"].items()}
    order = [name for name in (*COMPONENTS, "field") if name in fields]
    return {name: fields[name] for name in order}, content.get("meta")


def _field(name, attributes, arrays):
    array = {extension: arrays[f"{name}_{extension}"].astype(dtype, copy=False)
             for extension, dtype in attributes["dtypes"].items()}
    wcs = attributes["wcs"]
    return VelocityField(
        array["VELOCITY"], mask=array["MASK"], bin_id=array.get("BIN_ID"),
        east=u.Quantity(array["EAST"], u.arcsec, copy=False),
        north=u.Quantity(array["NORTH"], u.arcsec, copy=False),
        uncertainty=InverseVariance(array["IVAR"], unit=IVAR, copy=False)
        if "IVAR" in array else None,
        wcs=None if wcs is None else LazyWCS(dict_to_wcs, wcs), unit=KMS,
        **{key: attributes[key] for key in ("meta", "component", "line", "v_ref")})


def _identify(source):
    """Return whether a source is a file that kinmis wrote."""
    try:
        return isinstance(source, str) and _KEYWORD in first_header(source)
    except (OSError, ValueError):
        return False


register_reader("kinmis", read_galaxy, _identify, read_field=read_field, priority=10,
                recognises="FITS with the keyword KINMIS",
                description="FITS file that kinmis wrote")
register_writer("kinmis", write_galaxy, write_field,
                description="FITS file that gives back every attribute")
