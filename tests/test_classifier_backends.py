"""Keras however the user has it set up: a working call or a clear error, and nothing changed."""

import json
import os
import subprocess
import sys

import pytest

# what each process does, and says at its end
PREPARE = """
import json, os, sys, warnings
warnings.simplefilter("error")
# keras 3.15 with its NumPy backend does what NumPy 2 deprecates
warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras")
before = dict(os.environ)
"""
CLASSIFY = """
from kinmis import mock
field = mock.galaxy(40, noise=15., size=12., seed=3).gas
try:
    result = field.classify()
    said = {"p": result.probabilities.tolist(), "ood": result.ood_score}
except Exception as error:
    said = {"error": f"{type(error).__name__}: {error}"}
keras = sys.modules.get("keras")
print(json.dumps({**said, "backend": keras and keras.backend.backend(),
                  "same": dict(os.environ) == before}))
"""


def run(home, code="", variables=(), after=CLASSIFY):
    """Return what a new process says of a field, with a home folder of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    env |= {"HOME": str(home), "USERPROFILE": str(home), **dict(variables)}
    done = subprocess.run([sys.executable, "-c", PREPARE + code + after], env=env, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What a plain process says, and that it leaves the home folder alone."""
    home = tmp_path_factory.mktemp("home")
    said = run(home)
    assert said["backend"] == "jax" and said["same"]
    assert not (home / ".keras").exists()
    return said


def assert_agrees(said, usual):
    assert said.get("p") == pytest.approx(usual["p"], abs=1e-4), said
    assert said["ood"] == pytest.approx(usual["ood"], rel=1e-4)
    assert said["same"]


def test_unset(usual):
    assert sum(usual["p"]) == pytest.approx(1)


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_backends_that_are_there(tmp_path, usual, backend):
    said = run(tmp_path, variables={"KERAS_BACKEND": backend})
    assert said["backend"] == backend
    assert_agrees(said, usual)
    assert not (tmp_path / ".keras").exists()


@pytest.mark.parametrize("backend, module", [("tensorflow", "tensorflow"), ("torch", "torch"),
                                             ("nonsense", None)])
def test_backends_that_are_not_there(tmp_path, backend, module):
    # where such a package is installed, it must be as if it were not
    hide = f"sys.modules[{module!r}] = None\n" if module else ""
    said = run(tmp_path, hide, {"KERAS_BACKEND": backend})
    assert said["error"].startswith("ImportError: ")
    assert f"KERAS_BACKEND asks for {backend!r}" in said["error"]
    assert "unset it to classify with JAX" in said["error"]
    assert said["same"] and not (tmp_path / ".keras").exists()


def test_keras_imported_before(tmp_path, usual):
    # keras sets variables of its own
    code = "os.environ['KERAS_BACKEND'] = 'numpy'\nimport keras\nbefore = dict(os.environ)\n"
    said = run(tmp_path, code)
    assert said["backend"] == "numpy"
    assert_agrees(said, usual)


@pytest.mark.parametrize("where", ["HOME", "KERAS_HOME"])
def test_another_backend_in_the_file(tmp_path, usual, where):
    folder = tmp_path / ".keras" if where == "HOME" else tmp_path / "elsewhere"
    folder.mkdir()
    text = json.dumps({"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7,
                       "image_data_format": "channels_first"})
    (folder / "keras.json").write_text(text)
    said = run(tmp_path, variables={} if where == "HOME" else {"KERAS_HOME": str(folder)})
    assert said["backend"] == "jax"
    assert_agrees(said, usual)
    assert (folder / "keras.json").read_text() == text
    assert [path.name for path in folder.iterdir()] == ["keras.json"]


def test_other_settings_of_keras(tmp_path, usual):
    code = ("os.environ['KERAS_BACKEND'] = 'jax'\nimport keras\nbefore = dict(os.environ)\n"
            "keras.config.set_image_data_format('channels_first')\n"
            "keras.config.set_floatx('float64')\n")
    after = CLASSIFY.replace("print(", "said['kept'] = [keras.config.image_data_format(), "
                                       "keras.config.floatx()]\nprint(")
    said = run(tmp_path, code, after=after)
    assert_agrees(said, usual)
    assert said["kept"] == ["channels_first", "float64"]


@pytest.mark.parametrize("missing", [("keras",), ("jax",), ("keras", "jax")])
def test_missing_extra(tmp_path, missing):
    hide = f"""
import importlib.abc
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {missing!r} else found(name, *rest)
sys.meta_path.insert(0, Hidden())
"""
    said = run(tmp_path, hide)
    assert said["error"] == (f"ImportError: classification needs {' and '.join(missing)}: "
                             'pip install "kinmis[classifier]"')
    assert said["same"]


def test_import_loads_nothing(tmp_path):
    after = """
import kinmis, kinmis.cli, kinmis.classifier
from kinmis.classifier import classify, Classification, Classifier, model_id
said = model_id()
print(json.dumps({"loaded": [name for name in ("keras", "jax", "h5py") if name in sys.modules]}))
"""
    assert run(tmp_path, after=after)["loaded"] == []


@pytest.mark.parametrize("threads", ["1", "4"])
def test_threads_do_not_matter(tmp_path, usual, threads):
    said = run(tmp_path, variables={"OMP_NUM_THREADS": threads})
    assert said["p"] == pytest.approx(usual["p"], abs=1e-5)
