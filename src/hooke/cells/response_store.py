"""The store of responses: one row a condition, with its change from control in a memory-mapped column and what was done in a table.

`conditions.parquet` beside the shards holds what was done to which cells, `controls.parquet` the mean control profile of each context,
`rejected.parquet` the conditions that were left out, with the reason, and `edges.csv` relations of genes that come with the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import Perturbation, Treatment, of_genes
from hooke.core.csv_text import csv_text
from hooke.core.errors import DataError
from hooke.core.files import exclusive, locked, replacing, write_durably
from hooke.core.hashing import content_hash
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.integrity import is_whole, remove_damaged
from hooke.core.store.opened import OpenedStore
from hooke.core.store.schema import manifests

KIND = "responses"
CONDITIONS, CONTROLS, REJECTED, EDGES = "conditions.parquet", "controls.parquet", "rejected.parquet", "edges.csv"
NOT_MEASURED, NO_STRUCTURE = (
    "no read-out of the condition is measured",
    "no structure (SMILES) of the compound is known",
)
PREPARE_VERSION = 2  # raise it when the same content would be prepared differently
_CHANGE = "change"
_GENE = "\t"


@dataclass(frozen=True)
class MeasuredResponses:
    """Changes of a screen, in memory.

    Attributes:
        conditions: (n,) without controls.
        changes: (n, g) from the controls of the same context; NaN = not measured.
        readouts: (g,) names.
        contexts: All contexts.
        controls: (contexts, g) mean control profiles; None where the data are changes alone.
        scale: Of the profiles; see `cells.screen.Scale`.
        smiles: Compound → its structure.
        edges: Relations of genes that come with the data: entity1, entity2; None where there are none.
        rejected: (condition, context, reason) of what is left out already.
        left_out: Cells and genes of the screen that are in no condition: reason → how many.
    """

    conditions: Conditions
    changes: np.ndarray
    readouts: tuple[str, ...]
    contexts: tuple[str, ...] = ("",)
    controls: np.ndarray | None = None
    scale: str = "z-score"
    smiles: Mapping[str, str] = field(default_factory=dict)
    edges: pl.DataFrame | None = None
    rejected: Sequence[tuple[str, str, str]] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


class ResponseStore(OpenedStore):
    """A finished store of responses, opened for reading."""

    kind = items = KIND

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.table: pl.DataFrame = pl.read_parquet(store.file(CONDITIONS))
        self.readouts: tuple[str, ...] = tuple(store.metadata["readouts"])
        self.scale: str = store.metadata["scale"]
        controls = pl.read_parquet(store.file(CONTROLS))
        self.contexts: tuple[str, ...] = tuple(controls["context"].to_list())
        self.controls = np.array(controls["profile"].to_list(), np.float64)

    def __repr__(self) -> str:
        return f"ResponseStore({str(self.folder)!r}: {len(self):,} conditions of {len(self.readouts):,} read-outs)"

    @property
    def left_out(self) -> str:
        """What was left out, in a line for people; "" when nothing was."""
        return f"{self.refused:,} conditions left out: {self.folder / REJECTED}" if self.refused else ""

    @cached_property
    def conditions(self) -> Conditions:
        """What was done to which cells."""
        return Conditions.of(
            (_perturbation(row) for row in self.table.iter_rows(named=True)), self.table["context"].to_list(),
            self.table["cells"].to_numpy(),
        )  # fmt: skip

    def changes(self, rows: np.ndarray | None = None) -> np.ndarray:
        """(rows, g) float32 changes from control; of all rows without."""
        return self.store.row_column(_CHANGE, rows)

    @property
    def edges(self) -> Path | None:
        """The file of relations that come with the data."""
        path = self.folder / EDGES
        return path if path.is_file() else None

    @property
    def smiles(self) -> list[str]:
        """The structure of each condition's compound; "" of genes."""
        return self.table["smiles"].to_list()


def prepared(
    root: Path, name: str, content: object, make: Callable[[], MeasuredResponses], *, description: Mapping[str, Any] | None = None
) -> ResponseStore:  # fmt: skip
    """The store of this content below `root`: opened where it is there, else made and written.

    Args:
        root: Folder of stores.
        name: The store's folder begins with it.
        content: What the responses depend on; hashed.
        make: Makes them.
        description: Anything JSON: where they come from, whether they are simulated.

    Raises:
        DataError: Nothing is left to write.
    """
    folder = Path(root) / f"{name}-{content_hash([PREPARE_VERSION, content])[:12]}"
    if not is_whole(folder) or locked(folder):
        with exclusive(folder, f"is preparing {folder}", wait=True):
            remove_damaged(folder)
            if not manifests(folder):  # another process may just have made it
                _write(make(), folder, description or {})
    return ResponseStore.open(folder)


def is_response_store(folder: Path) -> bool:
    """Whether a folder holds a finished store of responses."""
    return bool(manifests(Path(folder))) and (Path(folder) / CONDITIONS).is_file()


def _write(found: MeasuredResponses, folder: Path, description: Mapping[str, Any]) -> None:
    rejected = list(found.rejected)
    kept = []
    for row, (perturbation, context) in enumerate(
        zip(found.conditions.perturbations, found.conditions.contexts, strict=True)
    ):
        reason = ""
        if not np.isfinite(found.changes[row]).any():
            reason = NOT_MEASURED
        elif perturbation.treatment is not None and not found.smiles.get(perturbation.treatment.compound):
            reason = NO_STRUCTURE
        if reason:
            rejected.append((perturbation.name, context, reason))
        else:
            kept.append(row)
    if not kept:
        reasons = sorted({reason for _, _, reason in rejected})
        raise DataError(f"none of the {len(rejected):,} conditions can be learnt from: {'; '.join(reasons)}")
    conditions, changes = found.conditions.take(np.array(kept)), np.asarray(found.changes, np.float32)[kept]
    controls = np.zeros((len(found.contexts), len(found.readouts))) if found.controls is None else found.controls
    about = {
        **description, "kind": KIND, "readouts": list(found.readouts), "scale": found.scale,
        "counts": {"conditions": len(kept), "refused": len(rejected)}, "left_out": dict(found.left_out),
    }  # fmt: skip
    writer = StoreWriter(folder, Schema((Column(_CHANGE, "row", "float32", (len(found.readouts),)),)), metadata=about)
    writer.append(len(changes), {_CHANGE: changes}, {})
    tables = {
        CONDITIONS: _table(conditions, found.smiles),
        CONTROLS: pl.DataFrame(
            {"context": list(found.contexts), "profile": controls.tolist()},
            schema={"context": pl.String, "profile": pl.List(pl.Float64)},
        ),
        REJECTED: pl.DataFrame(rejected, schema=dict.fromkeys(("perturbation", "context", "reason"), pl.String), orient="row"),
    }  # fmt: skip
    for name, table in tables.items():
        with replacing(folder / name) as temporary:
            table.write_parquet(temporary)
        writer.add_file(name)
    if found.edges is not None:
        write_durably(folder / EDGES, csv_text(found.edges))
        writer.add_file(EDGES)
    writer.close()


def _table(conditions: Conditions, smiles: Mapping[str, str]) -> pl.DataFrame:
    rows = []
    for each, context, cells in zip(
        conditions.perturbations, conditions.contexts, conditions.counts.tolist(), strict=True
    ):
        treated = each.treatment
        rows.append({
            "perturbation": each.name, "context": context, "cells": cells, "genes": _GENE.join(sorted(each.genes)),
            "compound": "" if treated is None else treated.compound, "smiles": "" if treated is None else smiles[treated.compound],
            "dose": None if treated is None else treated.dose, "unit": "" if treated is None else treated.unit,
            "hours": None if treated is None else treated.hours,
        })  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"dose": pl.Float64, "hours": pl.Float64})


def _perturbation(row: Mapping[str, Any]) -> Perturbation:
    if not row["compound"]:
        return of_genes(*row["genes"].split(_GENE))
    return Perturbation(treatment=Treatment(row["compound"], row["dose"], row["unit"], row["hours"]))
