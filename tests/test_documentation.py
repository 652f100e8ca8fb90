"""Pages agree with the command, measurements have a script, and links are checked."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from kinmis.cli.parsers import make_parser

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8")
         for path in sorted(DOCS.rglob("*.rst"))
         if not {"_build", "_generated", "api"} & set(path.relative_to(DOCS).parts)}
README = (ROOT / "README.rst").read_text(encoding="utf-8")
MEASURED = sorted((DOCS / "measured").glob("*.json"))


def commands():
    """Return the parsers of the commands by name."""
    actions = [action for action in make_parser()._actions if action.dest == "command"]
    return actions[0].choices


def lines_with_kinmis():
    """Yield page and command line of each call of kinmis that the pages show."""
    for name, text in {**PAGES, "README.rst": README}.items():
        if name == "performance.rst":    # which shows what benchmarks print
            continue
        for line in re.findall(r"^ {3,}(?:\.venv/bin/)?kinmis (\w.*)$", text, re.MULTILINE):
            yield pytest.param(line, id=f"{name}: {line}")


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_page_shows_the_help_of_each_command(name):
    assert any(f"   kinmis {name} --help\n" in text + "\n" for text in PAGES.values())
    assert f"kinmis {name}" in PAGES["guide/command_line.rst"]


@pytest.mark.parametrize("line", [*lines_with_kinmis()])
def test_commands_and_options_of_the_pages_exist(line):
    name, *words = line.split()
    assert name in commands()
    known = commands()[name].format_help()
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"{re.escape(word)}\b", known), word
        elif word in ("|", "||", "&&", ";"):
            break


def test_exit_codes_of_the_page_are_those_of_the_command(tmp_path):
    table = PAGES["guide/command_line.rst"].partition("Exit code")[2]
    told = dict(re.findall(r"^   \* - (\d)\n     - (.*)$", table, re.MULTILINE))
    assert {"0", "1", "2"} <= set(told)
    for code, argv in (("0", ["--version"]), ("1", ["measure", "not-there.fits.gz"]),
                       ("2", ["measure", "--no-such-option"])):
        done = subprocess.run([sys.executable, "-m", "kinmis", *argv], cwd=tmp_path,
                              capture_output=True, text=True, timeout=120)
        assert str(done.returncode) == code, (argv, done.stderr)


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.name)
def test_measurements_name_a_script_that_exists_and_their_date(path):
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (ROOT / "benchmarks" / told["script"]).is_file()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", told["date"])
    assert path.stat().st_size < 100_000
    assert any(f"{path.stem}." in text or f"measured-output:: {path.stem}" in text
               for text in PAGES.values())


def test_links_of_pages_are_checked(tmp_path):
    checker = runpy.run_path(str(DOCS / "_ext" / "check_html.py"))
    (tmp_path / "index.html").write_text(
        '<h1 id="here">x</h1><a href="#here">a</a><a href="other.html#there">b</a>'
        '<a href="https://example.org/none">c</a>')
    (tmp_path / "other.html").write_text('<p id="there"></p><img src="a%20b.png">')
    (tmp_path / "a b.png").write_bytes(b"")
    assert list(checker["missing"](tmp_path)) == []
    (tmp_path / "other.html").write_text('<img src="gone.png"><a href="index.html#gone">d</a>')
    assert [(link, why) for _, link, why in checker["missing"](tmp_path)] == [
        ("other.html#there", "no such place in the page"), ("gone.png", "no such file"),
        ("index.html#gone", "no such place in the page")]


def test_logos_are_those_that_the_script_draws():
    script = runpy.run_path(str(DOCS / "drawings" / "make_logo.py"))
    for name, (ink, paper) in script["COLORS"].items():
        drawn = (DOCS / "_static" / f"{name}.svg").read_text(encoding="utf-8")
        assert drawn == script["logo"](ink, paper)
