"""Models in folders: what is damaged, altered, missing or of another version is told, not used."""

import json
import shutil

import numpy as np
import pytest
from classifier_helper import tiny_model

from kinmis import mock
from kinmis.classifier import Classifier, ModelError, model_id
from kinmis.classifier.model import SHIPPED


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model of two networks, and its folder."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model = tiny_model(members=2)
    model.save(folder)
    return model, folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[1], tmp_path / "copy")


def test_what_is_loaded_is_what_was_saved(saved):
    model, folder = saved
    field = mock.velocity_field(40, size=12., seed=1)
    back = Classifier.load(folder)
    assert back.id == model.id and back.id.startswith("tiny 0 (")
    one, other = model.classify(field), back.classify(field)
    assert np.array_equal(one.probabilities, other.probabilities)
    assert one.ood_score == pytest.approx(other.ood_score, rel=1e-3) and one.model == other.model
    assert sorted(path.name for path in folder.iterdir()) == [
        "member_0.weights.h5", "member_1.weights.h5", "model.json", "outliers.npz"]


def test_save_does_not_overwrite(saved, copy):
    model, _ = saved
    with pytest.raises(FileExistsError, match="holds a model; choose another folder"):
        model.save(copy)
    (copy / "member_7.weights.h5").write_bytes(b"of an older model")
    model.save(copy, overwrite=True)
    assert not (copy / "member_7.weights.h5").exists()
    assert Classifier.load(copy).id == model.id


@pytest.mark.parametrize("name", ["member_1.weights.h5", "outliers.npz"])
def test_altered_file(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name} is damaged or altered: its SHA-256"):
        Classifier.load(copy)


@pytest.mark.parametrize("name", ["member_0.weights.h5", "outliers.npz"])
def test_truncated_and_missing_file(copy, name):
    (copy / name).write_bytes((copy / name).read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged or altered"):
        Classifier.load(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError, match=rf"is incomplete: {name} is missing"):
        Classifier.load(copy)


def test_folder_without_a_model(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ModelError, match="holds no model: model.json is missing"):
            Classifier.load(folder)


@pytest.mark.parametrize("text, match", [
    ("{", "can't be read"), ("[]", "has the layout None"), ("{}", "has the layout None"),
    ('{"format": 2}', "has the layout 2, but this version of kinmis reads 1")])
def test_descriptions_of_no_use(copy, text, match):
    (copy / "model.json").write_text(text)
    with pytest.raises(ModelError, match=match):
        Classifier.load(copy)


def test_description_that_is_no_text(copy):
    (copy / "model.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="can't be read"):
        Classifier.load(copy)


def test_weights_of_another_network(copy):
    description = json.loads((copy / "model.json").read_text())
    description["network"]["hidden"] += 1
    (copy / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match="does not fit"):
        Classifier.load(copy)


def test_description_without_what_it_needs(copy):
    description = json.loads((copy / "model.json").read_text())
    del description["calibration"]
    (copy / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match="lacks .*calibration"):
        Classifier.load(copy)


def test_a_model_error_is_a_value_error():
    assert issubclass(ModelError, ValueError)


def test_shipped_model_is_whole():
    model = Classifier.load()
    assert model.id == model_id()
    assert model.info["name"] == "kinmis-quality"
    assert len(model.info["sha256"]) == 1 + len(model.ensemble.members)
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 20e6


def test_another_model_classifies(saved):
    model, _ = saved
    from kinmis import classify
    galaxy = mock.galaxy(size=12., seed=1)
    assert classify(galaxy, model=model).gas.model == model.id
    assert galaxy.stellar.classify(model=model).model == model.id
