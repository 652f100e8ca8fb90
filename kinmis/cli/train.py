"""``kinmis train``."""

import sys
from pathlib import Path

from kinmis.cli.errors import UsageError

__all__ = ["run"]


def run(args):
    """Train a model, and say where it is and how good."""
    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{args.out!r} is a file; name a folder")
    if not Path(args.data).is_dir():
        raise UsageError(f"there is no folder {args.data!r}; --data is a folder with labels.csv "
                         "and the fields")
    import warnings

    from kinmis.classifier.training import TrainingConfig
    from kinmis.classifier.training_run import train
    given = {name: getattr(args, name) for name in ("epochs", "seed", "batch_size")
             if getattr(args, name) is not None}
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say
            model = train(args.data, out, members=args.members, config=TrainingConfig(**given),
                          name=args.name, version=args.version, progress=not args.quiet)
    except (FileExistsError, FileNotFoundError, ImportError) as error:
        raise UsageError(error) from error
    except KeyboardInterrupt:
        print(f"kinmis: the same command goes on from the last whole epoch in {out}",
              file=sys.stderr)
        raise
    for case, values in model.info["validation"].items():
        print(f"{case:6} {values['fields']:5} fields of validation plates: "
              f"accuracy usable / not {values['accuracy']:.3f}, ROC AUC {values['roc_auc']:.3f}, "
              f"three classes {values['three_classes']:.3f}")
    print(out / "model")
    if not args.quiet:
        print(f"model {model.id}; kinmis classify FILE --model {out / 'model'}", file=sys.stderr)
    return 0


def _say(message, category, *ignored, **also_ignored):
    print(f"kinmis: warning: {message}", file=sys.stderr)
