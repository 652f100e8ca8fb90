"""
Serve MAPS files with the server code of Marvin itself, without its database.

It runs in an environment of its own, see ``requirements.txt``::

    SAS_BASE_DIR=TREE python serve_marvin.py [RELEASE ...]

The address of the server, on a free port of this machine, is the first line that is printed.
The server ends when its standard input is closed, so that it never outlives who started it.
"""

import sys
import threading
import warnings

warnings.simplefilter("ignore")     # Marvin and its old dependencies give dozens

from flask import Blueprint, Flask  # noqa: E402
from marvin import config  # noqa: E402
from marvin.api.general import GeneralRequestsView  # noqa: E402
from marvin.api.maps import MapsView  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402


def make_app(releases):
    """Return the part of Marvin's web application that serves maps."""
    config._inapp = True
    config.mode = "local"
    app = Flask("marvin")
    app.config["WEB_RELEASES"] = list(releases)
    # the name of the blueprint is part of the names by which clients find addresses
    api = Blueprint("api", "marvin", url_prefix="/marvin/api")
    for view in (MapsView, GeneralRequestsView):
        view.register(api)
    app.register_blueprint(api)
    return app


def main(releases):
    # one request at a time: the views of Marvin keep their answer in an attribute
    server = make_server("127.0.0.1", 0, make_app(releases), threaded=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:] or ["DR15", "DR16", "DR17"])
