"""Values of the extensions of mock MAPS files: velocities exactly, the rest plausibly."""

import astropy.units as u
import numpy as np

from kinmis.mock.field import disc_and_grid
from kinmis.mock.maps_schema import BITS

__all__ = ["MapsValues"]

# what the DAP writes beyond the field of view, and where it has no measurement
_OUTSIDE = BITS["NOCOV"] | BITS["LOWCOV"] | BITS["DONOTUSE"]
_NO_VALUE = BITS["NOVALUE"] | BITS["DONOTUSE"]
_BAD_LINE = BITS["MATHERROR"] | BITS["DONOTUSE"]

# flux over that of H-alpha, for the lines that are not faint
_STRENGTH = {"Ha-6564": 1, "NII-6585": 0.36, "NII-6549": 0.12, "OIII-5008": 0.45,
             "OIII-4960": 0.15, "Hb-4862": 0.33, "Hgam-4341": 0.15, "SII-6718": 0.2,
             "SII-6732": 0.15, "OII-3727": 0.4, "OIId-3728": 0.9, "OII-3729": 0.5}

_SNR = 60.0
_FLUX = 1.5
# (km/s)^-2, where the mock has no error of its own: the file format can't leave it out
_DEFAULT_IVAR = 0.04
# angular scale at low redshift, for a Hubble constant of 100 km/s/Mpc
_HKPC_PER_ARCSEC_PER_Z = 1e3 * 2997.92458 * np.deg2rad(1 / 3600)

# base value and its error, in units of their own, of what kinmis does not use
_PLAIN = {
    "STELLAR_SIGMA": (120.0, 10.0), "STELLAR_SIGMACORR": (30.0, 1.0),
    "STELLAR_CONT_FRESID": (0.1, 0.02), "STELLAR_CONT_RCHI2": (1.1, 0.1),
    "STELLAR_FOM": (1.0, 0.1), "EMLINE_SEW_CNT": (1.0, 0.1), "EMLINE_GEW_CNT": (1.0, 0.1),
    "EMLINE_GSIGMA": (90.0, 8.0), "EMLINE_INSTSIGMA": (75.0, 0.5),
    "EMLINE_TPLSIGMA": (55.0, 0.5), "EMLINE_FOM": (1.0, 0.1), "EMLINE_LFOM": (1.0, 0.2),
    "SPECINDEX": (1.5, 0.25), "SPECINDEX_CORR": (1.0, 0.01), "SPECINDEX_MODEL": (1.5, 0.05),
    "SPECINDEX_BF": (1.5, 0.25), "SPECINDEX_BF_CORR": (1.0, 0.01),
    "SPECINDEX_BF_MODEL": (1.5, 0.05), "SPECINDEX_WGT": (1.0, 0.1),
    "SPECINDEX_WGT_CORR": (1.0, 0.01), "SPECINDEX_WGT_MODEL": (1.0, 0.05),
}
# these follow the light of the gas and the strength of the line
_LINE_LIKE = {"EMLINE_SFLUX": (6.0, 0.05), "EMLINE_SEW": (20.0, 0.3), "EMLINE_GFLUX": (6.0, 0.05),
              "EMLINE_GEW": (20.0, 0.3), "EMLINE_GA": (3.0, 0.03), "EMLINE_GANR": (100.0, 1.0)}


class MapsValues:
    """
    The arrays of a MAPS file for a galaxy.

    Parameters
    ----------
    galaxy : `~kinmis.Galaxy`
        With 2-D fields of one shape.
    rng : `~numpy.random.Generator`
        For the noise of what kinmis does not use.
    schema : `~kinmis.mock.maps_schema.Schema`
    """

    def __init__(self, galaxy, rng, schema):
        self.galaxy = galaxy
        self._radii, self._empty = schema.radii, schema.empty_moments
        self.rng = rng
        field = galaxy.stellar if galaxy.stellar is not None else galaxy.gas
        self.shape = field.shape
        self.east, self.north = field.east.value, field.north.value
        self.light, self.covered = _light(field)
        if galaxy.gas is not None:
            self.gas_light, covered = _light(galaxy.gas)
            self.covered = self.covered | covered
        else:
            self.gas_light = self.light
        self.bins = self._bins()
        self.bits = {name: self._bits(getattr(galaxy, name)) for name in ("stellar", "gas")}
        self._first = {name: _first_of_bin(bins) for name, bins in self.bins.items()}
        self.n_bins = int(self.bins["stellar"].max()) + 1
        self._special = self._geometry()

    def array(self, extension):
        """Return the values of an extension, big-endian as in the file."""
        name, quantity = extension.name, extension.quantity
        if name in self._special:
            return self._special[name]
        component = "gas" if quantity.startswith(("EMLINE", "SPECINDEX")) else "stellar"
        if quantity in ("STELLAR_VEL", "EMLINE_GVEL"):
            return self._velocity(extension, component)
        bits = self._channel_bits(extension, component)
        if extension.role == "QUALITY":
            return bits.astype(">i4")
        base, error = _PLAIN.get(quantity) or _LINE_LIKE[quantity]
        if extension.role == "ERROR":
            return np.where(bits == 0, error**-2, 0).astype(">f4")
        mean = base * self.light**0.2 if quantity == "STELLAR_SIGMA" else base
        if quantity in _LINE_LIKE:
            mean = base * self.gas_light
            if extension.channels:
                mean = mean * np.array([_STRENGTH.get(line, 0.03)
                                        for line in extension.channels])[:, None, None]
        values = mean + error * self.rng.standard_normal(bits.shape, np.float32)
        # spaxels of a bin repeat one value
        values = values.reshape(*bits.shape[:-2], -1)[..., self._first[component]]
        return np.where(bits == 0, values, 0).astype(">f4")

    def _velocity(self, extension, component):
        field = getattr(self.galaxy, component)
        bits = self._channel_bits(extension, component)
        if extension.role == "QUALITY":
            return bits.astype(">i4")
        values = np.zeros(self.shape)
        if field is not None and extension.role == "DATA":
            values = np.where(field.mask, 0, field.data)
        elif field is not None:
            values = (np.where(field.mask, 0, _DEFAULT_IVAR) if field.uncertainty is None
                      else np.where(field.mask, 0, field.uncertainty.array))
        # all lines share one velocity, also where a faint line is flagged
        return np.broadcast_to(values.astype(">f4"), bits.shape)

    def _channel_bits(self, extension, component):
        """Return the mask bits, with a channel axis where the extension has one."""
        bits = self.bits[component]
        if not extension.channels:
            return bits
        bits = np.repeat(bits[None], len(extension.channels), axis=0)
        if extension.quantity.startswith("EMLINE") and len(extension.channels) > 9:
            for channel, line in enumerate(extension.channels):
                good = bits[channel] == 0
                if extension.quantity.startswith("EMLINE_S") and line in self._empty:
                    bits[channel][good] = _NO_VALUE
                elif line not in _STRENGTH:
                    # a faint line fails here and there, the same in all its extensions
                    fails = (self._first[component] + 7 * channel) % 101 == 0
                    bits[channel][good & fails] = _BAD_LINE
        return bits

    def _bins(self):
        """
        Return the bin numbers of both components, -1 for none.

        Fields that are binned share one numbering, so that a bin of both keeps its number;
        in one that is not, every spaxel is a bin.
        """
        bins, binned = {}, {}
        for name in ("stellar", "gas"):
            field = getattr(self.galaxy, name)
            bins[name] = np.full(self.shape, -1, np.int32)
            if field is not None and field.bin_id is None:
                bins[name][~field.mask] = np.arange(field.n_valid)
            elif field is not None:
                binned[name] = ~field.mask & (field.bin_id >= 0)
        ids = np.unique(np.concatenate([np.array([], int)] + [
            getattr(self.galaxy, name).bin_id[good] for name, good in binned.items()]))
        for name, good in binned.items():
            bins[name][good] = np.searchsorted(ids, getattr(self.galaxy, name).bin_id[good])
        return bins

    def _bits(self, field):
        bits = np.where(self.covered, _NO_VALUE, _OUTSIDE).astype(np.int32)
        if field is not None:
            bits[~field.mask] = 0
        return bits

    def _geometry(self):
        """Return the coordinate, flux and bin extensions."""
        bins, light = self.bins["stellar"], np.where(self.covered, self.light, 0)
        binned = bins >= 0
        snr = _SNR * np.sqrt(light)
        flux_ivar = np.where(self.covered, (0.02 * _FLUX) ** -2, 0)
        layers = np.stack([bins, bins, *[self.bins["gas"]] * 3])

        def of_bins(values, weights=light):
            """Return the weighted mean over each bin, at each of its spaxels."""
            total = np.bincount(bins[binned], weights[binned], self.n_bins)
            moment = np.bincount(bins[binned], (weights * values)[binned], self.n_bins)
            out = np.zeros(self.shape)
            out[binned] = moment[bins[binned]] / total[bins[binned]]
            return out

        count = np.zeros(self.shape)
        count[binned] = np.bincount(bins[binned], minlength=self.n_bins)[bins[binned]]
        spaxel = self.galaxy.meta.get("spaxel", 0.5 * u.arcsec).to_value(u.arcsec)
        east, north = of_bins(self.east), of_bins(self.north)
        ones = np.ones(self.shape)
        special = {
            "SPX_SKYCOO": np.stack([self.east, self.north]),
            "SPX_ELLCOO": self._elliptical(self.east, self.north),
            "SPX_MFLUX": _FLUX * light, "SPX_MFLUX_IVAR": flux_ivar, "SPX_SNR": snr,
            "BINID": layers,
            "BIN_LWSKYCOO": np.stack([east, north]),
            "BIN_LWELLCOO": np.where(binned, self._elliptical(east, north), 0),
            "BIN_AREA": count * spaxel**2, "BIN_FAREA": binned,
            "BIN_MFLUX": _FLUX * of_bins(light, ones),
            "BIN_MFLUX_IVAR": np.where(binned, count * (0.02 * _FLUX) ** -2, 0),
            "BIN_MFLUX_MASK": self.bits["stellar"],
            "BIN_SNR": of_bins(snr, ones) * np.sqrt(count),
        }
        return {name: values.astype(">i4" if name in ("BINID", "BIN_MFLUX_MASK") else ">f4")
                for name, values in special.items()}

    def _elliptical(self, east, north):
        """Return the polar coordinates in the plane of the disc, a channel each."""
        meta = self.galaxy.meta
        pa = np.deg2rad(u.Quantity(meta.get("photometric_pa", 0), u.deg).value)
        along = east * np.sin(pa) + north * np.cos(pa)
        across = (east * np.cos(pa) - north * np.sin(pa)) / (1 - meta.get("ellipticity", 0))
        radius = np.hypot(along, across)
        reff = u.Quantity(meta.get("reff", 1), u.arcsec).value
        scales = [1, 1 / reff, _HKPC_PER_ARCSEC_PER_Z * meta.get("z", 0)][:self._radii]
        return np.stack([*(radius * scale for scale in scales),
                         np.rad2deg(np.arctan2(across, along)) % 360])


def _first_of_bin(bins):
    """Return, for each spaxel, the flat index of the first spaxel of its bin."""
    _, first, bin_index = np.unique(bins, return_index=True, return_inverse=True)
    return first[bin_index].reshape(bins.shape)


def _light(field):
    """Return the surface brightness of a mock, 1 at the centre, and its field of view."""
    truth = field.meta.get("truth")
    if truth is not None:
        disc, grid = disc_and_grid(truth)
        if grid.inside.shape == field.shape:
            return grid.smear(disc, truth["psf_fwhm"])[0], grid.inside | ~field.mask
    return np.ones(field.shape), ~field.mask
