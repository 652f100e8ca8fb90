"""Formats: how they are recognised, chosen, listed and added."""

import io
import os
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from readers_helper import maps_units, write_units

from kinmis import Galaxy, VelocityField, register_reader
from kinmis.exceptions import ReaderWarning
from kinmis.readers import identify_format, plugins, read
from kinmis.readers.formats import READERS, unregister_reader


def small_galaxy(*components):
    east, north = np.meshgrid([-1., 0, 1], [-1., 0, 1])
    return Galaxy(**{name: VelocityField.from_arrays(10 * east, east=east, north=north)
                     for name in components or ("stellar", "gas")})


@pytest.fixture
def maps_file(tmp_path):
    return write_units(maps_units(), tmp_path / "anything.fits.gz")


@pytest.fixture
def formats():
    """Restore the formats after a test that adds some."""
    before = dict(READERS)
    yield register_reader
    for name in READERS.keys() - before.keys():
        unregister_reader(name)


@pytest.fixture
def entry_points(monkeypatch):
    """Return a function that makes the entry points look like those given."""
    def give(**modules):
        points = [EntryPoint(name, value, plugins.GROUP) for name, value in modules.items()]
        monkeypatch.setattr(plugins, "entry_points", lambda group: points)
        monkeypatch.setitem(plugins._state, "plug-ins", None)
    yield give


def test_built_in_formats_are_listed(capsys):
    Galaxy.read.list_formats()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(READERS)
    assert [line for line in lines if line.endswith("  FITS file that kinmis wrote")]
    out = io.StringIO()
    VelocityField.read.list_formats(out)
    assert "MAPS file of MaNGA (DR15 to DR17)" in out.getvalue()
    out = io.StringIO()
    VelocityField.write.list_formats(out)
    assert out.getvalue().startswith("kinmis  FITS file") and "manga" not in out.getvalue()


@pytest.mark.parametrize("method, text", [
    (Galaxy.read, "MANGA_DAPPIXMASK"), (VelocityField.read, "``component`` is \"stellar\""),
])
def test_help_of_a_format(method, text):
    out = io.StringIO()
    method.help("manga-dap", out=out)
    assert text in out.getvalue()


@pytest.mark.parametrize("cls", [Galaxy, VelocityField])
def test_general_help(cls):
    for method in (cls.read, cls.write):
        out = io.StringIO()
        method.help(out=out)
        assert "list_formats()" in out.getvalue() and "kinmis" in out.getvalue()
    with pytest.raises(ValueError, match="there is no format 'nope'"):
        cls.read.help("nope")


@pytest.mark.parametrize("given", [str, Path, lambda path: Path("~") / path.name])
def test_paths_of_any_kind(given, maps_file, monkeypatch):
    monkeypatch.setenv("HOME", str(maps_file.parent))
    for galaxy in (Galaxy.read(given(maps_file)), read(given(maps_file))):
        assert galaxy.id == "8485-1901" and galaxy.meta["source"] == str(maps_file)


def test_content_counts_not_the_name(maps_file, tmp_path):
    assert identify_format(str(maps_file)) == "manga-dap"
    Galaxy.read(maps_file).write(tmp_path / "manga-1-2-MAPS-X.fits")
    assert identify_format(tmp_path / "manga-1-2-MAPS-X.fits") == "kinmis"
    assert identify_format("8485-1901") == "marvin"


def test_component_and_partner(maps_file):
    stellar = VelocityField.read(maps_file)
    gas = VelocityField.read(maps_file, "gas")
    assert (stellar.component, gas.component) == ("stellar", "gas")
    assert stellar.partner.component == "gas" and gas.partner.component == "stellar"
    assert stellar.partner.partner is None
    with pytest.raises(ValueError, match=r"anything\.fits\.gz: there is no component 'dust'; "
                                         "there is stellar and gas"):
        VelocityField.read(maps_file, "dust")


def test_third_party_reader(formats):
    seen = []

    def reader(source, *, factor=1):
        seen.append(source)
        return small_galaxy("gas")
    formats("mine", reader, lambda source: isinstance(source, dict), description="A dict")
    source = {"a": 1}
    assert Galaxy.read(source, factor=2).gas is not None
    assert VelocityField.read(source).component == "gas"
    assert all(item is source for item in seen)
    with pytest.raises(TypeError, match="format 'mine' has no option scale; it has factor"):
        Galaxy.read(source, scale=2)
    with pytest.raises(ValueError, match="there is a format 'mine' already"):
        formats("mine", reader, description="Another")
    formats("mine", lambda source, **options: small_galaxy("stellar"), description="Another",
            force=True)
    assert Galaxy.read(source, format="mine", anything=2).stellar is not None
    unregister_reader("mine")
    with pytest.raises(TypeError, match="no format reads an object of the type dict"):
        Galaxy.read(source)
    with pytest.raises(ValueError, match="there is no format 'mine'"):
        unregister_reader("mine")


def test_highest_priority_wins_and_a_tie_warns(formats):
    for name, priority in (("b-low", 1), ("c-high", 5), ("a-low", 1)):
        formats(name, lambda source: small_galaxy(), lambda source: source == ("x",),
                description="A tuple", priority=priority)
    assert identify_format(("x",)) == "c-high"
    unregister_reader("c-high")
    with pytest.warns(ReaderWarning, match="claimed by the formats a-low, b-low; 'a-low' is "):
        assert identify_format(("x",)) == "a-low"


def test_identifier_that_raises_is_skipped(formats, maps_file):
    formats("bad", lambda source: small_galaxy(), lambda source: 1 / 0, description="Bad",
            priority=20)
    with pytest.warns(ReaderWarning, match="'bad' failed to look at .*ZeroDivisionError"):
        assert identify_format(maps_file) == "manga-dap"


def test_built_in_identifiers_never_raise(tmp_path):
    for source in (None, 7, b"x", "", ".", str(tmp_path), tmp_path / "none", "a\0b", object(),
                   np.zeros(3), "x" * 5000):
        for form in READERS.values():
            assert form.identify(source) is False


def test_error_of_a_reader_names_the_file(formats, tmp_path):
    class Odd(Exception):
        pass

    path = tmp_path / "data.txt"
    path.write_text("x")
    for error, kind, text in ((KeyError("V"), KeyError, "data.txt: V"),
                              (ValueError("no"), ValueError, "data.txt: no"),
                              (OSError(5, "broken"), OSError, "data.txt: .*broken"),
                              (Odd("strange"), Odd, "strange")):
        def reader(source):
            raise error
        formats("txt", reader, lambda source: str(source).endswith("txt"), description="Text",
                force=True)
        with pytest.raises(kind, match=text) as caught:
            Galaxy.read(path)
        assert "data.txt" in "".join([str(caught.value), *getattr(
            caught.value, "__notes__", ())])


def test_unknown_format(maps_file):
    for call in (Galaxy.read, VelocityField.read):
        with pytest.raises(ValueError, match="there is no format 'fitz'; there are:(?s:.*)"
                                             "\n  kinmis: FITS"):
            call(maps_file, format="fitz")
    with pytest.raises(ValueError, match="there is no format 'fitz'"):
        small_galaxy().write("x", format="fitz")


@pytest.mark.parametrize("source, error, text", [
    ("nowhere.fits", FileNotFoundError, "there is no file 'nowhere.fits'"),
    ("8485_1901", FileNotFoundError, r"(?s)'8485_1901', and no format knows .*plate-IFU such as"),
    ("1-209232", FileNotFoundError, "no format knows it as a name"),
    ("", FileNotFoundError, "no file ''"),
    (3.5, TypeError, "of the type float"),
    (None, TypeError, "of the type NoneType"),
    (io.BytesIO(), TypeError, "of the type BytesIO; give its path"),
])
def test_nothing_recognised(source, error, text):
    for call in (Galaxy.read, VelocityField.read, identify_format):
        with pytest.raises(error, match=text):
            call(source)


def test_unrecognised_files(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        Galaxy.read(tmp_path)
    path = tmp_path / "notes.txt"
    path.write_text("velocity 3")
    with pytest.raises(ValueError, match=r"(?s)notes\.txt is no FITS file: it begins with "
                                         r".*Give format= .*manga-dap"):
        Galaxy.read(path)
    units = maps_units()
    del units["PRIMARY"].header["DAPFRMT"]
    other = write_units(units, tmp_path / "other.fits")
    with pytest.raises(ValueError, match=r"other\.fits: a FITS file of no known kind"):
        Galaxy.read(other)
    assert Galaxy.read(other, format="manga-dap").id == "8485-1901"
    cut = tmp_path / "cut.fits.gz"
    cut.write_bytes(write_units(maps_units(), tmp_path / "whole.fits.gz").read_bytes()[:200])
    with pytest.raises(OSError, match=r"cut\.fits\.gz is truncated"):
        Galaxy.read(cut)


def test_plugins(entry_points, formats, monkeypatch):
    def register():
        register_reader("plug", lambda source: small_galaxy("stellar"),
                        lambda source: source == ["plug"], description="From a plug-in")

    good = types.ModuleType("kinmis_plug_good")
    good.register = register
    monkeypatch.setitem(sys.modules, "kinmis_plug_good", good)
    entry_points(good="kinmis_plug_good:register", broken="kinmis_plug_missing",
                 worse="kinmis_plug_good:nothing")
    with pytest.warns(ReaderWarning) as caught:
        galaxy = Galaxy.read(["plug"])
    assert galaxy.stellar is not None
    assert [str(item.message).split("'")[1] for item in caught] == ["broken", "worse"]
    assert "ModuleNotFoundError" in str(caught[0].message) and "skipped" in str(caught[0].message)
    identify_format("8485-1901")    # loaded once: no second warning


def test_plugin_module_that_registers_on_import(entry_points, formats, tmp_path, monkeypatch):
    (tmp_path / "kinmis_plug_module.py").write_text(
        "from kinmis import register_reader\n"
        "register_reader('plug-module', None, lambda source: source == ['m'], description='M')\n")
    monkeypatch.syspath_prepend(tmp_path)
    entry_points(module="kinmis_plug_module")
    assert identify_format(["m"]) == "plug-module"


def test_plugin_that_takes_a_built_in_name(entry_points):
    module = types.ModuleType("kinmis_plug_thief")
    module.register = lambda: register_reader("manga-dap", None, description="Thief")
    sys.modules["kinmis_plug_thief"] = module
    try:
        entry_points(thief="kinmis_plug_thief:register")
        with pytest.warns(ReaderWarning, match="there is a format 'manga-dap' already"):
            identify_format("8485-1901")
    finally:
        del sys.modules["kinmis_plug_thief"]


def test_astropys_registry_agrees(maps_file):
    from kinmis.readers.registry import registry
    Galaxy.read.help(out=io.StringIO())
    table = registry.get_formats(Galaxy)
    assert {"kinmis", "manga-dap"} <= set(table["Format"])
    with open(maps_file, "rb") as file:
        assert registry.identify_format("read", VelocityField, str(maps_file), file, (file,),
                                        {}) == ["manga-dap"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    with pytest.raises(OSError, match=r"pipe\.fits is no regular file"):
        Galaxy.read(tmp_path / "pipe.fits")


def test_many_threads_read_at_once(tmp_path):
    paths = [write_units(maps_units((5 + number, 7)), tmp_path / f"{number}.fits.gz")
             for number in range(4)]
    with ThreadPoolExecutor(8) as executor:
        galaxies = list(executor.map(Galaxy.read, paths * 8))
    for number, galaxy in enumerate(galaxies):
        np.testing.assert_array_equal(galaxy.gas.data, galaxies[number % 4].gas.data)
        assert galaxy.gas.shape == (5 + number % 4, 7)
