"""A hub on this machine: enough of its interface for the real client, with held, cut and damaged transfers."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB_ID = "someone/tiny-model"
WEIGHTS = "model.safetensors"


class Hub:
    """Serves one repository. The weights are a large file, known by their SHA-256; the others are small.

    `hold` cleared stops the weights half-way until it is set; `cuts` is after how many bytes of them the next answers
    end early; `damaged` serves other bytes than announced; `sizes` announces other sizes.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}
        self.hold = threading.Event()
        self.hold.set()
        self.cuts: list[int] = []
        self.damaged = False
        self.refusal: tuple[int, str] | None = None
        self.requests: list[tuple[str, str, int]] = []
        self.url = ""

    def publish(self, folder: Path) -> None:
        """Serve the files of a folder."""
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}

    def asked(self, name: str, method: str = "GET") -> list[int]:
        """The offsets at which a file was asked for."""
        return [offset for verb, path, offset in self.requests if verb == method and path.endswith(f"/{name}")]

    def listing(self) -> dict[str, Any]:
        siblings = []
        for name, content in self.files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": self.sizes.get(name, len(content))}
            if name.endswith(".safetensors"):
                mark = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"size": entry["size"], "sha256": mark, "pointerSize": 130}
            siblings.append(entry)
        return {"id": HUB_ID, "sha": REVISION, "private": False, "gated": False, "siblings": siblings}


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """A hub on a free port of this machine."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path = urlsplit(self.path).path
            given = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
            offset = int(given[1]) if given else 0
            hub.requests.append((self.command, path, offset))
            name = path.partition(f"/resolve/{REVISION}/")[2]
            if path == f"/api/models/{HUB_ID}":
                self._send(200, json.dumps(hub.listing()).encode(), {"Content-Type": "application/json"})
            elif hub.refusal is not None:
                self._send(hub.refusal[0], b"", {"X-Error-Code": hub.refusal[1]})
            elif name in hub.files:
                self._file(name, offset)
            else:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound" if "/api/" in path else "EntryNotFound"})

        def _file(self, name: str, offset: int) -> None:
            content = hub.files[name]
            mark = hashlib.sha256(content).hexdigest()
            if hub.damaged and name == WEIGHTS:
                content = content[::-1]
            headers = {"ETag": f'"{mark}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
            if offset:
                headers["Content-Range"] = f"bytes {offset}-{len(content) - 1}/{len(content)}"
            self._send(206 if offset else 200, content[offset:], headers, slowly=name == WEIGHTS)

        def _send(self, status: int, body: bytes, headers: dict[str, str], *, slowly: bool = False) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            try:
                if slowly and hub.cuts:
                    self.wfile.write(body[: hub.cuts.pop(0)])
                    self.close_connection = True
                    return
                half = len(body) // 2 if slowly else len(body)
                self.wfile.write(body[:half])
                self.wfile.flush()
                if slowly:
                    hub.hold.wait(60)
                self.wfile.write(body[half:])
            except OSError:
                # The one who asked was ended by a test.
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.hold.set()
        server.shutdown()
        server.server_close()
