"""The way through the package marvin, where the package is missing or can't work."""

import sys
import types

import numpy as np
import pytest

from kinmis import Galaxy
from kinmis.marvin import package
from kinmis.marvin.access import Question


class FakeMaps:
    """What `kinmis` takes for an object of the package."""

    plateifu, release = "8485-1901", "DR17"


FakeMaps.__module__, FakeMaps.__name__ = "marvin.tools.maps", "Maps"


@pytest.fixture
def old_numpy(monkeypatch):
    monkeypatch.setattr(np, "__version__", "1.26.4")


@pytest.fixture
def marvin(monkeypatch):
    """A package marvin that does nothing."""
    names = "marvin", "marvin.core", "marvin.core.exceptions", "marvin.tools", "marvin.tools.maps"
    modules = {name: types.ModuleType(name) for name in names}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    modules["marvin.core.exceptions"].MarvinError = type("MarvinError", (Exception,), {})
    return modules


def test_without_the_package(old_numpy, monkeypatch):
    monkeypatch.setitem(sys.modules, "marvin", None)
    with pytest.raises(ImportError, match=r'pip install "kinmis\[marvin\]" .*without it: '
                                          'leave out access="package"'):
        Galaxy.from_marvin("8485-1901", access="package")


@pytest.mark.parametrize("version", ["2.0.0", "2.4.1", "10.0.0"])
def test_with_a_numpy_that_makes_it_wrong(monkeypatch, version):
    monkeypatch.setattr(np, "__version__", version)
    said = f"does not work with numpy {version}.*loses the DONOTUSE bit.*leave out access"
    with pytest.raises(ImportError, match=said):
        Galaxy.from_marvin("8485-1901", access="package")
    with pytest.raises(AttributeError):
        FakeMaps().bintype
    maps = FakeMaps()
    maps.bintype = maps.template = types.SimpleNamespace(name="HYB10")
    with pytest.raises(ImportError, match=said):
        Galaxy.read(maps)


def test_objects_are_recognised_without_an_import():
    from kinmis.readers import identify_format
    assert identify_format(FakeMaps()) == "marvin"
    assert "marvin" not in sys.modules


def test_errors_of_the_package_name_the_galaxy(old_numpy, marvin):
    def fail(**which):
        raise marvin["marvin.core.exceptions"].MarvinError("no such maps\nYou can submit")
    marvin["marvin.tools.maps"].Maps = fail
    with pytest.raises(OSError, match=r"8485-1901 \(DR17, HYB10-MILESHC-MASTARSSP\): the marvin "
                                      "package does not open it: no such maps$"):
        package.open_maps(Question("8485-1901"))


def test_the_package_keeps_its_hands_off_the_interpreter(old_numpy, marvin, monkeypatch):
    """It installs a hook for exceptions of its own when it is imported."""
    hook = sys.excepthook

    class Meddling(types.ModuleType):
        def __getattr__(self, name):
            sys.excepthook = print
            return lambda **which: which
    monkeypatch.setitem(sys.modules, "marvin.tools.maps", Meddling("marvin.tools.maps"))
    maps_class, _ = package._import_marvin()
    assert sys.excepthook is hook
    assert maps_class(plateifu="8485-1901") == {"plateifu": "8485-1901"}
