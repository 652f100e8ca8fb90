"""A mock galaxy: a stellar and a gas field of one target."""

import astropy.units as u
import numpy as np

from kinmis.galaxy import Galaxy
from kinmis.mock.field import make_field, velocity_field
from kinmis.mock.footprint import BUNDLES
from kinmis.mock.options import one_or_two
from kinmis.surveys import find_profile

__all__ = ["galaxy"]


def galaxy(pa_stellar=30.0, pa_gas=None, *, profile=None, binning="hybrid", stellar=None,
           gas=None, seed=None, id=None, meta=None, **both):
    """
    Make a model galaxy: the velocity fields of its stars and its gas.

    Parameters
    ----------
    pa_stellar, pa_gas : `~astropy.units.Quantity` or float
        PA of the receding side of the stars and the gas, North through East (deg); the gas
        rotates with the stars by default.
    profile : str, optional
        Survey whose shape and size of field, spaxels, PSF and redshift are the defaults (a
        name of `kinmis.surveys.PROFILES`).
    binning : {"hybrid", "voronoi"}
        With ``bins`` (or ``bin_snr``): ``"hybrid"`` bins the stars and leaves the gas one
        value a spaxel, like MaNGA's HYB10; ``"voronoi"`` gives the gas the bins of the
        stars, like VOR10.
    stellar, gas : dict, optional
        Options of one component, as for `velocity_field`.
    seed : int or `~numpy.random.Generator`, optional
        For reproducible mocks.
    id : str, optional
        Name of the galaxy; by default a plate-IFU that no real galaxy has.
    meta : dict, optional
        More metadata.
    **both
        Options of both components, as for `velocity_field`.

    Returns
    -------
    galaxy : `~kinmis.Galaxy`
        Each field has its own ``meta["truth"]``; that of the galaxy holds both and the
        ``"misalignment"``, gas minus stars in (-180, 180] deg.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there is no such profile.

    Examples
    --------
    >>> from kinmis import mock
    >>> galaxy = mock.galaxy(pa_stellar=20, pa_gas=200, bins=250, seed=3)
    >>> galaxy.stellar.n_bins, galaxy.gas.bin_id is None
    (250, True)
    """
    if binning not in ("hybrid", "voronoi"):
        raise ValueError(f"binning must be 'hybrid' or 'voronoi', not {binning!r}")
    rng = np.random.default_rng(seed)
    seeds = rng.integers(2**63, size=3)
    options = dict(velocity_field.__kwdefaults__)
    _check_names(options, both, stellar, gas)
    if profile is not None:
        options |= find_profile(profile).mock_options()
    options |= both
    wedge = 0 if options["wedge"] is None else one_or_two(options["wedge"], u.deg, "wedge")
    if np.ndim(wedge) == 0 and wedge:
        # stars and gas miss the same sector
        start = float(np.random.default_rng(seeds[2]).uniform(0, 360))
        options["wedge"] = (start, start + wedge)
    options["id"] = _plate_ifu(seeds[2], options["size"]) if id is None else id
    stellar_options = {**options, "pa": pa_stellar, **(stellar or {}), "component": "stellar"}
    gas_options = {**options, "pa": pa_stellar if pa_gas is None else pa_gas,
                   **(gas or {}), "component": "gas"}
    own_bins = {"bins", "bin_snr"} & set(gas or ())
    for name in {"bins", "bin_snr"} - own_bins:
        gas_options[name] = None
    stars = make_field(stellar_options, np.random.default_rng(seeds[0]), meta)
    # the photometry is that of the galaxy, however the gas lies
    shared = {key: stars.meta[key] for key in ("photometric_pa", "ellipticity", "reff")}
    hydrogen = make_field(gas_options, np.random.default_rng(seeds[1]), shared | (meta or {}),
                          stars.bin_id if binning == "voronoi" else None)
    made = Galaxy(stellar=stars, gas=hydrogen)
    truth = {name: field.meta["truth"] for name, field in made.fields.items()}
    difference = truth["gas"]["pa"] - truth["stellar"]["pa"]
    made.meta["truth"] = truth | {"misalignment": 180 - (180 - difference) % 360}
    return made


def _check_names(options, *given):
    """Take out what is set elsewhere, and raise `TypeError` for an option that there isn't."""
    for name in ("meta", "seed", "component"):
        options.pop(name)
    for name in {name for names in given for name in names or ()} - {"pa", *options}:
        raise TypeError(f"galaxy() got an unexpected option {name!r}; there are "
                        + ", ".join(options))


def _plate_ifu(number, size):
    """Return a name like MaNGA's, on a plate that the survey has not used."""
    diameter = np.max(one_or_two(size, u.arcsec, "size"))
    fibres = min(BUNDLES, key=lambda number: abs(BUNDLES[number] - diameter))
    return f"{90000 + int(number) % 10000}-{fibres}{1 + int(number) // 10000 % 99:02d}"
