"""
Real files of several surveys: angle, misalignment and quality of each field.

    python benchmarks/bench_real_files.py [--pictures FOLDER] [--no-cubes] [--no-classify]

Reads every velocity file in the folder ``ifu`` of the shared data without options, cleans the
fields, and prints a table. Stars and gas of SAMI, which are separate files, are put together by
galaxy and binning. From cubes the H-alpha velocity is measured, with the redshift as the only
option. ``--pictures`` draws each galaxy, so that a look tells whether it is the right way round.
The classification needs ``pip install "kinmis[classifier]"``.
"""

import argparse
import sys
import warnings
from pathlib import Path

from real_maps import data_folder

from kinmis import Galaxy, VelocityField
from kinmis.exceptions import ReaderWarning

# redshifts: of the survey, and of the lines themselves to three digits
CUBES = {"sami/572402_A_sectors_red.fits.gz": 0.02827,
         "muse/A478_BCG_minicube_Halpha_7000-7320A.fits.gz": 0.086}
# a mask that belongs to the tables beside it, and files that others read with them
PARTS = ("_mask", "_table", "_gas_BIN")
HEADER = ("galaxy", "file", "field", "data", "PA", "err", "misal.", "err", "quality")
LINE = "{:15s} {:30s} {:9s} {:>5s} {:>6s} {:>5s} {:>6s} {:>5s}  {}"


def galaxies(folder):
    """Yield what a file holds, or two files of one galaxy, and its name."""
    paths = sorted(path for path in folder.rglob("*.fits.gz")
                   if str(path.relative_to(folder)) not in CUBES
                   and not path.name.removesuffix(".fits.gz").endswith(PARTS))
    pairs = {}
    for path in paths:
        galaxy = Galaxy.read(path)
        name = path.name.removesuffix(".fits.gz")
        if galaxy.meta.get("survey") != "SAMI":
            yield name, galaxy
            continue
        # 572402_A_stellar-velocity_default_two-moment, 572402_A_gas-velocity_default_1-comp
        binning, kind = name.split("velocity_")[1].split("_", 1)
        pairs.setdefault((galaxy.id, binning), {})[kind] = galaxy
    for (number, binning), found in pairs.items():
        stars = found.pop("two-moment", None)
        gases = found or {"two-moment": None}
        for kind, gas in gases.items():
            yield f"{number}_{binning}_{kind}", Galaxy(
                stellar=stars and stars.stellar, gas=gas and gas.gas)


def measured(folder):
    """Yield the galaxies whose gas is measured from a cube."""
    for name, z in CUBES.items():
        field = VelocityField.from_cube(folder / name, line="Ha", z=z)
        yield f"cube: {Path(name).name.removesuffix('.fits.gz')}", Galaxy(gas=field)


def rows(name, galaxy, classify):
    """Yield the rows of a galaxy."""
    galaxy = galaxy.clean()
    both = galaxy.stellar is not None and galaxy.gas is not None
    apart = galaxy.misalignment() if both else None
    classes = galaxy.classify() if classify else None
    for component, field in galaxy.fields.items():
        result = field.fit_pa()
        last = "-"
        if classes is not None:
            one = getattr(classes, component)
            last = (f"{'-' if one.quality is None else one.quality} (usable {one.usable:.2f}"
                    f"{', unlike training' if one.out_of_distribution else ''})")
        gap = (f"{apart.absolute.value:.1f}", f"{apart.error.value:.1f}") if apart else ("", "")
        yield LINE.format((galaxy.id or "-")[:15], name[:30], component, str(field.n_bins),
                          f"{result.values['pa']:.1f}", f"{result.values['pa_err']:.1f}",
                          *gap, last)


def need_classifier():
    """Leave with a message unless galaxies can be classified."""
    try:
        from kinmis import mock
        mock.galaxy(seed=1, bins=50).classify()
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        sys.exit(f"no classification: {error}\nInstall it with pip install "
                 "\"kinmis[classifier]\", or give --no-classify for a table without quality.")


def main():
    parser = argparse.ArgumentParser(description="Table of real files")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each galaxy")
    parser.add_argument("--no-classify", dest="classify", action="store_false")
    parser.add_argument("--no-cubes", dest="cubes", action="store_false")
    args = parser.parse_args()
    if args.classify:
        need_classifier()
    if args.cubes and not hasattr(VelocityField, "from_cube"):
        sys.exit("no VelocityField.from_cube; give --no-cubes for a table without cubes")
    folder = data_folder() / "ifu"
    print(LINE.format(*HEADER))
    sources = [galaxies(folder), *([measured(folder)] if args.cubes else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("always", ReaderWarning)
        for name, galaxy in (item for source in sources for item in source):
            for row in rows(name, galaxy, args.classify):
                print(row)
            if args.pictures:
                args.pictures.mkdir(parents=True, exist_ok=True)
                safe = "".join(letter if letter.isalnum() or letter in "-_." else "_"
                               for letter in name)
                galaxy.clean().plot().savefig(args.pictures / f"{safe}.png", dpi=80)


if __name__ == "__main__":
    main()
