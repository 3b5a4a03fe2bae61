"""Getting a data set's raw files: from a local mirror, or over HTTP with checksum, resume and clear failures."""

from __future__ import annotations

import csv
import http.client
import logging
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError
from hooke.core.files import appending, disk_full_explained, exclusive, put_in_place, remove, write_durably
from hooke.core.hashing import file_sha256
from hooke.core.paths import mirror_folder
from hooke.core.progress import progress

_LOG = logging.getLogger(__name__)
_CHUNK = 1 << 18
_TIMEOUT_S = 30.0
_LONGEST_WAIT_S = 30.0
_WORTH_ANOTHER_TRY = (408, 425, 429)  # of the 4xx answers; all 5xx are


class _BrokenConnectionError(Exception):
    """The transfer ended early; trying again may help."""


def fetch(
    file: RemoteFile, folder: Path, *, show_progress: bool = True, attempts: int = 4, wait_s: float = 1.0
) -> Path:
    """Have a file at hand, checked; returns its path.

    First the mirror (HOOKE_MIRROR), then `folder`, then its address. A broken download leaves `<name>.part` and
    continues there the next time. A file whose checksum no source states is pinned at first download
    (`<name>.sha256`) and must be the same ever after.

    Args:
        file: Which file.
        folder: Where downloads go.
        show_progress: Show bytes, rate and time left.
        attempts: Tries without any new byte before giving up.
        wait_s: Pause before the second try; doubled for each further one, up to 30 s.

    Raises:
        DataError: No mirror holds it and it has no address; the address answers that it is not there; the checksum
            differs; the connection failed; the disk is full.
        HookeError: Another process is downloading it.
    """
    mirrored = _from_mirror(file)
    if mirrored is not None:
        return mirrored
    folder = Path(folder)
    path = folder / file.name
    if not path.exists():
        if not file.url.startswith(("https://", "http://")):
            wanted = file.mirror_path or file.name
            raise DataError(
                f"{file.name} has no public address that was checked; set HOOKE_MIRROR to a folder with {wanted}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(path, f"is downloading {path}"):
            if not path.exists():  # another process may just have finished it
                _download(file, path, show_progress, attempts, wait_s)
    _verify(file, path)
    return path


def _from_mirror(file: RemoteFile) -> Path | None:
    mirror = mirror_folder()
    if mirror is None or not file.mirror_path:
        return None
    path = mirror / file.mirror_path
    if not path.exists():
        _LOG.info("the mirror %s does not hold %s", mirror, file.mirror_path)
        return None
    stated = _mirror_hash(mirror, file.mirror_path) or file.sha256
    if stated and file_sha256(path) != stated:
        raise DataError(f"{path} differs from its stated checksum {stated}: the mirror is damaged")
    return path


def _mirror_hash(mirror: Path, name: str) -> str:
    manifest = mirror / "MANIFEST.tsv"
    if not manifest.exists():
        return ""
    with open(manifest, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row.get("path") == name:
                return row.get("sha256") or ""
    return ""


def _download(file: RemoteFile, path: Path, show_progress: bool, attempts: int, wait_s: float) -> None:
    part = path.with_name(path.name + ".part")
    failures, furthest = 0, _size(part)
    while True:
        try:
            _continue(file, part, show_progress)
            break
        except _BrokenConnectionError as error:
            got = _size(part)
            failures = failures + 1 if got <= furthest else 1
            furthest = max(furthest, got)
            if failures >= attempts:
                raise DataError(
                    f"{file.url} could not be read: {error}. {got:,} bytes are kept in {part}; "
                    "the same command continues there"
                ) from error
            time.sleep(min(_LONGEST_WAIT_S, wait_s * 2 ** (failures - 1)))
    remove(_mark(part))
    _check(part, _expected(file, path), file)
    put_in_place(part, path)


def _continue(file: RemoteFile, part: Path, show_progress: bool) -> None:
    """One request: from where the part ends, or from the start when the server has another version by now."""
    have = _size(part)
    mark = _mark(part).read_text() if _mark(part).exists() else ""
    if not (mark or file.sha256):
        have = 0  # nothing would tell whether the two pieces belong together
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and mark:
        headers["If-Range"] = mark
    answer = _ask(file.url, headers, part)
    if answer is None:
        return
    with answer, disk_full_explained(part.parent, f"what was read is kept in {part.name}"):
        have = have if answer.status == 206 else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        _require_space(part, (total or have) - have)
        write_durably(_mark(part), _version(answer).encode())
        written = have
        with (
            appending(part, afresh=not have) as out,
            progress(total, f"downloading {file.name}", "B", show=show_progress) as bar,
        ):
            bar.advance(have)
            while chunk := _read(answer):
                out.write(chunk)
                written += len(chunk)
                bar.advance(len(chunk))
    if total is not None and written < total:
        raise _BrokenConnectionError(f"the connection ended after {written:,} of {total:,} bytes")


def _ask(url: str, headers: dict[str, str], part: Path) -> http.client.HTTPResponse | None:
    """The server's answer; None when it says that the part is whole."""
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and error.headers.get("Content-Range", "").endswith(f"/{_size(part)}"):
                return None  # the process ended between the last byte and the renaming
            if error.code == 416:
                remove(part)  # longer than the file: start afresh
            elif error.code < 500 and error.code not in _WORTH_ANOTHER_TRY:
                raise DataError(f"{url} answers {error.code} {error.reason}: the file cannot be had there") from error
            raise _BrokenConnectionError(f"the server answers {error.code} {error.reason}") from error
    except (http.client.HTTPException, OSError) as error:
        raise _BrokenConnectionError(str(getattr(error, "reason", error))) from error


def _version(answer: http.client.HTTPResponse) -> str:
    """What tells this version of the file from others: a strong ETag or the date."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (http.client.HTTPException, OSError) as error:
        raise _BrokenConnectionError(f"the connection broke: {error}") from error


def _require_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DataError(
            f"the disk of {part.parent} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB more are needed for "
            f"{part.stem}; free space or point HOOKE_CACHE elsewhere, and run again"
        )


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _mark(part: Path) -> Path:
    """Holds the server's version mark (ETag or date) of the bytes in a part."""
    return part.with_name(part.name + ".version")


def _expected(file: RemoteFile, path: Path) -> str:
    pin = path.with_name(path.name + ".sha256")
    return file.sha256 or (pin.read_text().split()[0] if pin.exists() else "")


def _check(path: Path, expected: str, file: RemoteFile) -> str:
    actual = file_sha256(path)
    if expected and actual != expected:
        bad = path.with_name(file.name + ".bad")
        put_in_place(path, bad)
        raise DataError(
            f"{file.name} has sha256 {actual}, expected {expected}; it was moved to {bad}. "
            "Run again to download it anew; if it happens again, the source has changed"
        )
    return actual


def _verify(file: RemoteFile, path: Path) -> None:
    actual = _check(path, _expected(file, path), file)
    if not file.sha256:
        write_durably(path.with_name(path.name + ".sha256"), actual.encode())
