from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuraxis.broker.security import fetching
from neuraxis.broker.security.fetching import fetch


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/keys" else 404)
        self.end_headers()
        self.wfile.write(b"keys")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_and_pages_are_fetched(tmp_path: Path, url: str) -> None:
    (tmp_path / "keys.json").write_bytes(b"data")
    assert fetch((tmp_path / "keys.json").as_uri()) == b"data"
    assert fetch(f"{url}/keys") == b"keys"


def test_what_cannot_be_had_is_an_os_error(tmp_path: Path, url: str) -> None:
    for bad in (
        f"{url}/other",
        (tmp_path / "none").as_uri(),
        "http://127.0.0.1:1/",
        "http://[",
        "ftp://127.0.0.1/x",
    ):
        with pytest.raises(OSError):
            fetch(bad)


def test_a_document_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_BYTES", 3)
    (tmp_path / "keys.json").write_bytes(b"data")
    with pytest.raises(OSError, match="larger"):
        fetch((tmp_path / "keys.json").as_uri())
