"""Building an image store from jobs that worker processes do: in parts, so that a killed build goes on where it was.

A job gives the fields of one well, or says why they cannot be used. Finished parts lie in `<store>.partial`; the folder gets
its name only when everything is in it. Beside the pixels lie `sites.parquet` (one row a field), `rejected.parquet`, and `files.parquet` (one row
a source file: used, refused, or ignored by a named rule).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import polars as pl

from hooke.core.errors import DataError, UsageError
from hooke.core.files import (
    disk_full_explained,
    exclusive,
    locked,
    put_in_place,
    remove,
    remove_folder,
    remove_leftovers,
    replacing,
    write_durably,
)
from hooke.core.json_text import json_text
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.store.integrity import is_whole, remove_damaged
from hooke.core.store.schema import Manifest, manifests
from hooke.images.reading.metadata import Refused, refused_table
from hooke.images.store import FILES, REJECTED, SITES, ImageStore, ImageStoreWriter

Problems = Literal["stop", "skip_site", "skip_well"]
PROBLEMS: tuple[Problems, ...] = ("stop", "skip_site", "skip_well")
PART_BYTES = 1 << 29
FATES = ("used", "refused", "ignored")  # of a source file
Account = Callable[[list[int], list[Refused]], pl.DataFrame]  # fields stored, what was refused -> path, fate, reason
Job = TypeVar("Job")


@dataclass(frozen=True)
class Header:
    """What a store is.

    Attributes:
        recipe: Hash of all that decides its content.
        channels, dtype, tile: As in `ImageStoreWriter`.
        metadata: Anything JSON.
        state: Of the sources, no part of the store: an unfinished build of sources in another state begins afresh.
    """

    recipe: str
    channels: tuple[str, ...]
    dtype: str
    tile: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""


@dataclass(frozen=True)
class Done:
    """What a job gives: the numbers of its fields in the table, their pixels (C, H, W), and what was refused."""

    rows: tuple[int, ...] = ()
    pixels: tuple[np.ndarray, ...] = ()
    refused: tuple[Refused, ...] = ()


def build_store(
    folder: Path,
    header: Header,
    fields: pl.DataFrame,
    jobs: Sequence[Job],
    work: Callable[[Job], Done],
    *,
    refused: Sequence[Refused] = (),
    problems: Problems = "stop",
    files: Mapping[str, bytes] | None = None,
    account: Account | None = None,
    workers: int | None = None,
    description: str = "reading images",
    show_progress: bool = True,
) -> ImageStore:
    """Do all jobs and write the store, or open it when it is there already.

    Args:
        folder: The store.
        header: What it is.
        fields: One row a field that jobs may give.
        jobs: One a well; they are done in order and written in order, whatever the number of processes.
        work: A function of a module, run in worker processes.
        refused: What was refused before any pixel was read.
        problems: What becomes of fields that cannot be used: "stop" reads all, lists them and raises; "skip_site" leaves them
            out; "skip_well" leaves out their whole wells (`work` sees to that).
        files: Further files of the store, name -> bytes.
        account: What became of every source file, where there are any; see `Account`.
        workers: Processes; None takes all cores.
        description: For the progress bar.
        show_progress: Show it.

    Raises:
        DataError: No field can be used, or some cannot and `problems` is "stop".
        UsageError: The folder holds a store of something else.
        HookeError: Another process is building the same store.
    """
    folder = Path(folder)
    if not is_whole(folder) or locked(folder):
        with exclusive(folder, f"is preparing {folder}", wait=folder.exists()):
            remove_damaged(folder)
            if not folder.exists():
                partial = _partial(folder, header)
                if not _complete(partial):
                    _do(partial, header, fields, jobs, work, workers, description, show_progress)
                    _finish(partial, folder, header, fields, list(refused), problems, files or {}, account)
                _put_in_place(partial, folder)
    store = ImageStore.open(folder)
    if store.description.get("recipe") != header.recipe:
        raise UsageError(f"{folder} holds other images, or the same with other options; choose another folder")
    return store


def _partial(folder: Path, header: Header) -> Path:
    """The folder of the unfinished store, emptied if it was begun with another recipe, or from sources since changed."""
    partial = folder.with_name(f"{folder.name}.partial")
    stamp, text = partial / "recipe", f"{header.recipe} {header.state}".rstrip()
    remove_leftovers(partial)
    if partial.exists() and not (stamp.exists() and stamp.read_text() == text):
        remove_folder(partial)
    if not partial.exists():
        write_durably(stamp, text)
    return partial


def _do(
    partial: Path,
    header: Header,
    fields: pl.DataFrame,
    jobs: Sequence[Job],
    work: Callable[[Job], Done],
    workers: int | None,
    description: str,
    show_progress: bool,
) -> None:
    """Write the parts that are not there yet."""
    parts = _parts(len(jobs))
    found = manifests(partial)
    first = int(Manifest.read(found[-1]).metadata["parts"]) if found else 0
    todo = (jobs[number] for part in parts[first:] for number in part)
    workers = 0 if len(jobs) < 4 else workers  # not worth the start of processes
    with (
        progress(len(fields), description, "fields", show=show_progress) as bar,
        disk_full_explained(partial, "finished parts are kept"),
    ):
        bar.advance(sum(len(_part_record(partial, part)["rows"]) for part in range(first)))
        results = ordered_map(work, todo, workers=workers)
        try:
            for number in range(first, len(parts)):
                _write_part(partial, header, number, _some(results, len(parts[number])), bar.advance)
        finally:
            results.close()  # type: ignore[attr-defined]


def _some(results: Iterator[Done], count: int) -> Iterator[Done]:
    for _ in range(count):
        yield next(results)


def _parts(jobs: int) -> list[range]:
    """At most a hundred parts of at least 16 jobs; they follow from the number of jobs, so that equal input gives equal shards."""
    size = max(16, -(-jobs // 100))
    return [range(start, min(start + size, jobs)) for start in range(0, jobs, size)]


def _write_part(
    partial: Path, header: Header, number: int, results: Iterable[Done], advance: Callable[[int], None]
) -> None:
    writer = ImageStoreWriter(partial, header.channels, header.dtype, header.tile)
    record: dict[str, list[Any]] = {"rows": [], "first_tile": [], "sizes": [], "refused": []}
    for done in results:
        for row, pixels in zip(done.rows, done.pixels, strict=True):
            record["first_tile"].append(writer.append(pixels))
            record["rows"].append(row)
            record["sizes"].append(pixels.shape[1:])
        record["refused"] += [asdict(entry) for entry in done.refused]
        advance(len(done.rows))
    write_durably(_part_file(partial, number), json_text(record).encode())
    writer.close({"parts": number + 1})
    for old in manifests(partial)[:-1]:
        remove(old)


def _part_file(partial: Path, number: int) -> Path:
    return partial / f"part-{number:06d}.json"


def _part_record(partial: Path, number: int) -> dict[str, list[Any]]:
    return json.loads(_part_file(partial, number).read_bytes())


def _finish(
    partial: Path,
    folder: Path,
    header: Header,
    fields: pl.DataFrame,
    refused: list[Refused],
    problems: Problems,
    files: Mapping[str, bytes],
    account: Account | None,
) -> None:
    records = [_part_record(partial, number) for number in range(len(list(partial.glob("part-*.json"))))]
    refused += [Refused(**entry) for record in records for entry in record["refused"]]
    _write_table(refused_table(refused), partial / REJECTED)
    rows = [row for record in records for row in record["rows"]]
    if refused and (problems == "stop" or not rows):
        kept = folder.with_name(f"{folder.name}.{REJECTED}")
        put_in_place(partial / REJECTED, kept)
        raise DataError(_complaint(refused, kept, none_left=not rows))
    sizes = np.array([size for record in records for size in record["sizes"]], np.int64).reshape(-1, 2)
    table = fields[rows].with_columns(
        pl.Series("first_tile", [tile for record in records for tile in record["first_tile"]], pl.Int64),
        pl.Series("height", sizes[:, 0]),
        pl.Series("width", sizes[:, 1]),
    )
    _write_table(table, partial / SITES)
    for name, data in files.items():
        write_durably(partial / name, data)
    writer = ImageStoreWriter(partial, header.channels, header.dtype, header.tile, header.metadata)
    accounts = _accounts(account, rows, refused, partial)
    for name in (SITES, REJECTED, *([FILES] if accounts else []), *files):
        writer.add_file(name)
    wells = fields[rows].select("experiment", "plate", "well").n_unique()
    counts = {"fields": len(rows), "wells": wells, "refused": len(refused), **_kinds(refused), **accounts}
    writer.close({"recipe": header.recipe, "parts": len(records), "problems": problems, "counts": counts})


def _accounts(account: Account | None, rows: list[int], refused: list[Refused], partial: Path) -> dict[str, int]:
    """How many source files were used, refused and ignored; all of them are listed in `files.parquet`."""
    if account is None:
        return {}
    table = account(rows, refused)
    _write_table(table, partial / FILES)
    counts = dict(table["fate"].value_counts().iter_rows())
    return {"files": len(table), **{f"files_{fate}": counts.get(fate, 0) for fate in FATES}}


def _complete(partial: Path) -> bool:
    """Whether only the last step is left: a killed build may have got that far."""
    found = manifests(partial)
    return bool(found) and "counts" in Manifest.read(found[-1]).metadata


def _put_in_place(partial: Path, folder: Path) -> None:
    for path in [*manifests(partial)[:-1], *partial.glob("part-*.json"), partial / "recipe"]:
        remove(path)
    remove(folder.with_name(f"{folder.name}.{REJECTED}"))
    put_in_place(partial, folder)


def _write_table(table: pl.DataFrame, path: Path) -> None:
    with replacing(path) as temporary:
        table.write_parquet(temporary)


def _kinds(refused: Sequence[Refused]) -> dict[str, int]:
    return {f"refused_{kind}": count for kind, count in sorted(Counter(entry.kind for entry in refused).items())}


def _complaint(refused: Sequence[Refused], table: Path, *, none_left: bool) -> str:
    wells = sorted(
        {"/".join(filter(None, (entry.experiment, entry.plate, entry.well))) or entry.path for entry in refused}
    )
    kinds = ", ".join(f"{count} x {kind}" for kind, count in Counter(entry.kind for entry in refused).most_common())
    shown = ", ".join(wells[:8]) + (f" and {len(wells) - 8} more" if len(wells) > 8 else "")
    first = refused[0]
    where = (
        " ".join(filter(None, (first.well, f"site {first.site}" if first.site else "", first.channel))) or first.path
    )
    rule = (
        "nothing is left to store"
        if none_left
        else "problems=skip_site leaves these fields out, problems=skip_well their wells; what was read is kept"
    )
    items = "wells" if all(entry.well for entry in refused) else "wells or files"
    return (
        f"{len(refused)} problems in {len(wells)} {items} ({kinds}): {shown}. First: {where}: {first.reason}. "
        f"All are listed in {table}. {rule}"
    )
