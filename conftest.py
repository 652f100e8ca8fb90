"""Examples of docstrings, of the README and of the documentation run in an empty folder."""

import pytest

# code that makes the documentation needs Sphinx, and holds no examples
collect_ignore = [f"docs/{name}" for name in (
    "conf.py", "_build", "_ext", "_generated", "api", "drawings", "images")]


@pytest.fixture(autouse=True)
def _folder_of_examples(request):
    if isinstance(request.node, pytest.DoctestItem):
        folder = request.getfixturevalue("tmp_path")
        request.getfixturevalue("monkeypatch").chdir(folder)
