"""A package index on this machine that serves made-up wheels, whole or damaged, so that pip can be tested for real."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.engine.embedded import Asset

NAME = "made_up_model-1.0-py3-none-any.whl"
CONTENT = bytes(range(256)) * 4000
FILES = {
    "made_up/model/weights.safetensors": CONTENT,
    "made_up/model/config.json": b"{}",
    "made_up/model/1_Pooling/config.json": b"{}",
    "made_up/model/pytorch_model.bin": b"pickled",
    "made_up/model/code.py": b"raise SystemExit",
    "made_up/__init__.py": b"raise SystemExit('imported')",
}
ASSET = Asset(
    name="made-up",
    label="Made-Up",
    requirement="made-up-model==1.0",
    prefix="made_up/model/",
    pinned="weights.safetensors",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    converts=False,
    room_bytes=1,
)


def wheel(files: dict[str, bytes] = FILES) -> bytes:
    """The bytes of a wheel that holds the files."""
    metadata = {
        "made_up_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: made-up-model\nVersion: 1.0\n",
        "made_up_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "made_up_model-1.0.dist-info/RECORD": b"",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {**files, **metadata}.items():
            archive.writestr(name, content)
    return out.getvalue()


class Index:
    """Serves its answers one a download, the last one again and again; counts downloads."""

    def __init__(self) -> None:
        self.answers: list[bytes] = [wheel()]
        self.downloads = 0
        self.hold = threading.Event()
        self.hold.set()
        self.reached = threading.Event()
        self.url = ""


@contextmanager
def serve_index() -> Iterator[Index]:
    """An index on a free port of this machine."""
    index = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.endswith(".whl"):
                body = f'<html><body><a href="/{NAME}">{NAME}</a></body></html>'.encode()
                self._send("text/html", body)
                return
            body = index.answers[min(index.downloads, len(index.answers) - 1)]
            index.downloads += 1
            self._send("application/octet-stream", body)

        def _send(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            # As a public index does, so that pip keeps even a damaged download.
            self.send_header("Cache-Control", "max-age=3600" if kind != "text/html" else "no-store")
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            if kind != "text/html":
                self.wfile.flush()
                index.reached.set()
                index.hold.wait(60)
            try:
                self.wfile.write(body[half:])
            except OSError:
                # The one who asked was ended by a test.
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.hold.set()
        server.shutdown()
        server.server_close()
