"""Velocity maps packed one after the other into one file of arrays (``velocity_maps.npz``)."""

from collections.abc import Sequence

import numpy as np

__all__ = ["PackedMaps"]


class PackedMaps(Sequence):
    """
    The maps of a packed file; each becomes a field when it is asked for.

    Map ``i`` begins at ``offset[i]`` of the arrays ``values`` (km/s, NaN where there is none) and
    ``bin_id``, with ``ny[i]`` rows to the North and ``nx[i]`` columns to the East from ``y0[i]``
    and ``x0[i]`` in steps of ``dy[i]`` and ``dx[i]`` (arcsec). The fields have their ``component``,
    and the ``plateifu`` as ``id``.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    names : list of tuple
        ``(id, component)`` of each map.
    """

    def __init__(self, path):
        with np.load(path) as file:
            self._data = {name: file[name] for name in file.files}
        self.names = list(zip(self._data["plateifu"].tolist(), self._data["component"].tolist()))

    def __len__(self):
        return len(self.names)

    def __getitem__(self, number):
        from kinmis import VelocityField
        name, component = self.names[number]
        start, ny, nx, x0, dx, y0, dy = (self._data[key][number] for key in (
            "offset", "ny", "nx", "x0", "dx", "y0", "dy"))
        values, bins = (self._data[key][start:start + ny * nx].reshape(ny, nx)
                        for key in ("values", "bin_id"))
        east, north = np.meshgrid(x0 + dx * np.arange(nx), y0 + dy * np.arange(ny))
        return VelocityField.from_arrays(values, east=east, north=north, bin_id=bins,
                                         component=component, meta={"id": name, "survey": "MaNGA"})
