"""Getting a data set's raw files: from a local mirror, or over HTTP with checksum, resume and clear failures."""

from __future__ import annotations

import csv
import errno
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError
from hooke.core.hashing import file_sha256
from hooke.core.paths import mirror_folder
from hooke.core.progress import progress
from hooke.core.store.schema import write_durably

_CHUNK = 1 << 18
_TIMEOUT_S = 30.0


def fetch(
    file: RemoteFile, folder: Path, *, show_progress: bool = True, attempts: int = 4, wait_s: float = 1.0
) -> Path:
    """Have a file at hand, checked; returns its path.

    First the mirror (HOOKE_MIRROR), then `folder`, then its address. A broken download leaves `<name>.part` and continues
    there the next time. A file whose checksum no source states is pinned at first download (`<name>.sha256`).

    Raises:
        DataError: No mirror holds it and it has no address; the checksum differs; the connection failed `attempts` times; the
            disk is full.
    """
    mirrored = _from_mirror(file)
    if mirrored is not None:
        return mirrored
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.name
    if not path.exists():
        if not file.url:
            raise DataError(
                f"{file.name} has no public address that was checked; set HOOKE_MIRROR to a folder that holds {file.mirror_path or file.name}"
            )
        _download(file, path, show_progress, attempts, wait_s)
    _verify(file, path)
    return path


def _from_mirror(file: RemoteFile) -> Path | None:
    mirror = mirror_folder()
    if mirror is None or not file.mirror_path:
        return None
    path = mirror / file.mirror_path
    if not path.exists():
        return None
    stated = _mirror_hash(mirror, file.mirror_path) or file.sha256
    if stated and file_sha256(path) != stated:
        raise DataError(f"{path} differs from the checksum in the mirror's MANIFEST.tsv: the mirror is damaged")
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
    for attempt in range(1, attempts + 1):
        try:
            _continue(file, part, show_progress)
            part.replace(path)
            return
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            status = getattr(error, "code", None)
            if status is not None and 400 <= status < 500:
                raise DataError(f"{file.url} answers {status}: the file is not there") from error
            if attempt == attempts:
                raise DataError(
                    f"{file.url} could not be read ({error}); {part.name} is kept, the same command continues it"
                ) from error
            time.sleep(wait_s * 2 ** (attempt - 1))
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DataError(f"the disk of {part.parent} is full; {part.name} is kept, free space and run again") from error
            raise


def _continue(file: RemoteFile, part: Path, show_progress: bool) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(file.url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        resumed = answer.status == 206
        length = int(answer.headers.get("Content-Length") or 0)
        total = length + (have if resumed else 0)
        with (
            open(part, "ab" if resumed else "wb") as out,
            progress(total or None, f"downloading {file.name}", "bytes", show=show_progress) as bar,
        ):
            bar.advance(have if resumed else 0)
            written = have if resumed else 0
            while chunk := answer.read(_CHUNK):
                out.write(chunk)
                written += len(chunk)
                bar.advance(len(chunk))
    if total and written < total:
        raise ConnectionError(f"the connection ended after {written} of {total} bytes")


def _verify(file: RemoteFile, path: Path) -> None:
    pin = path.with_name(path.name + ".sha256")
    actual = file_sha256(path)
    expected = file.sha256 or (pin.read_text().strip() if pin.exists() else "")
    if not expected:
        write_durably(pin, actual.encode())
        return
    if actual != expected:
        bad = path.with_name(path.name + ".bad")
        path.replace(bad)
        raise DataError(f"{file.name} has sha256 {actual}, expected {expected}; it was moved to {bad.name}. Download it again")
