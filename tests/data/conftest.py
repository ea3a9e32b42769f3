"""A publisher on loopback, and a machine that has no data yet."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rekur.data import fetch


@dataclass
class Publisher:
    """What the server offers, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[float] = field(default_factory=list)  # share of an answer sent before the connection breaks
    errors: list[int] = field(default_factory=list)  # codes answered before anything else
    ranges: bool = True
    length: bool = True  # say Content-Length
    asked: list[str | None] = field(default_factory=list)  # the Range header of each request
    url: str = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        content = self.files.get(request.path[1:])
        if self.errors or content is None:
            request.send_error(self.errors.pop(0) if self.errors else 404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.ranges else 0
        if start >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if self.length:
            request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        share = self.cuts.pop(0) if self.cuts else 1.0
        request.wfile.write(content[start : start + round((len(content) - start) * share)])


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    offered = Publisher()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offered.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        offered.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield offered
        server.shutdown()


@pytest.fixture
def new_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home without REKUR_DATA and without waits between downloads; returns the folder of its cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("REKUR_DATA", raising=False)
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    return tmp_path / "cache" / "rekur" / "data"
