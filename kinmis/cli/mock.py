"""``kinmis mock``."""

import sys
from pathlib import Path

from kinmis.cli.errors import UsageError

__all__ = ["run", "write_mocks"]

TRUTH = "truth.ecsv"


def run(args):
    """Write the files and the table of the truth."""
    import numpy as np
    folder = Path(args.out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{args.out!r} is a file; name a folder")
    if (folder / TRUTH).exists() and not args.overwrite:
        raise UsageError(f"'{folder / TRUTH}' exists; give --overwrite to replace the galaxies, "
                         "or choose another folder")
    seed = np.random.SeedSequence(args.seed).entropy
    recipes = random_recipes(args.n, np.random.default_rng(seed))
    truth = write_mocks(recipes, folder, args.schema, overwrite=args.overwrite)
    truth.meta["seed"] = str(seed)
    from kinmis.catalogue import write_table
    write_table(truth, folder / TRUTH, overwrite=args.overwrite)
    print(folder / TRUTH)
    print(f"{args.n} model galaxies written to {folder}", file=sys.stderr)
    return 0


def random_recipes(n, rng):
    """Return the parameters of model galaxies; the gas of every third goes its own way."""
    recipes = []
    for number in range(n):
        stellar, offset = rng.uniform(0, 360), rng.normal(0, 3)
        if number % 3 == 2:
            offset = rng.uniform(30, 330)
        recipes.append({
            "pa_stellar": stellar, "pa_gas": (stellar + offset) % 360,
            "inclination": rng.uniform(30, 70), "v_max": rng.uniform(100, 250), "bins": 300,
            "seed": int(rng.integers(2**31))})
    return recipes


def write_mocks(recipes, folder, schema="DR17", *, overwrite=False):
    """
    Write model galaxies as MAPS files.

    Parameters
    ----------
    recipes : list of dict
        Options of `kinmis.mock.galaxy`.
    folder : `~pathlib.Path`
        Where to; it is made.
    schema : str
        Layout of the files.
    overwrite : bool
        Whether to replace files that exist.

    Returns
    -------
    truth : `~astropy.table.QTable`
        Path, name and true angles of each.
    """
    import astropy.units as u
    import numpy as np
    from astropy.table import QTable

    from kinmis import mock
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for recipe in recipes:
        galaxy = mock.galaxy(**recipe)
        path = mock.write_maps(galaxy, folder, schema=schema, overwrite=overwrite)
        angles = [recipe["pa_stellar"], recipe["pa_gas"]]
        offset = abs((angles[1] - angles[0] + 180) % 360 - 180)
        rows.append((str(path), galaxy.id, *angles, offset))
    path, name, stellar, gas, offset = zip(*rows)
    return QTable({
        "path": path, "plateifu": name, "true_stellar_pa": np.array(stellar) * u.deg,
        "true_gas_pa": np.array(gas) * u.deg, "true_misalignment": np.array(offset) * u.deg})
