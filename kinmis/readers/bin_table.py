"""
Read tables of bins, with or without a table of spaxels, format ``bin-table``.

What the columns mean is told by a preset (`kinmis.readers.table_presets`) or by options.
"""

import dataclasses
import functools
import os
import re

import astropy.units as u
import numpy as np

from kinmis._units import KMS, scalar_in
from kinmis.galaxy import Galaxy
from kinmis.readers.fits_file import existing
from kinmis.readers.fits_stream import first_header
from kinmis.readers.formats import register_reader
from kinmis.readers.table_presets import TABLE_PRESETS, TablePreset, make_table_preset
from kinmis.readers.tables import (grid_of_spaxels, in_arcsec, read_aperture, read_columns,
                                   related_file)
from kinmis.readers.values import blank_mask, re_zero, speed_unit
from kinmis.velocity_field import VelocityField

__all__ = ["read_table"]


def read_table(source, *, preset=None, spaxels=None, velocity=None, error=None, x=None, y=None,
               east=None, rows=None, bin_id=None, spaxel_bin=None, first_bin=None,
               position_unit=None, blank=None, unit=None, absolute=None, v_ref=None,
               center=None, component=None, line=None):
    """
    Read the velocity fields of a table of bins or spaxels.

    With spaxels that lie on a regular grid the field is a map, in which the spaxels of a bin
    repeat its velocity; else it is a list. Options go before the preset.

    Parameters
    ----------
    source : str
        Path of the table: FITS (the first table in it), ECSV, or any text table.
    preset : str, dict, os.PathLike or `~kinmis.readers.table_presets.TablePreset`, optional
        Name of a preset (`kinmis.readers.table_presets.TABLE_PRESETS`), a dict with the
        entries of one, or a TOML file with them. By default it is recognised.
    spaxels : str or pair of str, optional
        The table of spaxels, or ``aperture.dat`` and ``bins.dat`` of DYNAMITE; by default
        they are looked for beside the file, if the preset has them.
    velocity, error : str, optional
        Columns with the velocity and its 1-sigma error.
    x, y : str, optional
        Columns with the positions.
    east : {"x", "-x"}, optional
        Which way is East. With North up and East to the left it is ``"-x"``.
    rows : {"bins", "spaxels"}, optional
        What a row of the table with the velocities is.
    bin_id : str, optional
        Column of that table with the number of the bin.
    spaxel_bin : str, optional
        Column of the table of spaxels with the number of the bin, negative for none.
    first_bin : int, optional
        Number of the first bin, where bins are numbered by their rows.
    position_unit : str, optional
        Unit of the positions, by default that of the column, or arcsec.
    blank : float or sequence of float, optional
        What means no measurement, besides NaN; by default exactly 0, -999, -999.9, -9999 and
        -1e6.
    unit : str or `~astropy.units.Unit`, optional
        Unit of the velocity, by default that of the column.
    absolute : bool, optional
        Whether velocities are cz; by default that is seen from them. They become
        (cz - cz_0) / (1 + z_0).
    v_ref : float or `~astropy.units.Quantity`, optional
        The velocity cz_0 that counts as zero, km/s; for absolute velocities the median by
        default.
    center : pair, optional
        Position of the galaxy, in the coordinates of the table; by default the origin.
    component : {"stellar", "gas"}, optional
        What moves, or which component of files with two.
    line : str, optional
        Emission line.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        ``VelocityField.read`` gives one field, which may be of unknown component.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or the table of spaxels is missing.
    OSError
        If a file is truncated or damaged.
    ValueError
        If a column, a unit or a position is missing, if two tables do not fit together, or
        if every value is blank.

    Examples
    --------
    >>> import os, tempfile
    >>> from astropy.table import QTable
    >>> import astropy.units as u
    >>> from kinmis import VelocityField
    >>> path = os.path.join(tempfile.mkdtemp(), "bins.ecsv")
    >>> QTable({"x": [-1, 0, 1] * u.arcsec, "y": [0, 1, 0] * u.arcsec,
    ...         "v": [-30, 2, 30] * u.km / u.s}).write(path)
    >>> field = VelocityField.read(path, format="bin-table", velocity="v", x="x", y="y",
    ...                            east="-x", component="gas")
    >>> field.east
    <Quantity [ 1., -0., -1.] arcsec>
    """
    fields = _read(source, locals())
    if None in fields:
        raise ValueError("nothing tells what moves; give component=\"stellar\" or "
                         "component=\"gas\"")
    return Galaxy(**fields)


@functools.wraps(read_table)
def read_field(source, component=None, **options):
    fields = _read(source, {**options, "component": component})
    # of several files, the one that was given counts
    field = next((item for item in fields.values() if item.meta["source"] == source),
                 next(iter(fields.values())))
    return field if len(fields) == 1 else Galaxy(**fields).fields[field.component]


def _read(source, options):
    """Return the fields by component, None for an unknown one."""
    options = {key: value for key, value in options.items()
               if value is not None and key != "source"}
    chosen = options.pop("preset", None)
    table = read_columns(source)
    if chosen is None and "velocity" not in options:
        chosen = _recognise(table)
        if chosen is None:
            raise ValueError(f"{source} has the columns {', '.join(table.arrays)}, which no "
                             "preset knows; give velocity=, x=, y= and east=, or preset=")
    preset = make_table_preset(chosen or TablePreset())
    whole = {item.name for item in dataclasses.fields(TablePreset)}
    preset = dataclasses.replace(preset, **{key: value for key, value in options.items()
                                            if key in whole})
    if "east" in options:
        preset = dataclasses.replace(preset, east_assumed=False)
    layers = [dataclasses.replace(layer, **{key: value for key, value in options.items()
                                            if key not in whole and key != "component"})
              for layer in preset.layers]
    wanted = options.get("component")
    if len(layers) == 1 and wanted:
        layers = [dataclasses.replace(layers[0], component=wanted)]
    stem = _stem(preset, source)
    place = _place_of_spaxels(preset, source, stem, "spaxels" in options)
    fields, looked = {}, []
    for layer in layers:
        if layer.component in fields or wanted not in (None, layer.component):
            continue
        path = source if layer.part is None else related_file(source, layer.part, stem or "")
        looked.append(path or f"{stem}{layer.part}.fits")
        if path is not None:
            values = table if path == source else read_columns(path)
            if layer.part is None or values.name_of(layer.velocity) is not None:
                fields[layer.component] = _field(values, layer, preset, place)
    if not fields:
        raise ValueError(f"{source}: there are no velocities"
                         + (f" of the component {wanted!r}" if wanted else "") + ", looked for "
                         f"in {', '.join(dict.fromkeys(map(str, looked))) or 'nothing'}; give "
                         "the path of the table with the velocities")
    if all(field.n_valid == 0 for field in fields.values()):
        raise ValueError(f"{source}: every velocity is blank; give blank= (what means no "
                         "measurement), or velocity= (another column)")
    return fields


def _stem(preset, source):
    """Return what the names of the files of one galaxy have in common."""
    match = preset.filename and re.match(preset.filename, os.path.basename(source))
    return match["id"] if match else None


def _place_of_spaxels(preset, source, stem, told):
    """Return positions and bins of the spaxels, None where the preset has no such table."""
    if preset.spaxels is None:
        return None
    names = [preset.spaxels] if isinstance(preset.spaxels, (str, os.PathLike)) else list(
        preset.spaxels)
    paths = []
    for name in names:
        path = existing(name, source)
        if path is None and not told and stem is not None:
            path = related_file(source, name, stem)
        if path is None:
            named = name if told or stem is None or len(names) > 1 else f"{stem}{name}.fits"
            raise FileNotFoundError(f"{source} needs the table of spaxels {named}, which is not "
                                    "beside it; give spaxels=, its path")
        paths.append(path)
    if len(paths) == 2:
        horizontal, vertical, bins = read_aperture(*paths)
        return paths[1], horizontal, vertical, bins
    table = read_columns(paths[0])
    horizontal, vertical = _positions(table, preset)
    bins = table.get(preset.spaxel_bin, "the number of the bin (spaxel_bin)")
    return paths[0], horizontal, vertical, np.where(bins >= 0, np.nan_to_num(bins),
                                                    -1).astype(np.int64)


def _positions(table, preset):
    arrays = []
    for option in ("x", "y"):
        wanted = getattr(preset, option)
        values = table.get(wanted, f"the position ({option}); give {option}=, or spaxels= "
                                   "(a table of spaxels)")
        unit = preset.position_unit or table.units.get(table.name_of(wanted))
        arrays.append(in_arcsec(values, unit, table.path))
    if not (np.isfinite(arrays[0]) & np.isfinite(arrays[1])).any():
        raise ValueError(f"{table.path} has no finite positions in its columns {preset.x} and "
                         f"{preset.y}")
    return arrays


def _field(table, layer, preset, place):
    """Return one field."""
    velocity = table.get(layer.velocity, "the velocity")
    unit = preset.unit or table.units.get(table.name_of(layer.velocity))
    factor = speed_unit(unit, f"{table.path}: the column {table.name_of(layer.velocity)}").to(KMS)
    bad = blank_mask(velocity, preset.blank)
    error = None
    if layer.error is not None and (table.name_of(layer.error) or isinstance(layer.error, str)):
        error = table.get(layer.error, "the error")
        bad |= ~(np.isfinite(error) & (error > 0))
    v_ref = scalar_in(preset.v_ref, KMS, "v_ref")
    velocity, scale, v_ref, absolute = re_zero(np.where(bad, np.nan, velocity * factor),
                                               v_ref=v_ref, absolute=preset.absolute)
    if error is not None:
        error = np.where(bad, np.nan, error * factor * scale)
    if preset.rows not in ("bins", "spaxels"):
        raise ValueError(f"rows must be 'bins' or 'spaxels', not {preset.rows!r}")
    bins = None if layer.bin_id is None else table.get(layer.bin_id, "the number of the bin")
    if place is not None:
        path, horizontal, vertical, ids = place
        if preset.rows == "spaxels" or layer.part == "_gas_SPAXEL":
            if len(table) != ids.size:
                raise ValueError(f"{table.path} has {len(table)} rows, but {path} has {ids.size} "
                                 "spaxels: they do not belong together")
            row, ids = np.arange(ids.size).reshape(ids.shape), None
        else:
            row = _rows_of(ids, bins, len(table), preset.first_bin, path, table.path)
        bad = np.where(row < 0, True, bad[row])
        velocity = velocity[row]
        error = None if error is None else error[row]
    else:
        horizontal, vertical = _positions(table, preset)
        ids = None if bins is None or preset.rows == "bins" else np.where(
            np.isfinite(bins) & (bins >= 0), np.nan_to_num(bins), -1).astype(np.int64)
        bad = bad if ids is None else bad | (ids < 0)
    arrays = {"velocity": velocity, "error": error, "bin_id": ids, "mask": bad}
    return _placed(arrays, horizontal, vertical, layer, preset, table, v_ref, absolute,
                   place is not None or preset.rows == "spaxels")


def _rows_of(ids, bins, count, first, path, table_path):
    """Return the row of the bin of each spaxel, -1 for none."""
    if bins is None:
        row = np.where(ids >= 0, ids - first, -1)
        used = np.unique(row[ids >= 0])
        if len(used) != count or used.min() < 0 or used.max() >= count:
            raise ValueError(f"{path} and {table_path} do not belong together: the first has "
                             f"{len(used)} bins ({ids[ids >= 0].min(initial=10**9)} to "
                             f"{ids.max()}), the second {count} rows")
        return row
    if len(np.unique(bins)) < len(bins):
        raise ValueError(f"{table_path} has several rows for one bin")
    order = np.argsort(bins)
    spot = np.searchsorted(bins[order], ids).clip(max=len(bins) - 1)
    row = np.where(bins[order][spot] == ids, order[spot], -1)
    missing = np.unique(ids[(ids >= 0) & (row < 0)])
    if missing.size:
        raise ValueError(f"{path} and {table_path} do not belong together: the second lacks the "
                         f"bins {', '.join(map(str, missing[:5]))} of the first"
                         + (" and more" if missing.size > 5 else ""))
    return row


def _placed(arrays, horizontal, vertical, layer, preset, table, v_ref, absolute, spaxels):
    """Return the field, as a map where its spaxels lie on a grid."""
    meta = {"id": table.header.get("OBJECT") or _stem(preset, table.path),
            "survey": preset.survey, "release": preset.release, "source": table.path,
            "preset": preset.name if preset.name in TABLE_PRESETS else None,
            "z": float(v_ref / 299792.458) if absolute else None,
            "orientation": "assumed" if preset.east_assumed else None}
    meta = {key: value for key, value in meta.items() if value not in (None, "")}
    if spaxels and horizontal.ndim == 1:
        grid = grid_of_spaxels(horizontal, vertical)
        if grid is not None:
            row, column, horizontal, vertical, step = grid
            meta["spaxel"] = step * u.arcsec
            for name, array in arrays.items():
                if array is not None:
                    empty = {"velocity": np.nan, "error": np.nan, "bin_id": -1, "mask": True}
                    filled = np.full(horizontal.shape, empty[name], array.dtype)
                    filled[row, column] = array
                    arrays[name] = filled
    elif horizontal.ndim == 2 and horizontal.shape[1] > 1:
        meta["spaxel"] = round(float(horizontal[0, 1] - horizontal[0, 0]), 6) * u.arcsec
    if preset.east not in ("x", "-x"):
        raise ValueError(f"{table.path}: which way is East? Give east=\"-x\" if x grows to the "
                         "West, as with North up and East to the left, or east=\"x\"")
    if preset.center != "origin":
        try:
            first, second = preset.center
        except (TypeError, ValueError):
            raise ValueError("center must be a pair (x, y) in the coordinates of the table, not "
                             f"{preset.center!r}") from None
        horizontal = horizontal - scalar_in(first, u.arcsec, "center[0]")
        vertical = vertical - scalar_in(second, u.arcsec, "center[1]")
    return VelocityField.from_arrays(
        arrays["velocity"], error=arrays["error"], mask=arrays["mask"], bin_id=arrays["bin_id"],
        east=horizontal if preset.east == "x" else -horizontal, north=vertical,
        component=layer.component, line=layer.line, v_ref=v_ref, meta=meta)


def _recognise(table):
    """Return the name of the preset that a table has, or None."""
    for name, preset in TABLE_PRESETS.items():
        stem = _stem(preset, table.path)
        if isinstance(preset.spaxels, str):     # several files: their names count
            # the table with the spaxels, or one beside it, will do
            if stem is not None and (
                    any(table.name_of(item.velocity) for item in preset.layers)
                    or related_file(table.path, preset.spaxels, stem)):
                return name
            continue
        layer = preset.layers[0]
        needed = [layer.velocity, layer.error, layer.bin_id, preset.x, preset.y]
        if all(table.name_of(column) for column in needed if column is not None):
            return name
    return None


def _identify(source):
    """Return whether a source is a table that a preset describes."""
    if not isinstance(source, str) or not os.path.isfile(source):
        return False
    try:
        if source.lower().endswith(".ecsv"):
            return _recognise(read_columns(source)) is not None
        if not re.search(r"(?i)\.fits?(\.gz)?$", source):
            return False
        header = first_header(source)
        if header.get("NAXIS") != 0 or "DAPFRMT" in header or "KINMIS" in header:
            return False
        return _is_table(source, os.stat(source).st_mtime_ns)
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=16)
def _is_table(path, _):
    return _recognise(read_columns(path)) is not None


register_reader("bin-table", read_table, _identify, read_field=read_field, priority=-10,
                recognises="FITS and ECSV tables that a preset describes",
                description="tables of bins or spaxels: ATLAS3D, CALIFA, GIST, DYNAMITE, or "
                            "by options")
