"""A local archive over HTTP with the layout of the public one, and ways to make it fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from hooke.core.cards import RemoteFile


@dataclass
class Archive:
    """What it serves and how it behaves.

    Attributes:
        folder: Served from here.
        address: "http://127.0.0.1:<port>".
        cut: File name -> how many bytes of an answer come before the connection breaks.
        requests: (file name, Range header) of every request so far.
    """

    folder: Path
    address: str = ""
    cut: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def path(self, url: str) -> Path:
        """Where the file of a public address lies here; its folder is made."""
        path = self.folder / url.split("://", 1)[1].split("/", 1)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _handler(archive: Archive) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = archive.folder / self.path.lstrip("/")
            asked = self.headers.get("Range", "")
            archive.requests.append((path.name, asked))
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("ETag", f'"{len(data)}-{hash(data)}"')
            self.end_headers()
            body = data[start:]
            self.wfile.write(body[: archive.cut.get(path.name, len(body))])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A running archive; the cache is empty, no mirror is set, and retries do not wait."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HOOKE_MIRROR", raising=False)
    monkeypatch.setattr("hooke.core.download._LONGEST_WAIT_S", 0.0)
    served = Archive(tmp_path / "archive")
    served.folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def use_archive(module: ModuleType, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a data set's tables come from the local archive, under the paths of their public addresses."""

    def moved(file: RemoteFile) -> RemoteFile:
        return replace(file, url=f"{archive.address}/{file.url.split('://', 1)[1].split('/', 1)[1]}")

    tables = {}
    for name, table in module.TABLES.items():
        files, split = tuple(map(moved, table.files)), table.split_file and moved(table.split_file)
        tables[name] = replace(table, files=files, split_file=split)
    monkeypatch.setattr(module, "TABLES", tables)


@pytest.fixture
def serve(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> object:
    """A function of a data set's module that lets its files come from the local archive."""
    return lambda module: use_archive(module, archive, monkeypatch)
