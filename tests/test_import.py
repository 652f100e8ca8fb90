"""What ``import kinmis`` loads, and that it warns of nothing."""

import subprocess
import sys

import pytest

HEAVY = ("keras", "jax", "marvin", "pafit", "matplotlib", "dask", "scipy", "pyarrow", "pandas",
         "numba")


def run(code, *options):
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("statement", [
    "import kinmis",
    "import kinmis.cli",
])
def test_import_is_light_and_silent(statement):
    done = run(f"import sys; {statement}; "
               f"print([name for name in {HEAVY!r} if name in sys.modules])", "-W", "error")
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


def test_objects_load_nothing_heavy():
    done = run("import sys; from kinmis import Galaxy, VelocityField, measure; "
               f"print([name for name in {HEAVY!r} if name in sys.modules])", "-W", "error")
    loaded = set(eval(done.stdout))
    # scipy is a dependency that the fit needs in any case
    assert loaded <= {"scipy"}


def test_every_public_name_exists():
    import kinmis
    for name in kinmis.__all__:
        assert getattr(kinmis, name) is not None
    assert set(kinmis.__all__) <= set(dir(kinmis))


def test_unknown_name():
    import kinmis
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        kinmis.nonsense
