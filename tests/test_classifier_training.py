"""Training: the same every time, whether or not it is killed, and what it refuses."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from classifier_helper import (
    labelled_galaxies, lattice_of, tiny_config, write_labels, write_packed, write_set)

from kinmis import mock
from kinmis.classifier import Classifier, train
from kinmis.classifier.augmentation import AugmentConfig
from kinmis.classifier.backend import weights_of
from kinmis.classifier.inputs import InputConfig
from kinmis.classifier.labels import Labels
from kinmis.classifier.training import TrainingConfig, make_targets, train_member

EPOCHS = 4
# trains in a process that kills itself, and says which epochs it did
SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from classifier_helper import tiny_config
from kinmis.classifier import checkpoint, train
save, replace = checkpoint.Checkpoint.save, os.replace
def told(self, epochs):
    def replaced(*paths):
        if {moment!r} == f"while {{epochs}} is written":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*paths)
    os.replace = replaced
    save(self, epochs)
    os.replace = replace
    print("epoch", epochs, flush=True)
    if {moment!r} == f"after {{epochs}}":
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.Checkpoint.save = told
train({data!r}, {out!r}, members=2, config=tiny_config(epochs={epochs}), name="tiny",
      progress=False)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    write_set(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """A run from the beginning to the end."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    model = train(data, out, members=2, config=tiny_config(epochs=EPOCHS), name="tiny",
                  progress=False)
    return model, out


def weights(out):
    with np.load(out / "network_0" / "weights.npz") as file:
        return [file[name] for name in file.files]


def assert_same_networks(first, second):
    # not by checksums: Keras writes the names of layers, which it numbers anew in each process
    assert len(first.ensemble.members) == len(second.ensemble.members) == 2
    for one, other in zip(first.ensemble.members, second.ensemble.members):
        assert all(np.array_equal(a, b) for a, b in zip(one, other))


def curve(out, number=0):
    with open(out / f"network_{number}" / "curve.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_run_leaves_a_model_and_curves(undisturbed):
    model, out = undisturbed
    assert model.info["data"]["galaxies"] == {"train": 12, "validation": 6}
    assert {"run.json", "curves.png", "model", "network_0", "network_1"} == {
        path.name for path in out.iterdir()}
    assert sorted(path.name for path in (out / "network_1").iterdir()) == [
        "curve.csv", "weights.npz"]
    assert [int(row["epoch"]) for row in curve(out)] == [1, 2, 3, 4]
    assert all(float(row["loss"]) > 0 for row in curve(out))
    back = Classifier.load(out / "model")
    assert back.id == model.id and back.id.startswith("tiny 1 (")
    assert back.classify(mock.velocity_field(size=12., seed=1)).model == back.id


def run(data, out, moment):
    """Train in a process of its own; return its exit code and the epochs that it finished."""
    code = SCRIPT.format(tests=os.path.dirname(__file__), data=str(data), out=str(out),
                         epochs=EPOCHS, moment=moment)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                          timeout=900)
    return done.returncode, [int(line.split()[1]) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("moment, done", [("after 1", 1), ("while 3 is written", 2),
                                          ("after 4", 4)])
def test_killed_run_gives_the_same_model(data, undisturbed, tmp_path, moment, done):
    out = tmp_path / "run"
    epochs = [*range(1, EPOCHS + 1)]
    assert run(data, out, moment) == (-signal.SIGKILL, epochs[:done])
    assert not (out / "network_0" / "weights.npz").exists()
    # the first network goes on where it was; the second has not begun
    assert run(data, out, "never") == (0, [*epochs[done:], *epochs])
    for one, other in zip(weights(undisturbed[1]), weights(out)):
        assert np.array_equal(one, other)
    assert curve(out) == curve(undisturbed[1])
    assert_same_networks(Classifier.load(out / "model"), undisturbed[0])


def test_finished_run_is_not_done_again(data, undisturbed):
    model, out = undisturbed
    before = (out / "network_0" / "weights.npz").stat().st_mtime_ns
    again = train(data, out, members=2, config=tiny_config(epochs=EPOCHS), name="tiny",
                  progress=False)
    assert_same_networks(again, model)
    assert (out / "network_0" / "weights.npz").stat().st_mtime_ns == before


@pytest.mark.parametrize("changes", [{"members": 3}, {"name": "other"}, {"version": "2"},
                                     {"config": tiny_config(epochs=EPOCHS, seed=2)},
                                     {"config": tiny_config(epochs=EPOCHS, smoothing=0.)}])
def test_folder_of_another_run_is_refused(data, undisturbed, changes):
    options = {"members": 2, "config": tiny_config(epochs=EPOCHS), "name": "tiny", **changes}
    with pytest.raises(FileExistsError, match="holds a run with other settings"):
        train(data, undisturbed[1], progress=False, **options)


def test_too_few_galaxies(tmp_path):
    galaxies, rows = labelled_galaxies(["7495-1901", "7815-1901"])
    write_labels(tmp_path / "labels.csv", rows)
    write_packed(tmp_path, galaxies)
    with pytest.raises(ValueError, match="no galaxy .* on the validation side of the split"):
        train(tmp_path, tmp_path / "out", config=tiny_config(), progress=False)


@pytest.fixture(scope="module")
def few():
    galaxies, rows = labelled_galaxies(range(8))
    quality = [(row[1], row[3]) for row in rows]
    return [lattice_of(galaxy) for galaxy in galaxies], Labels(quality)


def test_checkpoint_of_another_run_is_refused(few, tmp_path):
    lattices, labels = few
    config = tiny_config(epochs=1)
    train_member(lattices, labels, config, folder=tmp_path, progress=False)
    with pytest.raises(ValueError, match="is of a run with other settings or data"):
        train_member(lattices, labels, tiny_config(epochs=1, seed=9), folder=tmp_path,
                     progress=False)
    with pytest.raises(ValueError, match="is of a run with other settings or data"):
        train_member(lattices, Labels(labels.quality[::-1]), config, folder=tmp_path,
                     progress=False)


def test_seed_decides(few):
    lattices, labels = few
    one, same, other = (weights_of(train_member(lattices, labels, tiny_config(epochs=1, seed=seed),
                                                progress=False)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same))
    assert not all(np.allclose(a, b) for a, b in zip(one, other))


def test_it_learns(few):
    lattices, labels = few
    # the same two galaxies again and again, told apart by their gas
    config = tiny_config(epochs=60, batch_size=8, learning_rate=2e-2,
                         augmentation=AugmentConfig(alone=0, crop=0, rebin=0, unbin=0, noise=0,
                                                    drop=0))
    network = train_member(lattices, labels, config, progress=False)
    from kinmis.classifier.inputs import as_rows, make_inputs
    rows, *place = as_rows(*make_inputs(lattices, config.inputs))
    said = network.predict_on_batch(rows)["quality"][:, 0]
    gas = place[1] == 1
    usable = labels.quality[tuple(place)][gas] > 0
    assert np.asarray(said)[gas][usable].mean() > np.asarray(said)[gas][~usable].mean() + 1


def test_targets():
    labels = Labels([[2, 0], [1, 1], [-1, 0]], [[1, 0], [0, 3], [-1, -1]], [1, 0, 2])
    galaxy, component = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 1])
    targets, weight = make_targets(labels, galaxy, component, 0.04)
    assert np.allclose(targets["quality"], [[.96, .96], [.04, .04], [.96, .04], [.04, .04],
                                            [.04, .04]])
    assert weight["quality"].tolist() == [1, 1, 1, 0, 1]
    assert targets["features"].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert weight["features"].tolist() == [1, 1, 1, 0, 0]
    # notes tell of unusable gas beside usable stars
    assert weight["notes"].tolist() == [0, 1, 0, 0, 0]
    assert targets["notes"][1].tolist() == [1, 0, 0]


def test_settings_travel():
    config = TrainingConfig(epochs=7, inputs=InputConfig(size=48, scalars=("bins",)))
    back = TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert back == config
    assert config.with_seed(5).seed == 5 and config.seed == 1


def test_command(data, undisturbed, capsys, tmp_path):
    from kinmis.cli import main
    assert main(["train", "--data", str(tmp_path / "absent"), "--out", str(tmp_path / "o")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["train", "--data", str(empty), "--out", str(tmp_path / "o"), "--quiet"]) == 2
    assert "training needs a table" in capsys.readouterr().err
    # the settings of the tiny run are not those of the command
    code = main(["train", "--data", str(data), "--out", str(undisturbed[1]), "--epochs", "4",
                 "--quiet"])
    assert code == 2 and "holds a run with other settings" in capsys.readouterr().err
    assert main(["train", "--data", str(data), "--out", str(data / "labels.csv")]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


def test_command_trains(data, tmp_path, capsys):
    from kinmis.cli import main
    out = tmp_path / "run"
    code = main(["train", "--data", str(data), "--out", str(out), "--members", "1", "--epochs",
                 "1", "--batch-size", "4", "--seed", "3", "--name", "mine", "--version", "0.1",
                 "--quiet"])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert said.out.splitlines()[-1] == str(out / "model")
    assert "fields of validation plates: accuracy usable / not" in said.out
    settings = json.loads((out / "run.json").read_text())
    assert settings["epochs"] == 1 and settings["seed"] == 3 and settings["members"] == 1
    assert Classifier.load(out / "model").id.startswith("mine 0.1 (")
