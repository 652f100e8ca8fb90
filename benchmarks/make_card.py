"""
Put what the benchmarks measured of the classifier beside the model that comes with kinmis.

    python benchmarks/bench_classifier.py --side test --out test.json
    python benchmarks/bench_transfer.py --side test --out transfer.json
    python benchmarks/bench_ablation.py --out ablation.json
    python benchmarks/bench_label_noise.py --out label_noise.json
    python benchmarks/bench_fine_tuning.py --side test --out fine_tuning.json
    python benchmarks/make_card.py test.json transfer.json ablation.json label_noise.json \\
        fine_tuning.json

The file card.json is what the model card of the documentation is made from. Each file becomes the
part of its name; parts that are not given stay as they are, if the weights are the same.
"""

import argparse
import json
from pathlib import Path

from kinmis.classifier.card import CARD
from kinmis.classifier.model import SHIPPED

PARTS = ("test", "transfer", "ablation", "label_noise", "fine_tuning")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    args = parser.parse_args()
    weights = json.loads((SHIPPED / "model.json").read_text(encoding="utf-8"))["sha256"]
    path = SHIPPED / CARD
    card = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if card.get("sha256") != weights:
        card = {"sha256": weights}
    for file in args.files:
        if file.stem not in PARTS:
            parser.error(f"{file} is none of {', '.join(f'{part}.json' for part in PARTS)}")
        part = json.loads(file.read_text(encoding="utf-8"))
        if part.pop("sha256", weights) != weights:
            parser.error(f"{file} was measured with other weights")
        card[file.stem] = part
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {', '.join(name for name in PARTS if name in card)}")


if __name__ == "__main__":
    main()
