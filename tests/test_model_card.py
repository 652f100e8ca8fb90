"""The model card: of these weights, and true."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from kinmis.classifier import Classifier
from kinmis.classifier.card import read_card
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.evaluation import predict_cases, summarise
from kinmis.classifier.model import SHIPPED
from kinmis.exceptions import InvalidValueWarning

PAGE = Path(__file__).parents[1] / "docs" / "model_card.rst"


def test_card_is_of_the_shipped_weights():
    card = read_card()
    for name, checksum in card["sha256"].items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == checksum


def test_card_of_other_weights_is_refused(tmp_path):
    import json
    for name in ("model.json", "card.json"):
        content = json.loads((SHIPPED / name).read_text())
        if name == "card.json":
            content["sha256"] = {}
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ValueError, match="other weights"):
        read_card(tmp_path)


def test_card_holds_what_the_page_shows():
    card, page = read_card(), PAGE.read_text()
    for part in ("test", "ablation", "transfer", "label_noise"):
        assert part in card
    assert card["test"]["side"] == "test"
    for directive in ("files", "measures", "parts", "confusion", "heads", "repeats", "transfer",
                      "nonsense", "ablation", "settings"):
        assert f".. card-{directive}::" in page


def test_card_is_true(shared_data):
    """Measures everything on the test plates again: about half a minute."""
    with pytest.warns(InvalidValueWarning, match="halpha_notes"):
        dataset = load_dataset(shared_data / "manga_mpl8")
    lattices, labels = dataset.take(dataset.sides == "test")
    found = summarise(predict_cases(Classifier.load(), lattices), labels)
    said = read_card()["test"]["measures"]
    for case in ("pair", "single"):
        assert found[case]["fields"] == said[case]["fields"]
        for name in ("accuracy", "roc_auc", "surest_71", "three_classes", "log_loss"):
            # a field may fall on the other side of a half where arithmetic differs
            np.testing.assert_allclose(found[case][name], said[case][name][0], atol=2e-3)


def test_published_figures_are_beaten():
    """The published network on such plates: 0.894, 0.944, 0.945, 0.969 (see the page)."""
    measures = read_card()["test"]["measures"]["single"]
    for name, published in (("accuracy", 0.894), ("roc_auc", 0.944), ("surest_71", 0.945),
                            ("surest_50", 0.969)):
        assert measures[name][0] > published
