"""
A virtual environment with the package marvin, built once and kept.

It lies below the folder that ``KINMIS_MARVIN_ENV`` names, by default in the user's cache, and is
built again when the requirements change.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PYTHON = (3, 11)


def marvin_python():
    """Return the path of the interpreter of the environment; build it where it is missing."""
    folder = _folder()
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        ready = folder / "ready"
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(_base_python(), "-m", "venv", folder)
            _run(python, "-m", "pip", "install", "-r", REQUIREMENTS)
            ready.touch()
        installed = folder / "checkout"
        if not installed.exists() or installed.read_text() != str(ROOT):
            _run(python, "-m", "pip", "install", "--no-deps", "-e", ROOT)
            installed.write_text(str(ROOT))
    return python


def _folder():
    asked = os.environ.get("KINMIS_MARVIN_ENV")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    base = Path(asked) if asked else cache / "kinmis-tests" / "marvin"
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + str(PYTHON).encode()).hexdigest()
    return base.resolve() / key[:16]


def _base_python():
    """Return an interpreter of the version that the old packages have wheels for."""
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    name = "python{}.{}".format(*PYTHON)
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"the tests with the package marvin need {name} on the PATH: its old "
                           "dependencies have no wheels for this version of Python")
    return found


def clean_environ(**changes):
    """Return environment variables that lead to no other packages and settings."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(("PYTHON", "SAS_", "MANGA_", "MARVIN_", "KERAS_"))}
    return environ | {name: str(value) for name, value in changes.items()}


def _run(*command):
    # another program's settings of pip are not ours: an index is one, a --user is another
    done = subprocess.run([str(part) for part in command], env=clean_environ(PIP_USER="0"),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=1200)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed with code {done.returncode}:\n"
                           f"{done.stdout[-4000:]}")


@contextmanager
def _locked(path):
    """Let one process in at a time; the lock goes with the process that holds it."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
