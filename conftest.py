"""What all tests share: threads, and the folder that examples run in."""

import numpy  # noqa: F401 (loads its linear algebra, which is limited below)
import pytest
import scipy.linalg  # noqa: F401 (the same)
from threadpoolctl import threadpool_limits

# Tests run in several processes. Threads of linear algebra beside them wait for each other and
# make small problems a hundred times slower; the limit holds for the libraries that are loaded.
threadpool_limits(limits=1)

# code that makes the documentation needs Sphinx, and holds no examples
collect_ignore = [f"docs/{name}" for name in (
    "conf.py", "_build", "_ext", "_generated", "api", "drawings", "images")]
# scripts of another environment
collect_ignore += ["tests/marvin_server"]


@pytest.fixture(autouse=True)
def _folder_of_examples(request):
    """Docstrings, README and documentation may write files: each in an empty folder."""
    if isinstance(request.node, pytest.DoctestItem):
        folder = request.getfixturevalue("tmp_path")
        request.getfixturevalue("monkeypatch").chdir(folder)
