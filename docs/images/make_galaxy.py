"""
Make the picture of the README, ``galaxy.png`` beside this file, by running its examples.

    python docs/images/make_galaxy.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "_ext"))

from page_examples import PageExamples  # noqa: E402 (found by the line above)

if __name__ == "__main__":
    page = PageExamples(HERE.parents[1] / "README.rst")
    page.run_until()
    page.names["figure"].savefig(HERE / "galaxy.png", dpi=90)
    print(f"{HERE / 'galaxy.png'}: {(HERE / 'galaxy.png').stat().st_size / 1000:.0f} kB")
