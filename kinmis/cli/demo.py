"""``kinmis demo``."""

import sys
import tempfile
from pathlib import Path

from kinmis.cli.errors import UsageError

__all__ = ["run"]

# what is shown, and how it is made
GALAXIES = (
    ("stars and gas aligned", {"pa_stellar": 35., "pa_gas": 38.}),
    ("gas misaligned", {"pa_stellar": 120., "pa_gas": 195.}),
    ("gas counter-rotates", {"pa_stellar": 250., "pa_gas": 70.}),
    ("gas does not rotate", {"pa_stellar": 310., "pa_gas": 310., "gas": {"v_max": 0.}}),
)
PICTURED = 1


def run(args):
    """Make galaxies, measure them, show the result beside the truth, draw one."""
    if args.out is None:
        folder = Path(tempfile.mkdtemp(prefix="kinmis-demo-"))
    else:
        folder = Path(args.out)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{args.out!r} exists and is not an empty folder; choose another")
    from kinmis.catalogue import measure
    from kinmis.catalogue.summary import summary
    from kinmis.cli.mock import write_mocks
    recipes = [{**recipe, "bins": 300, "noise": 10., "seed": args.seed + number}
               for number, (_, recipe) in enumerate(GALAXIES)]
    print(f"Writing {len(recipes)} model galaxies as MaNGA MAPS files to {folder}")
    truth = write_mocks(recipes, folder)
    truth["description"] = [description for description, _ in GALAXIES]
    out = folder / "angles.ecsv"
    print(f"Measuring them: kinmis measure {folder}/*.fits.gz --out {out}\n")
    table = measure(truth, source_column="path", out=out, progress=False)
    for line in _beside(table).pformat(max_lines=-1, max_width=-1, align="<"):
        print(line.rstrip())
    print("", *summary(table), sep="\n")
    picture = _draw(table["path"][PICTURED], folder / "galaxy.png")
    print(f"\ntable:   {out}\n{picture}")
    return int("failed" in table["status"])


def _beside(table):
    """Return the angles beside the truth, as text."""
    from astropy.table import Table

    from kinmis.catalogue.summary import brief
    short = brief(table)
    resting = short["PA gas"] == "-"
    true = {name: [f"{value:.0f}" for value in table[f"true_{name}"].to_value("deg")]
            for name in ("stellar_pa", "gas_pa", "misalignment")}
    for name in ("gas_pa", "misalignment"):
        true[name] = ["-" if none else text for none, text in zip(resting, true[name])]
    quality = {f"quality {what}": _quality(table, component)
               for component, what in (("stellar", "stars"), ("gas", "gas"))
               if not table[f"{component}_quality"].mask.all()}
    return Table({
        "model galaxy": table["description"],
        "PA stars": short["PA stars"], "true": true["stellar_pa"],
        "PA gas": short["PA gas"], "true ": true["gas_pa"],
        "misalignment": short["misalignment"], "true  ": true["misalignment"],
        "P(> 30)": short["P(> 30)"], **quality})


def _quality(table, component):
    """Return the quality of fields in words."""
    from kinmis.classifier.labels import QUALITY
    return ["-" if gone else QUALITY[int(value)] for value, gone in zip(
        table[f"{component}_quality"].data.data, table[f"{component}_quality"].mask)]


def _draw(source, path):
    from kinmis import Galaxy
    try:
        Galaxy.read(source).clean().plot(residuals=True).savefig(path)
    except ImportError as error:
        print(f"kinmis: {error}", file=sys.stderr)
        return "picture: none"
    return f"picture: {path}"
