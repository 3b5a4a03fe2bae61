"""Run folders: what was run, with what, how it went, and what came out."""

from __future__ import annotations

import functools
import json
import logging
import math
import os
import platform
import resource
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hooke.core.errors import DamagedError, DataError
from hooke.core.files import append_lines, exclusive, remove_leftovers, replacing, write_durably
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.json_text import json_text, number_or
from hooke.core.reading import reading

LATEST = "LATEST"  # in the place of a run: the newest one
FORMAT = 1  # of run folders; raised when an older Hooke could no longer read a new one
PACKAGES = ("hooke-bio", "torch", "lightning-fabric", "numpy", "rdkit", "numba", "scikit-learn")

_CHANGING = ("run.json", "report.json", "report.html", "tensorboard")  # files that finished runs may still change
_LOG = logging.getLogger("hooke")


class RunFolder:
    """One run: runs/<recipe>/<utc>-<hash8>/ with recipe.json, run.json, metrics.jsonl and what training adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.folder)!r})"

    @classmethod
    def create(cls, root: Path, name: str, recipe: Mapping[str, Any], data_hash: str) -> RunFolder:
        """Make a new run folder for a resolved recipe and the content hash of its data."""
        identity = run_identity(recipe, data_hash)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        folder = Path(root) / name / f"{stamp}-{identity[:8]}"
        count = 1
        while folder.exists():
            count += 1
            folder = folder.with_name(f"{stamp}-{identity[:8]}-{count}")
        described = {
            "format": FORMAT, "name": name, "identity": identity, "data_hash": data_hash, "status": "running",
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(), "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), "machine": machine(),
        }  # fmt: skip
        with replacing(folder, folder=True) as temporary:
            cls(temporary).write_json("recipe.json", dict(recipe))
            cls(temporary).write_info(described)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path, *, unfinished: bool = False) -> RunFolder:
        """An existing run; a folder of runs stands for its newest finished one, LATEST for the newest of all below "runs".

        Args:
            folder: Of the run, of the runs of a recipe, or FOLDER/LATEST: the newest below FOLDER; LATEST alone is "runs/LATEST".
            unfinished: Of several take the newest unfinished one, if there is one.

        Raises:
            DataError: There is no run there, or a newer Hooke wrote it.
        """
        with reading(folder, "a run"):
            return cls._open(Path(folder), unfinished)

    @classmethod
    def _open(cls, folder: Path, unfinished: bool) -> RunFolder:
        if (folder / "run.json").exists():
            return cls(folder)._readable()
        depths = ["*/run.json"]
        if folder.name == LATEST and not folder.exists():
            folder = Path("runs") if folder == Path(LATEST) else folder.parent
            depths.append("*/*/run.json")
        paths = sorted((path.parent for depth in depths for path in folder.glob(depth)), key=lambda path: path.name)
        runs = [cls(path) for path in paths]
        finished = [run for run in runs if run.info["status"] == "finished"]
        if unfinished:
            finished = [run for run in runs if run not in finished] or finished
        if not finished:
            what = "no finished run" if runs else "no run"
            raise DataError(f"{folder} holds {what}; give the folder that `hooke fit` printed")
        return finished[-1]._readable()

    def _readable(self) -> RunFolder:
        version = self.info.get("format", 1)
        if not isinstance(version, int) or version > FORMAT:
            raise DataError(
                f"{self.folder} has run format {version!r}, this Hooke reads up to {FORMAT}: install a newer hooke-bio"
            )
        for name, digest in self.info.get("files", {}).items():
            path = self.path(name)
            if path.exists() and _digest(path, path.stat().st_mtime_ns) != digest:
                raise DamagedError(
                    path, "it is not the file that the run ended with (checksum); restore it, or train again"
                )
        return self

    @classmethod
    def find_unfinished(cls, root: Path, name: str, recipe: Mapping[str, Any], data_hash: str) -> RunFolder | None:
        """The newest unfinished run of the same recipe and data, or None."""
        return cls._find(root, name, recipe, data_hash, finished=False)

    @classmethod
    def find_finished(cls, root: Path, name: str, recipe: Mapping[str, Any], data_hash: str) -> RunFolder | None:
        """The newest finished run of the same recipe and data, or None."""
        return cls._find(root, name, recipe, data_hash, finished=True)

    @classmethod
    def _find(
        cls, root: Path, name: str, recipe: Mapping[str, Any], data_hash: str, *, finished: bool
    ) -> RunFolder | None:
        identity = run_identity(recipe, data_hash)
        for path in sorted((Path(root) / name).glob("*/run.json"), reverse=True):
            run = cls(path.parent)
            try:
                info = run.info
            except DataError as error:
                _LOG.warning("%s; the run is passed over", error)
                continue
            if info.get("identity") == identity and (info["status"] == "finished") == finished:
                return run
        return None

    @classmethod
    @contextmanager
    def starting(cls, root: Path, name: str, recipe: Mapping[str, Any], data_hash: str) -> Iterator[None]:
        """Where a run of this recipe and data is looked for, or made: one process at a time, others wait."""
        short = run_identity(recipe, data_hash)[:8]
        with exclusive(Path(root) / name / short, "is starting this run", wait=True):
            for leftover in (Path(root) / name).glob(f"*-{short}*.tmp"):
                remove_leftovers(leftover.with_name(leftover.name.split(".")[0]))
            yield

    def path(self, name: str) -> Path:
        """A file of the run."""
        return self.folder / name

    @property
    def info(self) -> dict[str, Any]:
        """run.json.

        Raises:
            DataError: It is missing or damaged.
        """
        info = self.read_json("run.json")
        digest = info.pop("hash", None)
        if digest is not None and digest != content_hash(info):
            raise DamagedError(self.path("run.json"), "its content does not have the hash that it states")
        return info

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        return self.read_json("recipe.json")

    def update(self, **fields: Any) -> None:
        """Change fields of run.json, atomically."""
        self.write_info({**self.info, **fields})

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Write run.json, with the hash of its content."""
        plain = json.loads(json_text(dict(info)))
        self.write_json("run.json", {**plain, "hash": content_hash(plain)})

    def finish(self, **fields: Any) -> None:
        """Mark the run finished, with its end, peak memory, and the checksum of everything that it has made."""
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        files = {
            str(path.relative_to(self.folder)): file_sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.relative_to(self.folder).parts[0] not in _CHANGING
        }
        self.update(status="finished", finished=ended, peak_memory_mb=peak_memory_mb(), files=files, **fields)

    def read_json(self, name: str) -> Any:
        """A JSON file of the run.

        Raises:
            DataError: It is missing or damaged.
        """
        with reading(self.path(name), "JSON"):
            try:
                return json.loads(self.path(name).read_bytes())
            except FileNotFoundError as error:
                raise DataError(f"{self.folder} has no {name}: it is not a run, or it did not get that far") from error

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file so that after a crash it is either the old or the new one."""
        write_durably(self.path(name), json_text(value, indent=1).encode())

    def log_metrics(self, **fields: Any) -> None:
        """Append one line to metrics.jsonl; a last line that a kill cut off is removed first."""
        append_lines(self.path("metrics.jsonl"), [json_text(fields)])

    def metrics(self) -> list[dict[str, Any]]:
        """All whole lines of metrics.jsonl, NaN where a number was not finite; a line cut off by a kill is left out."""
        if not self.path("metrics.jsonl").exists():
            return []
        lines = self.path("metrics.jsonl").read_text().splitlines()
        found = []
        for number, line in enumerate(lines):
            try:
                fields = json.loads(line)
            except ValueError as error:
                if number + 1 != len(lines):
                    raise DataError(f"{self.path('metrics.jsonl')} line {number + 1} is damaged: {error}") from error
                continue
            found.append({name: math.nan if value is None else value for name, value in fields.items()})
        return found

    def scores(self) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
        """Part -> level -> label -> metric -> value, as metrics.json has them; NaN where a metric is not defined.

        Raises:
            DataError: It is missing or damaged.
        """
        return {
            part: {
                level: {label: {name: number_or(value) for name, value in of.items()} for label, of in labels.items()}
                for level, labels in levels.items()
            }
            for part, levels in self.read_json("metrics.json").items()
            if part not in _BESIDE
        }

    def means(self) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
        """Part -> level -> table -> metric -> mean over its labels, as metrics.json has them; see `evaluate.label_means`.

        Raises:
            DataError: It is missing or damaged.
        """
        return {
            part: {
                level: {table: {name: number_or(value) for name, value in of.items()} for table, of in tables.items()}
                for level, tables in levels.items()
            }
            for part, levels in self.read_json("metrics.json").get("means", {}).items()
        }

    def rewrite_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replace metrics.jsonl, atomically."""
        write_durably(self.path("metrics.jsonl"), "".join(json_text(line) + "\n" for line in lines).encode())

    def locked(self, *, wait: bool = False) -> AbstractContextManager[None]:
        """The run for this process alone within the block.

        Raises:
            HookeError: Another process is at work on it, and `wait` is False.
        """
        return exclusive(self.folder, f"is at work on {self.folder}", wait=wait)


_BESIDE = ("means", "normalised")  # what metrics.json holds beside the parts
_WITHOUT_EFFECT = (
    "checkpoint_seconds",
    "tensorboard",
    "loader_workers",
    "loggers",
)  # options of [train] that change no bit of a run


def run_identity(recipe: Mapping[str, Any], data_hash: str) -> str:
    """Hash of a resolved recipe and its data: the same for the same work, whatever is written beside it and how often."""
    train = {name: value for name, value in recipe.get("train", {}).items() if name not in _WITHOUT_EFFECT}
    return content_hash({"recipe": {**recipe, "train": train}, "data": data_hash})


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def peak_memory_mb() -> int:
    """Most resident memory that this process has had so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def machine() -> dict[str, Any]:
    """Processor architecture, cores and system."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


@functools.lru_cache(maxsize=1024)
def _digest(path: Path, changed: int) -> str:
    """SHA-256 of a file as it was when it was last changed."""
    return file_sha256(path)
