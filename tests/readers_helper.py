"""Small files for the tests of the readers."""

import gzip

import numpy as np
from astropy.io import fits

LINES = ("Hb-4862", "OIII-5008", "Ha-6564", "NII-6585")
BIN_LAYERS = ("Binned spectra", "Stellar continua", "Em. line moments", "Em. line models",
              "Spectral indices")


def sky_header(mirrored=False):
    """A celestial header with half-arcsec spaxels, east to the left unless mirrored."""
    step = 0.5 / 3600
    header = fits.Header()
    for key, value in (("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CUNIT1", "deg"),
                       ("CUNIT2", "deg"), ("CRPIX1", 4.), ("CRPIX2", 3.), ("CRVAL1", 150.),
                       ("CRVAL2", 20.), ("CDELT1", 1.), ("CDELT2", 1.),
                       ("PC1_1", step if mirrored else -step), ("PC2_2", step)):
        header[key] = value
    return header


def maps_units(shape=(5, 7), *, digits="{:02}", primary=(), drop=(), seed=1):
    """Return the HDUs of a small MAPS file, by name."""
    random = np.random.default_rng(seed)

    def unit(name, data, channels=()):
        header = sky_header()
        for number, channel in enumerate(channels, 1):
            header["C" + digits.format(number)] = channel
        return fits.ImageHDU(data, header, name=name)

    def velocities(*size):
        return random.normal(0, 80, size).astype(">f4")

    head = fits.PrimaryHDU()
    head.header.update({
        "VERSDRP3": "v3_1_1", "PLATEIFU": "8485-1901", "MANGAID": "1-209232",
        "DAPTYPE": "HYB10-MILESHC-MASTARSSP", "DAPFRMT": "MAPS", "SCINPVEL": 12000.5,
        "ECOOPA": 113.5, "ECOOELL": 0.25, "REFF": 5.5, "OBJRA": 232.5, "OBJDEC": 48.7,
        "RFWHM": 2.5, "DAPQUAL": 0, **dict(primary)})
    north, east = (np.indices(shape, ">f4") - 2) * np.float32(0.5)
    cube = (len(LINES), *shape)
    binid = np.stack([random.integers(-1, 9, shape) for _ in BIN_LAYERS]).astype(">i4")
    units = {
        "PRIMARY": head,
        "SPX_SKYCOO": unit("SPX_SKYCOO", np.stack([-east, north]), ("On-sky X", "On-sky Y")),
        "SPX_MFLUX": unit("SPX_MFLUX", velocities(*shape)),
        "BINID": unit("BINID", binid, BIN_LAYERS),
        "STELLAR_VEL": unit("STELLAR_VEL", velocities(*shape)),
        "STELLAR_VEL_IVAR": unit("STELLAR_VEL_IVAR", np.full(shape, 0.04, ">f4")),
        "STELLAR_VEL_MASK": unit("STELLAR_VEL_MASK", np.zeros(shape, ">i4")),
        "EMLINE_GVEL": unit("EMLINE_GVEL", velocities(*cube), LINES),
        "EMLINE_GVEL_IVAR": unit("EMLINE_GVEL_IVAR", np.full(cube, 0.02, ">f4"), LINES),
        "EMLINE_GVEL_MASK": unit("EMLINE_GVEL_MASK", np.zeros(cube, ">i4"), LINES),
        "SPECINDEX": unit("SPECINDEX", velocities(46, *shape)),
    }
    for name in drop:
        del units[name]
    return units


def write_units(units, path, *, checksum=True):
    """Write HDUs; a name that ends in ``.gz`` is gzipped."""
    fits.HDUList(list(units.values())).writeto(path, checksum=checksum, overwrite=True)
    return path


def rezip(path, data):
    """Gzip bytes into a file."""
    path.write_bytes(gzip.compress(data, mtime=0))
    return path
