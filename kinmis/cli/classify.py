"""``kinmis classify``."""

import sys
import time
from pathlib import Path

from kinmis.cli.errors import UsageError
from kinmis.cli.inputs import list_sources

__all__ = ["run"]

#: Galaxies that are read before the networks see them.
CHUNK = 256


def run(args):
    """Classify, show or write the table, and sum up; return 1 if something could not be read."""
    sources = list_sources(args)
    if not sources:
        raise UsageError("nothing to classify: name files, or give --list "
                         "(kinmis classify --help)")
    if args.min_confidence is not None and not 0.5 <= args.min_confidence <= 1:
        raise UsageError("--min-confidence must lie between 0.5 and 1, "
                         f"not {args.min_confidence:g}")
    if args.out is not None:
        _check_output(args)
    from kinmis.catalogue.options import Options
    options = Options(args.format, dict(args.reader))
    _check_format(options)
    model = _load_model(args.model)
    start = time.perf_counter()
    rows, failed = _classify(sources, options, model, args)
    seconds = time.perf_counter() - start
    if args.out is None:
        from kinmis.classifier.table import brief
        for line in brief(rows).pformat(max_lines=-1, max_width=-1, align="<"):
            print(line.rstrip())
        sys.stdout.flush()
    else:
        _write(rows, options, model, args)
    if not args.quiet:
        print(*_summary(rows, failed, len(sources), seconds), sep="\n", file=sys.stderr)
        if args.out is not None:
            print(f"written to {args.out}", file=sys.stderr)
    return int(failed > 0)


def _check_output(args):
    from kinmis.catalogue.formats import check_output
    try:
        check_output(args.out, overwrite=args.overwrite)
    except FileExistsError:
        raise UsageError(f"{args.out!r} exists; give --overwrite to replace it, or choose "
                         "another name") from None
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(error) from error


def _check_format(options):
    """Raise an error if format or options are unknown: no galaxy is to blame for that."""
    if options.format is None:
        return
    from kinmis.readers.formats import check_options, find, load_once
    load_once()
    try:
        check_options(find(options.format), options.reader)
    except (ValueError, TypeError) as error:
        raise UsageError(error) from error


def _load_model(folder):
    from kinmis.classifier import Classifier, ModelError, load_model
    try:
        return load_model() if folder is None else Classifier.load(folder)
    except (ModelError, ImportError) as error:
        raise UsageError(error) from error


def _classify(sources, options, model, args):
    """Return rows in the order of the sources, and how many of these could not be read."""
    from kinmis.catalogue.progress import Progress
    from kinmis.catalogue.stages import read_one
    from kinmis.classifier.table import Row, rows_of
    rows, failed = [], 0
    with Progress(False if args.quiet else args.progress, len(sources)) as tick:
        for start in range(0, len(sources), CHUNK):
            read = []
            for source in sources[start:start + CHUNK]:
                read.append(read_one(source, options))
                tick(read[-1].galaxy is None)
            results = iter(model.classify([one.galaxy for one in read if one.galaxy is not None],
                                          min_confidence=args.min_confidence, clean=args.clean))
            for one in read:
                message = "; ".join(one.messages)
                if one.galaxy is None:
                    failed += 1
                    rows.append(Row(one.source, None, message, one.id))
                else:
                    rows += rows_of(next(results), one.source, message)
    return rows, failed


def _write(rows, options, model, args):
    from kinmis.catalogue import write_table
    from kinmis.catalogue.provenance import provenance
    from kinmis.classifier.table import quality_table
    plain = {name: value for name, value in options.plain().items()
             if name in ("format", "reader")}
    facts = provenance({**plain, "clean": args.clean, "min_confidence": args.min_confidence,
                        "model": model.id})
    write_table(quality_table(rows, {"kinmis": facts}), Path(args.out), overwrite=args.overwrite)


def _summary(rows, failed, n_sources, seconds):
    """Return a few lines: how many of each label, and why some failed."""
    from collections import Counter
    results = [row.result for row in rows if row.result is not None]
    labels = Counter(one.label for one in results)
    known = ("clean", "messy", "do not use", "undecided", "no data")
    counts = ", ".join(f"{labels[label]} {label}" for label in known if labels[label])
    fields = f"{len(results)} field{'' if len(results) == 1 else 's'}"
    lines = [f"{fields} in {seconds:.1f} s" + (f": {counts}" if counts else "")]
    strange = sum(one.out_of_distribution for one in results)
    if strange:
        lines.append(f"out of distribution: {strange} of {len(results)}")
    if failed:
        lines.append(f"{failed} of {n_sources} could not be read")
        lines += [f"  {row.message}" for row in rows if row.result is None][:5]
    return lines
