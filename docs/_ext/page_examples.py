"""The examples of a page, run in order while the documentation is built."""

import contextlib
import doctest
import io
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

_PARSER = doctest.DocTestParser()


class PageExamples:
    """
    Runs the ``>>>`` examples of a page, so that a picture shows what its code makes.

    What they print is not compared here: the tests do that.

    Parameters
    ----------
    path : str or os.PathLike
        The page.

    Attributes
    ----------
    names : dict
        What the examples that ran so far have defined.
    folder : str
        Empty folder in which they run, and commands too.
    """

    def __init__(self, path):
        text = Path(path).read_text(encoding="utf-8")
        self.waiting = _PARSER.get_examples(text, str(path))
        self.path = path
        self.names = {"__name__": "__main__"}
        self._temporary = tempfile.TemporaryDirectory(prefix="kinmis-docs-")
        self.folder = self._temporary.name

    def run_until(self, line=float("inf")):
        """
        Run the examples above a line that did not run yet.

        Parameters
        ----------
        line : int
            Line of the page, from 0.

        Raises
        ------
        RuntimeError
            If one fails.
        """
        while self.waiting and self.waiting[0].lineno < line:
            example = self.waiting.pop(0)
            if example.options.get(doctest.SKIP):
                continue
            try:
                self._run(example)
            except Exception as error:  # whatever an example may raise
                if example.exc_msg is None:
                    raise RuntimeError(f"{self.path}:{example.lineno + 1}: "
                                       f"{type(error).__name__}: {error}") from error

    def _run(self, example):
        code = compile(example.source, f"{self.path}:{example.lineno + 1}", "single")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exec(code, self.names)

    def run_command(self, command):
        """
        Run a line of a shell.

        Parameters
        ----------
        command : str
            The line.

        Returns
        -------
        code : int
            Its exit code.
        output : str
            What it says.
        """
        # the command kinmis is that of the environment that builds the documentation
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
        done = subprocess.run(command, shell=True, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "PATH": path, "PYTHONWARNINGS": "error"})
        return done.returncode, done.stdout.rstrip()
