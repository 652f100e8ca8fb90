"""Mock galaxies as MAPS files of the MaNGA Data Analysis Pipeline."""

import io
import os
import zlib
from pathlib import Path

import numpy as np
from astropy.io import fits

from kinmis.mock.maps_header import extension_header, map_cards, plate_ifu, primary_header
from kinmis.mock.maps_schema import SCHEMAS, extensions
from kinmis.mock.maps_values import MapsValues

__all__ = ["write_maps"]


def write_maps(galaxy, path, schema="DR17", daptype=None, overwrite=False):
    """
    Write a galaxy as a MAPS file of the MaNGA Data Analysis Pipeline (DAP).

    The file has all the extensions of the release, in order, with their types, channels,
    keywords, bit masks and checksums. Positions, bins, velocities, their inverse variance and
    masks are those of the galaxy; line fluxes, dispersions, spectral indices and so on are
    plausible numbers.

    Parameters
    ----------
    galaxy : `~kinmis.Galaxy`
        With maps of one shape that have a WCS, such as from `kinmis.mock.galaxy`. What it
        does not have is written as missing. Fields without an uncertainty get an error of
        5 km/s, since the format must have one.
    path : str or path-like
        Where to write. A name that ends in ``.gz`` is compressed; in an existing folder the
        file gets the name that the survey would give it.
    schema : {"DR15", "DR17"}, optional
        Release whose schema the file has.
    daptype : str, optional
        Analysis type, such as ``"HYB10-MILESHC-MASTARSSP"``; by default as the bins are.
    overwrite : bool, optional
        Replace a file that exists.

    Returns
    -------
    path : `~pathlib.Path`
        The file.

    Raises
    ------
    ValueError
        If a field is no map or has no WCS, the shapes differ, or there is no such schema.
    OSError
        If the file exists and ``overwrite`` is False.

    Notes
    -----
    Extensions and channels follow a real file of DR15 and the data model of DAP 3.1 (DR17),
    https://sdss-mangadap.readthedocs.io; Westfall et al. 2019 (AJ 158, 231) describe them.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from kinmis import Galaxy, mock
    >>> galaxy = mock.galaxy(pa_stellar=40, pa_gas=220, bins=300, seed=1, id="90001-6101")
    >>> with TemporaryDirectory() as folder:
    ...     path = mock.write_maps(galaxy, folder)
    ...     print(path.name)
    ...     print(Galaxy.read(path).stellar)
    manga-90001-6101-MAPS-HYB10-MILESHC-MASTARSSP.fits.gz
    <VelocityField 90001-6101: stellar, 48 x 48, 1279 valid in 300 bins, ... km/s>
    """
    layout = extensions(schema)
    _check(galaxy)
    daptype = daptype or f"{_binning(galaxy)}-{SCHEMAS[schema].templates}"
    path = Path(path)
    if path.is_dir():
        path = path / f"manga-{plate_ifu(galaxy)}-MAPS-{daptype}.fits.gz"
    if path.exists() and not overwrite:
        raise OSError(f"{path} exists; give another path, or overwrite=True")
    content = _content(galaxy, schema, daptype, layout)
    if path.suffix == ".gz":
        from isal import igzip  # compresses many times faster than zlib
        content = igzip.compress(content, mtime=0)
    # readers never see half a file
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _check(galaxy):
    shapes = set()
    for name, field in galaxy.fields.items():
        if field.data.ndim != 2:
            raise ValueError(f"the {name} field is a list of bins; a MAPS file holds maps")
        if field.wcs is None:
            raise ValueError(f"the {name} field has no WCS, which a MAPS file needs")
        shapes.add(field.shape)
    if len(shapes) > 1:
        raise ValueError("the stellar and the gas field must have one shape, not "
                         + " and ".join(map(str, sorted(shapes))))


def _binning(galaxy):
    """Return the survey's name for the way the galaxy is binned."""
    binned = {name for name, field in galaxy.fields.items() if field.bin_id is not None}
    if not binned:
        return "SPX"
    return "VOR10" if binned == set(galaxy.fields) else "HYB10"


def _content(galaxy, schema, daptype, layout):
    """Return the bytes of the file, the same for the same galaxy."""
    release = SCHEMAS[schema]
    rng = np.random.default_rng(zlib.crc32(plate_ifu(galaxy).encode()))
    values = MapsValues(galaxy, rng, release)
    field = galaxy.stellar if galaxy.stellar is not None else galaxy.gas
    cards = {cube: map_cards(field.wcs, cube) for cube in (False, True)}
    hdus = fits.HDUList([fits.PrimaryHDU(header=primary_header(galaxy, schema, daptype,
                                                               values.n_bins))])
    for extension in layout:
        header = extension_header(extension, cards[bool(extension.channels)],
                                  release.flat_class)
        hdus.append(fits.ImageHDU(values.array(extension), header))
    for hdu in hdus:
        # without the date of today, two writes give the same bytes
        hdu.add_checksum(when="HDU checksum")
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return buffer.getvalue()
