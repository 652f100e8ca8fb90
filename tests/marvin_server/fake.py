"""
A small server that answers as Marvin and the archive do, and fails as they do on demand.

The answers are made from a MAPS file with astropy alone.
"""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from astropy.io import fits
from astropy.wcs import WCS

KIND = "HYB10/MILESHC-MASTARSSP"
PAGE = b"<!doctype html><html><head><title>x</title></head><body><h1>Down for repair</h1></body>"


def answers_of(path, line="Ha-6564"):
    """Return the content of each answer about a MAPS file, by the end of its address."""
    with fits.open(path) as units:
        plane = channel(units["EMLINE_GVEL"], line)
        maps = {
            "stellar_vel/None": [units["STELLAR_VEL" + end].data for end in ("", "_IVAR", "_MASK")],
            "emline_gvel/ha_6564": [units["EMLINE_GVEL" + end].data[plane]
                                    for end in ("", "_IVAR", "_MASK")],
            **{f"{name}/{label.lower().replace('.', '').replace('-', '_').replace(' ', '_')}":
               [units[name.upper()].data[channel(units[name.upper()], label)], None, None]
               for name, label in (("binid", "Stellar continua"), ("binid", "Em. line models"),
                                   ("spx_skycoo", "On-sky X"), ("spx_skycoo", "On-sky Y"))}}
        header = units[0].header
        wcs = WCS(units["STELLAR_VEL"].header).to_header_string()
        shape = list(units["STELLAR_VEL"].shape)
        data = {f"map/{name}/": dict(zip(("value", "ivar", "mask"), [
            None if array is None else array.tolist() for array in arrays]))
            for name, arrays in maps.items()}
        data[""] = {"plateifu": header["PLATEIFU"], "mangaid": header["MANGAID"],
                    "header": header.tostring(), "wcs": wcs, "shape": shape,
                    "bintype": "HYB10", "template": "MILESHC-MASTARSSP"}
    return {end: {"data": item, "status": 1, "error": None, "traceback": None}
            for end, item in data.items()}


def channel(unit, label):
    """Return the number of a plane, from 0."""
    return next(int(key[1:]) for key, value in unit.header.items()
                if key[:1] == "C" and key[1:].isdigit() and value == label) - 1


class Fake:
    """
    What the server knows, does and has seen.

    Attributes
    ----------
    url : str
        Its root, of the API and, with ``sas/``, of the archive.
    answers : dict
        From plate-IFU to what `answers_of` gives.
    files : dict
        From path in the archive to content.
    faults : callable
        Given the path and the number of the request, from 1, returns the name of a fault (a
        method of the handler without its ``fault_``), with an argument in a tuple; or None.
    requests : list
        Time, method, path and headers of each request.
    """

    def __init__(self):
        self.answers, self.files, self.requests = {}, {}, []
        self.faults = lambda path, number: None
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.url = None

    def paths(self):
        return [path for _, _, path, _ in self.requests]

    def serve_for(self, plateifu, answers):
        self.answers[plateifu] = {end: json.dumps(item).encode() for end, item in answers.items()}


@contextmanager
def fake_server(port=0):
    """Run a server of its own, and yield its `Fake`."""
    fake = Fake()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.handle_error = lambda *ignored: None     # clients that hang up are part of the game
    fake.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    fake = None
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        with self.fake.lock:
            self.fake.requests.append((time.monotonic(), self.command, self.path,
                                       dict(self.headers)))
            number = len(self.fake.requests)
        fault = self.fake.faults(self.path, number)
        if fault is None:
            return self.usual()
        name, *args = [fault] if isinstance(fault, str) else fault
        getattr(self, f"fault_{name}")(*args)

    def usual(self):
        status, content, kind, more = self.content()
        self.answer(status, content, kind, **more)

    def content(self):
        """Return status, content, type and further headers of the right answer."""
        if self.path.startswith("/sas/"):
            content = self.fake.files.get(self.path.removeprefix("/sas/"))
            if content is None:
                return 404, PAGE, "text/html", {}
            begin = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
            if begin != "0":
                if int(begin) >= len(content):
                    return 416, b"", "text/plain", {}
                return 206, content[int(begin):], "application/gzip", {
                    "Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
            return 200, content, "application/gzip", {}
        place = self.path.removeprefix("/marvin/api/maps/")
        plateifu, _, rest = place.partition("/")
        answers = self.fake.answers.get(plateifu)
        if answers is None or not rest.startswith(KIND):
            said = (f"Failed to retrieve maps {plateifu}: failed to retrieve data using input "
                    "parameters.\nYou can submit this error")
            return 200, json.dumps({"data": None, "status": -1, "error": said}).encode(), \
                "application/json", {}
        found = answers.get(rest.removeprefix(KIND + "/"))
        if found is None:
            return 422, b"<h1>Unprocessable Entity</h1>", "text/html", {}
        return 200, found, "application/json", {}

    def answer(self, status, content, kind="text/html", **headers):
        self.head(status, len(content), kind, **headers)
        self.wfile.write(content)

    def head(self, status, length, kind, **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *ignored):
        pass

    # faults

    def fault_status(self, status, **headers):
        self.answer(status, PAGE, **headers)

    def fault_limited(self, retry_after):
        self.answer(429, PAGE, Retry_After=retry_after)

    def fault_page(self):
        self.answer(200, PAGE)

    def fault_text(self, content):
        self.answer(200, content, "application/json")

    def fault_json(self, change):
        """Change the right answer; ``change`` gets it decoded and may return another."""
        status, content, kind, _ = self.content()
        answer = json.loads(content)
        answer = change(answer) or answer
        self.answer(status, json.dumps(answer).encode(), kind)

    def fault_cut(self, part=0.5):
        """Break off in the middle."""
        status, content, kind, more = self.content()
        self.head(status, len(content), kind, **more)
        self.wfile.write(content[:int(len(content) * part)])
        self.hang_up()

    def fault_cut_unannounced(self):
        """Break off in the middle of an answer whose length nobody told."""
        status, content, kind, more = self.content()
        self.head(status, None, kind, Connection="close")
        self.wfile.write(content[:len(content) // 2])
        self.hang_up()

    def fault_hang_up(self):
        self.hang_up()

    def fault_stall(self, begin=b""):
        """Send nothing, or a little, and then nothing."""
        self.wfile.write(begin)
        self.wfile.flush()
        self.fake.stop.wait(20)
        self.close_connection = True

    def fault_drip(self, begin=b"", pause=0.05):
        """Send one byte after the other, each in time."""
        status, content, kind, more = self.content()
        if not begin:
            self.head(status, len(content), kind)
        for byte in begin or content:
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except OSError:
                break
            if self.fake.stop.wait(pause):
                break
        self.close_connection = True

    def fault_endless(self):
        """Send on and on."""
        self.head(200, None, "application/json", Connection="close")
        while not self.fake.stop.is_set():
            try:
                self.wfile.write(b" " * (1 << 16))
            except OSError:
                break
        self.close_connection = True

    def fault_bomb(self, size):
        """Send little that inflates to much."""
        import gzip
        self.answer(200, gzip.compress(b" " * size), "application/json", Content_Encoding="gzip")

    def fault_announce(self, length):
        """Announce a length that nobody wants."""
        self.head(200, length, "application/json")
        self.hang_up()

    def fault_send_to(self, target, status=302):
        self.answer(status, b"", Location=target)

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)
