"""``kinmis fetch``."""

import os
import sys

from kinmis.cli.errors import UsageError
from kinmis.cli.inputs import list_sources

__all__ = ["run"]


def run(args):
    """Download files, and print where they are; return 1 if some can't be had."""
    plateifus = list(dict.fromkeys(list_sources(args)))
    if not plateifus:
        raise UsageError("nothing to fetch: name plate-IFUs, or give --list (kinmis fetch --help)")
    if os.path.exists(args.to) and not os.path.isdir(args.to):
        raise UsageError(f"{args.to!r} is no folder")
    from tqdm import tqdm

    from kinmis.catalogue.row import error_text
    from kinmis.marvin import fetch_maps
    failed = 0
    bar = tqdm(total=len(plateifus), unit=" files", desc="fetching", dynamic_ncols=True,
               disable=True if args.quiet or len(plateifus) == 1 else None)
    try:
        with bar:
            for plateifu, found in fetch_maps(
                    plateifus, args.to, release=args.release, bintype=args.bintype,
                    template=args.template, tree=args.tree, overwrite=args.overwrite,
                    sas_url=args.sas_url, timeout=args.timeout):
                bar.update()
                if isinstance(found, Exception):
                    failed += 1
                    with bar.external_write_mode():
                        text = error_text(found).partition(": ")[2]
                        print(f"kinmis: error: {text}", file=sys.stderr)
                else:
                    with bar.external_write_mode():
                        print(found, flush=True)
    except ValueError as error:     # before anything is downloaded: an option does not work
        raise UsageError(error) from error
    if not args.quiet:
        print(f"{len(plateifus) - failed} of {len(plateifus)} files are in {args.to}",
              file=sys.stderr)
    return int(failed > 0)
