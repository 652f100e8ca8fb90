"""What surrounds the package: commands, metadata, extras, citation, docstrings."""

import importlib
import inspect
import re
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import kinmis

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
PUBLIC_MODULES = ("kinmis", "kinmis.mock", "kinmis.plotting", "kinmis.flags")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def set_up_commands():
    """Return the commands of the README that work on a fresh machine."""
    return re.findall(r"^ +(python3 -m venv .*)$", text_of("README.rst"), re.MULTILINE)


def public_objects():
    for module in map(importlib.import_module, PUBLIC_MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield pytest.param(value, id=f"{module.__name__}.{name}")


def test_readme_has_two_commands_and_ci_runs_both():
    commands = set_up_commands()
    assert len(commands) == 2
    assert commands[0].endswith("kinmis demo") and "pytest" in commands[1]
    script = text_of(".ci/run")
    for command in commands:
        assert f"step '{command}'\n" in script


def test_ci_stops_at_the_first_failure():
    script = text_of(".ci/run")
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in script


def test_extras_of_the_commands_exist():
    for command in [*set_up_commands(), *re.findall(r"pip install .*", text_of(".ci/run"))]:
        for extra in re.findall(r'"\.\[(\w+)\]"', command):
            assert extra in EXTRAS


def test_extras_resolve_to_each_other_or_to_packages():
    for name, listed in EXTRAS.items():
        for requirement in map(Requirement, listed):
            if requirement.name == "kinmis":
                assert requirement.extras <= EXTRAS.keys() - {name}
            else:
                assert requirement.specifier, f"{requirement} in {name} has no lower limit"


def test_everyday_installations_leave_pafit_out():
    everyday = " ".join([*PROJECT["project"]["dependencies"], *EXTRAS["all"], *EXTRAS["docs"]])
    assert "pafit" not in everyday
    assert any("pafit" in requirement for requirement in EXTRAS["pafit"])


def test_documentation_has_a_row_for_each_extra():
    page = text_of("docs/install.rst")
    for extra in EXTRAS:
        assert f"   * - ``{extra}``\n" in page


def test_version_and_its_fallback():
    assert kinmis.__version__ == version("kinmis")
    assert Version(kinmis.__version__).release[:2] == (0, 1)
    fallback = Version(PROJECT["tool"]["setuptools_scm"]["fallback_version"])
    assert fallback.is_devrelease
    latest = re.search(r"^(\d[\d.]*) \((.*)\)$", text_of("CHANGES.rst"), re.MULTILINE)
    assert fallback.release[:2] == Version(latest[1]).release[:2]


def test_command_is_installed():
    point, = entry_points(group="console_scripts", name="kinmis")
    assert point.load() is importlib.import_module("kinmis.cli").main


def test_citation():
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == "kinmis" and citation["message"]
    assert citation["license"] == PROJECT["project"]["license"] == "BSD-3-Clause"
    assert [author["name"] for author in citation["authors"]] == ["The kinmis developers"]
    first = citation["references"][0]
    assert (first["authors"][0]["family-names"], first["year"]) == ("Duckworth", 2020)
    assert (first["volume"], first["start"]) == (492, 1869)
    assert any(item["value"] == "arXiv:1910.10744" for item in first["identifiers"])


def test_licence_goes_with_the_package():
    assert PROJECT["project"]["license-files"] == ["LICENSE.rst"]
    assert "Redistribution and use in source and binary forms" in text_of("LICENSE.rst")


def test_picture_of_the_readme_is_there_and_small():
    name, = re.findall(r"^\.\. image:: (.*)$", text_of("README.rst"), re.MULTILINE)
    assert 10_000 < (ROOT / name).stat().st_size < 150_000


def test_oldest_versions_are_those_that_are_promised():
    tox = text_of("tox.ini")
    promised = [Requirement(text) for text in
                [*PROJECT["project"]["dependencies"], *EXTRAS["plot"], *EXTRAS["parquet"]]]
    for requirement in promised:
        lowest, = (part.version for part in requirement.specifier if part.operator == ">=")
        assert f"    {requirement.name}=={lowest}.*\n" in tox


@pytest.mark.parametrize("value", list(public_objects()))
def test_public_names_have_docstrings_with_examples(value):
    text = inspect.getdoc(value)
    assert text and "\nExamples\n--------\n" in text
    assert ">>>" in text


def test_pages_of_the_documentation_are_in_a_table_of_contents():
    listed = {}
    for index in ("docs/index.rst", "docs/guide/index.rst"):
        folder = (ROOT / index).parent
        listed |= {(folder / name).with_suffix(".rst").resolve(): index
                   for name in re.findall(r"^   ([\w/]+)$", text_of(index), re.MULTILINE)}
    pages = {page for page in (ROOT / "docs").rglob("*.rst")
             if not {"_build", "_generated", "api"} & set(page.relative_to(ROOT).parts)}
    assert pages - {ROOT / "docs" / "index.rst"} == set(listed)
