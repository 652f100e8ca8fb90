"""
How long reading a MAPS file takes, against inflating the bytes that are needed.

Run ``python benchmarks/bench_reading.py [FILE ...]``; without a file it takes the real one
(``$KINMIS_TEST_DATA``, or ``../shared/data`` beside the checkout) and mock files of DR17 of the
smallest, a middle and the largest bundle. Everything is timed in turn in one process, several
times in a row as in a survey, in time of the processor, so that the ratios hold on a busy
machine too. The targets are 1.3 times bare inflation with isal, and 5 times faster than astropy.
"""

import argparse
import os
import statistics
import tempfile
import time
import zlib
from pathlib import Path

from astropy.io import fits
from isal import igzip_lib

from kinmis import Galaxy, mock

try:
    from zlib_ng import zlib_ng
except ImportError:     # compared where it is installed
    zlib_ng = None

PIECE = 1 << 17
ROW = 5
REAL = "ifu/manga/manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz"
EXTENSIONS = ("SPX_SKYCOO", "BINID", "STELLAR_VEL", "STELLAR_VEL_IVAR", "STELLAR_VEL_MASK",
              "EMLINE_GVEL", "EMLINE_GVEL_IVAR", "EMLINE_GVEL_MASK")


def inflate_isal(path, size):
    """Inflate the first ``size`` bytes in pieces that are thrown away: the fastest way."""
    inflater, done = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), 0
    with open(path, "rb", buffering=0) as file:
        while done < size:
            packed = file.read(PIECE) if inflater.needs_input else b""
            done += len(inflater.decompress(packed, min(PIECE, size - done)))


def inflate_zlib(path, size, module=zlib):
    """Do the same with zlib, or something with its interface."""
    inflater, done = module.decompressobj(31), 0
    with open(path, "rb", buffering=0) as file:
        while done < size:
            packed = inflater.unconsumed_tail or file.read(PIECE // 4)
            done += len(inflater.decompress(packed, min(PIECE, size - done)))


def read_astropy(path):
    """Read the same extensions with astropy."""
    with fits.open(path) as units:
        header = units["EMLINE_GVEL"].header
        channel = next(int(key[1:]) for key, value in header["C*"].items() if value == "Ha-6564")
        planes = {name: units[name].data for name in EXTENSIONS}
        return {name: plane[channel - 1].copy() if name.startswith("EMLINE") else plane.copy()
                for name, plane in planes.items()}


def needed_bytes(path):
    """Return where the last extension that is needed ends."""
    with fits.open(path) as units:
        places = [units[name].fileinfo() for name in EXTENSIONS]
        return max(place["datLoc"] + place["datSpan"] for place in places)


def bench(path, repeats):
    """Time everything on one file and print a table."""
    size = needed_bytes(path)
    tasks = {
        "isal, bare inflation": lambda: inflate_isal(path, size),
        "zlib, bare inflation": lambda: inflate_zlib(path, size),
        "kinmis, Galaxy.read": lambda: Galaxy.read(path),
        "kinmis, format given": lambda: Galaxy.read(path, format="manga-dap"),
        "astropy.io.fits": lambda: read_astropy(path),
    }
    if zlib_ng is not None:
        tasks["zlib-ng, bare inflation"] = lambda: inflate_zlib(path, size, zlib_ng)
    times = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            task()      # the one before left the caches and the heap in disorder
            for _ in range(ROW):
                start = time.thread_time()
                task()
                times[name].append(time.thread_time() - start)
    unit = statistics.median(times["isal, bare inflation"])
    print(f"\n{os.path.basename(path)}: {os.path.getsize(path) / 1e6:.1f} MB, of which "
          f"{size / 1e6:.1f} MB inflated are needed; {repeats} x {ROW} runs")
    print(f"{'':26}{'median ms':>10}{'fastest':>10}{'x isal':>8}")
    for name in sorted(times, key=lambda name: statistics.median(times[name])):
        median = statistics.median(times[name])
        print(f"{name:26}{median * 1e3:10.2f}{min(times[name]) * 1e3:10.2f}{median / unit:8.2f}")
    reading = statistics.median(times["kinmis, Galaxy.read"])
    astropy = statistics.median(times["astropy.io.fits"])
    print(f"kinmis takes {reading / unit:.2f} x bare inflation and is {astropy / reading:.1f} x "
          "faster than astropy")


def main():
    """Read the arguments and go through the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("files", nargs="*", help="MAPS files")
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    files = arguments.files
    with tempfile.TemporaryDirectory() as folder:
        if not files:
            data = Path(os.environ.get("KINMIS_TEST_DATA",
                                       Path(__file__).parents[2] / "shared" / "data"))
            files = [data / REAL] if (data / REAL).exists() else []
            for fibres in (19, 61, 127):
                galaxy = mock.galaxy(pa_stellar=40, pa_gas=130, size=mock.BUNDLES[fibres],
                                     bins=300, seed=fibres)
                files.append(mock.write_maps(galaxy, Path(folder) / f"mock-{fibres}.fits.gz",
                                             schema="DR17"))
        for path in files:
            bench(str(path), arguments.repeats)


if __name__ == "__main__":
    main()
