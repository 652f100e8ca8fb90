"""
Time of ``import kinmis`` against that of the parts of astropy that its objects stand on.

Each import runs in a new interpreter, by turns, and the medians are compared; what the
interpreter needs to start is taken off both.

    python benchmarks/bench_import.py [repeats]
"""

import subprocess
import sys
from statistics import median
from time import perf_counter

TARGET = 1.2
STATEMENTS = {
    "start": "pass",
    "astropy": "import astropy.nddata, astropy.table, astropy.wcs",
    "kinmis": "import kinmis",
    "kinmis objects": "from kinmis import Galaxy, VelocityField",
    "kinmis measure": "from kinmis import measure",
}


def seconds(statement):
    start = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return perf_counter() - start


def main(repeats=15):
    """Print the table; return whether the target is met."""
    times = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        seconds(statement)  # the first time compiles, and fills the cache of the disk
    for _ in range(repeats):
        for name, statement in STATEMENTS.items():
            times[name].append(seconds(statement))
    start = median(times["start"])
    astropy = median(times["astropy"]) - start
    print(f"median of {repeats}; the interpreter starts in {start * 1e3:.0f} ms")
    for name in STATEMENTS:
        if name != "start":
            taken = median(times[name]) - start
            print(f"{STATEMENTS[name]:52} {taken * 1e3:6.0f} ms  {taken / astropy:5.2f} x astropy")
    worst = max(median(times[name]) - start for name in ("kinmis", "kinmis objects")) / astropy
    print(f"target: import kinmis, and its objects, within {TARGET} x; "
          f"{'met' if worst <= TARGET else 'missed'}")
    return worst <= TARGET


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
