"""Plug-ins as users have them: packages that pip installed, found by their entry points."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinmis import mock

EXAMPLE = Path(__file__).parents[1] / "docs" / "plugin_example"

RIVAL = """
from kinmis import Galaxy, VelocityField, register_reader

def read(source):
    return Galaxy(stellar=VelocityField.from_arrays([1., 2], east=[0, 1], north=[0, 1]))

def register():
    register_reader("rival", read, lambda source: str(source).endswith(".map"),
                    description="What {name} reads", priority={priority})
"""


def package(folder, name, code):
    """Write a package with one module that announces itself as a plug-in."""
    folder.mkdir()
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    text = (EXAMPLE / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(
        text.replace("kinmis-textmap", name).replace("kinmis_textmap", module).replace(
            "\ntextmap =", f"\n{module} ="))
    return folder


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Folders with packages that pip has installed, by the name of the package."""
    root = tmp_path_factory.mktemp("packages")
    sources = {"kinmis-textmap": shutil.copytree(EXAMPLE, root / "example")}
    for name, code in {
            "kinmis-broken": "import there_is_no_such_module\n",
            "kinmis-above": RIVAL.format(name="kinmis-above", priority=5),
            "kinmis-equal": RIVAL.format(name="kinmis-equal", priority=0)}.items():
        sources[name] = package(root / name, name, code)
    sites = {}
    for name, source in sources.items():
        sites[name] = root / f"site-{name}"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-index",
                        "--no-deps", "--no-build-isolation", "--disable-pip-version-check",
                        "--target", sites[name], source],
                       check=True, capture_output=True, timeout=300)
    return sites


@pytest.fixture
def python(sites, tmp_path):
    """Return a function that runs Python where chosen packages are installed."""
    def run(*words, packages=("kinmis-textmap",)):
        path = os.pathsep.join(str(sites[name]) for name in packages)
        return subprocess.run([sys.executable, *map(str, words)], text=True, capture_output=True,
                              cwd=tmp_path, timeout=120, env={**os.environ, "PYTHONPATH": path})
    return run


@pytest.fixture
def textmap(tmp_path):
    """A file of the format of the example, of PA 40."""
    field = mock.velocity_field(40, noise=5, seed=1)
    good = ~field.mask
    columns = [field.east.value, field.north.value, field.data, field.error.value]
    path = tmp_path / "ngc1.map"
    np.savetxt(path, np.transpose([column[good] for column in columns]),
               header="velocity map of NGC 1")
    return path


READ = ("from kinmis import Galaxy; galaxy = Galaxy.read('ngc1.map'); "
        "print(galaxy.fields.keys(), galaxy.id, galaxy.gas.fit_pa().pa.round())")


def test_example_is_short():
    lines = [line for line in (EXAMPLE / "kinmis_textmap.py").read_text().splitlines()
             if line.strip() and not line.strip().startswith('"""')]
    assert len(lines) <= 25


def test_installed_plug_in_reads(python, textmap):
    done = python("-W", "error", "-c", READ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "dict_keys(['gas']) NGC 1 40.0 deg\n"


def test_installed_plug_in_in_the_command(python, textmap):
    done = python("-W", "error", "-m", "kinmis", "measure", "ngc1.map", "--out", "table.ecsv")
    assert done.returncode == 0, done.stderr
    done = python("-m", "kinmis", "readers")
    assert "\n    from: kinmis-textmap 0.1, priority 0\n" in done.stdout
    assert "\n    recognises: the first line '# velocity map of ...'\n" in done.stdout
    done = python("-m", "kinmis", "readers", "--check", "textmap", "ngc1.map")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("textmap (kinmis-textmap 0.1) on ngc1.map\n")
    assert "gas: a position angle can be fitted: 40" in done.stdout
    assert "lacking  gas: gas without line" in done.stdout


def test_installed_plug_in_in_other_processes(python, textmap, tmp_path):
    (tmp_path / "ngc2.map").write_bytes(textmap.read_bytes())
    done = python("-W", "error", "-m", "kinmis", "measure", "ngc1.map", "ngc2.map", "--workers",
                  "2", "--out", "table.ecsv")
    assert done.returncode == 0, done.stderr
    assert "2 galaxies" in done.stderr or "2 of 2" in done.stderr, done.stderr


def test_without_the_plug_in_nobody_reads_it(python, textmap):
    done = python("-c", READ, packages=())
    assert done.returncode == 1
    assert "ngc1.map is no FITS file" in done.stderr


def test_broken_plug_in_warns_and_does_no_harm(python, textmap):
    done = python("-c", READ, packages=("kinmis-broken", "kinmis-textmap"))
    assert done.returncode == 0 and "NGC 1 40.0 deg" in done.stdout
    assert ("ReaderWarning: the reader plug-in 'kinmis_broken' (kinmis_broken:register) can't be "
            "loaded and is skipped: ModuleNotFoundError") in done.stderr
    done = python("-m", "kinmis", "readers", packages=("kinmis-broken", "kinmis-textmap"))
    assert done.returncode == 0 and "\ntextmap\n" in done.stdout
    assert done.stderr.startswith("kinmis: warning: the reader plug-in 'kinmis_broken'")


def test_priority_decides_and_the_choice_is_told(python, textmap):
    packages = ("kinmis-textmap", "kinmis-above")
    done = python("-c", "from kinmis import Galaxy; print(*Galaxy.read('ngc1.map').fields)",
                  packages=packages)
    assert done.returncode == 0 and done.stdout == "stellar\n"
    assert ("ngc1.map is claimed by the formats rival, textmap; 'rival', which has the highest "
            "priority, is taken. Give format= to choose another.") in done.stderr
    done = python("-W", "error", "-c", "from kinmis import Galaxy; "
                  "print(*Galaxy.read('ngc1.map', format='textmap').fields)", packages=packages)
    assert (done.returncode, done.stdout) == (0, "gas\n")
    done = python("-m", "kinmis", "readers", "--which", "ngc1.map", packages=packages)
    assert done.stdout == ("rival: taken (priority 5, from kinmis-above 0.1)\n"
                           "textmap: claims it too (priority 0, from kinmis-textmap 0.1)\n")
    done = python("-m", "kinmis", "readers", "--check", "textmap", "ngc1.map", packages=packages)
    assert "lacking  rival claims the source too and goes first" in done.stdout


def test_of_one_priority_the_first_name_wins(python, textmap):
    done = python("-c", "from kinmis import Galaxy; print(*Galaxy.read('ngc1.map').fields)",
                  packages=("kinmis-textmap", "kinmis-equal"))
    assert done.stdout == "stellar\n"
    assert "claimed by the formats rival, textmap; 'rival' is taken" in done.stderr


def test_two_plug_ins_of_one_name(python, textmap):
    done = python("-c", READ, packages=("kinmis-above", "kinmis-equal", "kinmis-textmap"))
    assert "there is a format 'rival' already" in done.stderr
