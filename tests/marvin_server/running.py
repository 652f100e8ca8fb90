"""Start Marvin's own server, and stop it."""

import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

from marvin_server.environment import clean_environ

SCRIPT = Path(__file__).with_name("serve_marvin.py")
START = 120.


@contextmanager
def marvin_server(python, tree, home):
    """
    Serve a tree of MAPS files.

    Parameters
    ----------
    python : path-like
        Interpreter of the environment with the package marvin.
    tree : path-like
        Root of the tree.
    home : path-like
        Folder that the package takes for the home of its user.

    Yields
    ------
    url : str
        Root of the server.
    """
    log = Path(home) / "server.log"
    with open(log, "w") as errors:
        process = subprocess.Popen(
            [python, SCRIPT], env=clean_environ(HOME=home, SAS_BASE_DIR=tree), text=True,
            cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    # a server that hangs is ended, so that the line below comes to an end
    watch = threading.Timer(START, process.kill)
    watch.start()
    try:
        url = process.stdout.readline().strip()
        watch.cancel()
        if not url.startswith("http://127.0.0.1:"):
            raise RuntimeError(f"Marvin's server does not start:\n{log.read_text()[-4000:]}")
        yield url
    finally:
        watch.cancel()
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
