"""
The example of the page "Using kinmis on other surveys": three galaxies of SAMI, from files on.

    python benchmarks/sami_example.py

Runs the lines below on real files, as somebody would type them, and writes what they print to
``docs/measured/sami.json`` and a picture to ``docs/images/sami.png``. The files are not part of the
repository: they are looked for in ``ifu/sami`` of the shared data, see `real_maps`.
"""

import code
import contextlib
import io
import json
import os
import sys
import warnings
from datetime import date
from pathlib import Path

from real_maps import data_folder

DOCS = Path(__file__).parents[1] / "docs"

EXAMPLE = '''\
from pathlib import Path
from kinmis import Galaxy, VelocityField, classify, measure
galaxies = []
for stars in sorted(Path("sami").glob("*_A_stellar-velocity_default_two-moment.fits.gz")):
    gas = str(stars).replace("stellar-velocity_default_two-moment", "gas-velocity_default_1-comp")
    galaxies.append(Galaxy(stellar=VelocityField.read(stars), gas=VelocityField.read(gas)))

galaxies[1]
galaxies[1].gas.caveats()
results = classify(galaxies)
results[1]
fields = [field for result in results for field in (result.stellar, result.gas)]
print("out of distribution:", sum(field.out_of_distribution for field in fields), "of", len(fields))
table = measure(galaxies)
names = ["stellar_pa", "stellar_pa_err", "gas_pa", "gas_pa_err", "misalignment"]
for name in names:
    table[name].info.format = ".1f"

print(table["id", *names])
print(table["misalignment_probability"].round(3).tolist())
figure = galaxies[1].plot(clean=True, style="paper")
'''


def transcript(text):
    """Return what an interpreter shows when lines are typed, and the names that are left."""
    names, shown = {"__name__": "__console__"}, []
    console = code.InteractiveConsole(names)
    more = False
    for line in text.splitlines():
        printed = io.StringIO()
        shown.append(f"{'...' if more else '>>>'} {line}".rstrip())
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            more = console.push(line)
        if "Traceback" in printed.getvalue():
            raise SystemExit(printed.getvalue())
        # the empty line that ends a block is none in a text
        if shown[-1] in ("...", ">>>"):
            shown.pop()
        shown += printed.getvalue().splitlines()
    return "\n".join(shown), names


def main():
    from kinmis.classifier.model import model_id
    os.chdir(data_folder() / "ifu")
    warnings.simplefilter("error")
    output, names = transcript(EXAMPLE)
    figure = names["figure"]
    figure.savefig(DOCS / "images" / "sami.png", dpi=150)
    told = {"date": date.today().isoformat(), "script": "sami_example.py", "model": model_id(),
            "python": sys.version.split()[0], "output": output}
    (DOCS / "measured" / "sami.json").write_text(json.dumps(told, indent=1) + "\n",
                                                 encoding="utf-8")
    print(output)


if __name__ == "__main__":
    main()
