from __future__ import annotations

import builtins
import errno
import fcntl
import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core import download
from hooke.core.cards import RemoteFile
from hooke.core.download import fetch
from hooke.core.errors import DataError, HookeError

DATA = np.random.default_rng(0).bytes(2_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


@dataclass
class Server:
    """What the server serves, how it fails, and what it was asked."""

    url: str = ""
    data: bytes = DATA
    etag: str = '"one"'
    statuses: list[int] = field(default_factory=list)  # answers to give before anything else
    break_after: list[int] = field(default_factory=list)  # bytes of the body after which to cut, request by request
    ranges: bool = True
    lengths: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = dict(handler.headers)
        self.requests.append(asked)
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        start = int(asked["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in asked and self.ranges else 0
        if "If-Range" in asked and asked["If-Range"] != self.etag:
            start = 0
        if start >= len(self.data) and start:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.data)}")
            handler.end_headers()
            return
        handler.send_response(206 if start else 200)
        if self.lengths:
            handler.send_header("Content-Length", str(len(self.data) - start))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        body = self.data[start:]
        if self.break_after:
            handler.wfile.write(body[: self.break_after.pop(0)])
            handler.wfile.flush()
            handler.connection.close()
            return
        handler.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("HOOKE_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:  # a connection closed on purpose is no news
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        state.url = f"http://127.0.0.1:{http.server_address[1]}/data.bin"
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        http.shutdown()


def get(server: Server, folder: Path, sha256: str = SHA256, attempts: int = 3) -> Path:
    return fetch(RemoteFile("data.bin", server.url, sha256), folder, show_progress=False, attempts=attempts, wait_s=0.0)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    path = get(server, tmp_path / "raw")
    assert path.read_bytes() == DATA
    assert names(tmp_path / "raw") == {"data.bin"}
    get(server, tmp_path / "raw")
    assert len(server.requests) == 1


def test_a_wrong_checksum_is_refused_and_the_file_put_aside(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"sha256 {SHA256}, expected {'0' * 64}"):
        get(server, tmp_path, "0" * 64)
    assert names(tmp_path) == {"data.bin.bad"}
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_file_changed_on_disk_is_found(server: Server, tmp_path: Path) -> None:
    path = get(server, tmp_path)
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(DataError, match="moved to"):
        get(server, tmp_path)
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_broken_connection_continues_where_it_was(server: Server, tmp_path: Path) -> None:
    server.break_after = [700_000, 300_000]
    assert get(server, tmp_path).read_bytes() == DATA
    assert [request.get("Range") for request in server.requests] == [None, "bytes=700000-", "bytes=1000000-"]
    assert names(tmp_path) == {"data.bin"}


def test_attempts_are_counted_anew_after_progress(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000] * 12
    assert get(server, tmp_path, attempts=2).read_bytes() == DATA


def test_giving_up_keeps_the_part_for_the_next_command(server: Server, tmp_path: Path) -> None:
    server.break_after = [500_000, 0, 0, 0]
    with pytest.raises(DataError, match=r"ended after 500,000 of 2,000,000 bytes.*500,000 bytes are kept"):
        get(server, tmp_path)
    assert (tmp_path / "data.bin.part").stat().st_size == 500_000
    server.break_after = []
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.requests[-1]["Range"] == "bytes=500000-"


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, [500_000]
    assert get(server, tmp_path).read_bytes() == DATA


def test_two_versions_of_a_file_are_never_joined(server: Server, tmp_path: Path) -> None:
    server.break_after = [500_000, 0]
    with pytest.raises(DataError, match="kept"):
        get(server, tmp_path, "", attempts=1)
    server.data, server.etag, server.break_after = DATA[::-1], '"two"', []
    assert get(server, tmp_path, "").read_bytes() == DATA[::-1]


def test_without_checksum_and_version_mark_a_part_is_not_continued(server: Server, tmp_path: Path) -> None:
    server.etag, server.break_after = 'W/"weak"', [500_000]
    assert get(server, tmp_path, "").read_bytes() == DATA
    assert "Range" not in server.requests[-1]


def test_a_whole_part_left_by_a_kill_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(DATA)
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(DATA + b"more")
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_body_without_length_is_read_to_its_end(server: Server, tmp_path: Path) -> None:
    server.lengths = False
    assert get(server, tmp_path).read_bytes() == DATA


def test_busy_servers_are_asked_again_and_missing_files_are_not(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert get(server, tmp_path).read_bytes() == DATA
    server.statuses, count = [404], len(server.requests)
    with pytest.raises(DataError, match="answers 404"):
        get(server, tmp_path / "other")
    assert len(server.requests) == count + 1


def test_a_server_that_is_not_there(server: Server, tmp_path: Path) -> None:
    file = RemoteFile("data.bin", "http://127.0.0.1:9/data.bin", SHA256)
    with pytest.raises(DataError, match=r"could not be read: .*refused"):
        fetch(file, tmp_path, show_progress=False, attempts=2, wait_s=0.0)


def test_an_unverified_file_is_pinned_at_first_download(server: Server, tmp_path: Path) -> None:
    get(server, tmp_path, "")
    assert (tmp_path / "data.bin.sha256").read_text() == SHA256
    (tmp_path / "data.bin").unlink()
    server.data = DATA[::-1]
    with pytest.raises(DataError, match=f"expected {SHA256}"):
        get(server, tmp_path, "")


class FullDisk(io.FileIO):
    room = 600_000

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_said_and_the_part_kept(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.open

    def cramped(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        return FullDisk(file, mode) if str(file).endswith(".part") else real(file, mode, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(builtins, "open", cramped)
        with pytest.raises(DataError, match=r"is full; what was read is kept in data\.bin\.part"):
            get(server, tmp_path)
    kept = (tmp_path / "data.bin.part").stat().st_size
    assert 0 < kept <= FullDisk.room
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.requests[-1]["Range"] == f"bytes={kept}-"


def test_too_little_room_is_known_beforehand(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"more are needed for data\.bin"):
        get(server, tmp_path)


def test_only_one_process_downloads_a_file(server: Server, tmp_path: Path) -> None:
    with open(tmp_path / "data.bin.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HookeError, match="another process is downloading"):
            get(server, tmp_path)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://x/y"])
def test_only_public_http_addresses_are_read(server: Server, tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="no public address"):
        fetch(RemoteFile("data.bin", url, mirror_path="a/data.bin"), tmp_path)


def test_the_mirror_comes_first_and_is_checked(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "a").mkdir(parents=True)
    (mirror / "a" / "data.bin").write_bytes(DATA)
    monkeypatch.setenv("HOOKE_MIRROR", str(mirror))
    file = RemoteFile("data.bin", server.url, SHA256, mirror_path="a/data.bin")
    assert fetch(file, tmp_path / "raw") == mirror / "a" / "data.bin"
    assert not (tmp_path / "raw").exists()
    assert server.requests == []
    (mirror / "MANIFEST.tsv").write_text(f"path\tbytes\tsha256\na/other\t1\t{'1' * 64}\na/data.bin\t2\t{'2' * 64}\n")
    with pytest.raises(DataError, match=f"stated checksum {'2' * 64}: the mirror is damaged"):
        fetch(file, tmp_path / "raw")
    (mirror / "MANIFEST.tsv").write_text("path\tbytes\tsha256\n")
    (mirror / "a" / "data.bin").write_bytes(b"damaged")
    with pytest.raises(DataError, match="mirror is damaged"):
        fetch(file, tmp_path / "raw")
    (mirror / "a" / "data.bin").unlink()
    path = fetch(file, tmp_path / "raw", show_progress=False)  # a mirror may hold only some files
    assert path.read_bytes() == DATA


@pytest.mark.mirror
def test_a_real_mirror_holds_what_its_manifest_says(mirror: Path, tmp_path: Path) -> None:
    path = fetch(RemoteFile("delaney.csv", mirror_path="moleculenet/delaney.csv.gz"), tmp_path)
    assert path == mirror / "moleculenet" / "delaney.csv.gz"
