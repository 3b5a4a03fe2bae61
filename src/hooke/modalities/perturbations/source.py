"""What is asked of a model of perturbed cells: a table, texts or a store as jobs; and conditions as batches, with their compounds."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import Perturbation, parse_each, parse_treatment
from hooke.cells.response_spec import ResponseSpec
from hooke.cells.response_store import ResponseStore, is_response_store
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.reading import check_table, reading
from hooke.core.types import Chunk
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.spec import MoleculeSpec

if TYPE_CHECKING:
    from hooke.cells.batch import ResponseBatch

FALLBACK = "fallback"
_TABLES = (".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True)
class AskedOptions:
    """How a table of perturbations is read.

    Attributes:
        context: Of rows that state none.
    """

    context: str | None = None


def compound_batch(smiles: Iterable[str]) -> tuple[Any, list[str]]:
    """The different structures as a batch of molecules, and those that could be read, in its order; None where there are none."""
    from hooke.molecules.batch import collate

    structures = sorted({text for text in smiles if text})
    if not structures:
        return None, []
    found = MoleculeSpec().prepare(structures)
    if not len(found.kept):
        return None, []
    batch = collate(MoleculeSlice(found.arrays, rows=np.arange(len(found.kept))))
    return batch, [structures[row] for row in found.kept]


def batch_of(
    conditions: Conditions, spec: ResponseSpec, rows: np.ndarray, smiles: Sequence[str], targets: np.ndarray | None = None
) -> ResponseBatch:  # fmt: skip
    """Conditions as a batch, with the compounds among them.

    Args:
        conditions: (B,).
        spec: Of the network.
        rows: (B,) in their store.
        smiles: (B,) of compounds; "" of genes.
        targets: (B, g); None where nothing is known.
    """
    from hooke.cells.batch import response_batch

    compounds, known = compound_batch(smiles) if spec.compounds else (None, [])
    return response_batch(conditions, spec, rows, targets, smiles=smiles, compounds=compounds, known=known)


@dataclass(frozen=True)
class Asked:
    """A row: what was done (None where it cannot be read, with the reason), to which cells, the structure, and why it has no own answer."""

    done: Perturbation | None
    context: str
    smiles: str
    reason: str = ""
    fallback: str = ""


class AskedConditions(ABC):
    """A table, texts or a store of what is asked for, as jobs; see `core.types.Source`.

    Columns: perturbation (genes, "A+B") or compound and smiles (with dose, unit and hours where they are known), and context where the model
    has several.

    Args:
        given: A path, texts, or an open store.
        contexts: Of the model.
        options: How rows without a context are read.
        batch_size: Conditions a batch.

    Attributes:
        rows: One each of the table.

    Raises:
        DataError: It cannot be read.
        UnknownNameError: The model has no such context.
    """

    parallel = False
    rows_a_job = 2048
    jobs_a_part = 16
    unit = "perturbations"
    facts: Mapping[str, Any] = {}

    def __init__(self, given: Any, contexts: Sequence[str], options: AskedOptions, batch_size: int) -> None:
        self._contexts, self._batch_size = tuple(contexts), batch_size
        if options.context is not None and options.context not in contexts:
            raise UnknownNameError("context", options.context, contexts)
        self._context = options.context or (contexts[0] if len(contexts) == 1 else "")
        self._name, self._hash = "perturbations", ""
        if isinstance(given, ResponseStore):
            self._table, self._hash = given.table, given.content_hash
        elif isinstance(given, str | Path):
            path = Path(given)
            if is_response_store(path):
                store = ResponseStore.open(path)
                self._table, self._hash = store.table, store.content_hash
            else:
                self._table, self._hash = read_asked(path), file_sha256(path)
            self._name = path.name
        elif hasattr(given, "columns"):
            self._table = given if isinstance(given, pl.DataFrame) else pl.from_pandas(given)
            _check_columns(self._table, "the table")
            if FALLBACK in self._table.columns:
                raise DataError(f"the column {FALLBACK} is one of predictions: leave it out of what is asked for")
        else:
            self._table = pl.DataFrame({"perturbation": [str(text) for text in given]})
        if not len(self._table):
            raise DataError(f"{self._name} asks for nothing")
        kept = [name for name in self._table.columns if name != FALLBACK]
        self._table = self._table.select(kept)
        self.rows = [self._row(row) for row in self._table.iter_rows(named=True)]

    @property
    def name(self) -> str:
        """See `Source`."""
        return self._name

    @property
    def schema(self) -> pa.Schema:
        """What was given."""
        return self._shown(self._table.head(0), []).to_arrow().schema

    def content_hash(self) -> str:
        """See `Source`."""
        if not self._hash:
            self._hash = hashlib.sha256(repr(self._table.rows()).encode()).hexdigest()
        return content_hash([self._hash, self._context])

    def row_count(self) -> int:
        """See `Source`."""
        return len(self._table)

    def jobs(self, *, skip: int = 0) -> Iterator[int]:
        """The first rows of the jobs."""
        yield from range(skip * self.rows_a_job, len(self._table), self.rows_a_job)

    def prepare(self, job: int) -> int:
        """Nothing is to be done ahead."""
        return job

    def chunk(self, prepared: int) -> Chunk:
        """See `Source`."""
        stop = min(prepared + self.rows_a_job, len(self._table))
        rows = self.rows[prepared:stop]
        good = np.array([place for place, row in enumerate(rows) if row.done is not None], np.int64)
        batches = []
        for start in range(0, len(good), self._batch_size):
            places = good[start : start + self._batch_size]
            some = [rows[place] for place in places]
            conditions = Conditions.of(
                (row.done for row in some if row.done is not None), (row.context for row in some)
            )
            batches.append(self._batch(conditions, prepared + places, [row.smiles for row in some]))
        reasons = {place: row.reason for place, row in enumerate(rows) if row.done is None}
        return Chunk(self._shown(self._table[prepared:stop], rows).to_arrow(), batches, (good,), reasons=reasons)

    @abstractmethod
    def _batch(self, conditions: Conditions, rows: np.ndarray, smiles: Sequence[str]) -> Any:
        """What the model reads of some conditions."""

    def _shown(self, table: pl.DataFrame, rows: Sequence[Asked]) -> pl.DataFrame:
        """Rows as the output repeats them."""
        return table

    def _row(self, row: Mapping[str, Any]) -> Asked:
        context, smiles = str(row.get("context") or "") or self._context, str(row.get("smiles") or "")
        try:
            if row.get("compound"):
                hours = None if row.get("hours") in (None, "") else float(row["hours"])
                dose = None if row.get("dose") in (None, "") else float(row["dose"])
                done = parse_treatment(str(row["compound"]), dose, str(row.get("unit") or ""), hours)
            else:
                text = str(row.get("perturbation") or "")
                read, reasons = parse_each([text])
                if text in reasons:
                    return Asked(None, context, smiles, reasons[text])
                done = read[text]
        except (HookeError, ValueError) as error:
            return Asked(None, context, smiles, str(error))
        if done.is_control:
            return Asked(None, context, smiles, "a control: there is nothing to predict")
        if not context:
            return Asked(None, context, smiles, f"no context is stated; the model has {', '.join(self._contexts)}")
        if context not in self._contexts:
            return Asked(None, context, smiles, f"the model has no context {context}")
        return Asked(done, context, smiles)


class AskedPerturbations(AskedConditions):
    """What is asked of a network. A row that it knows nothing of has the mean response, and the column `fallback` says why.

    Args:
        given: See `AskedConditions`.
        spec: Of the network.
        options, batch_size: See `AskedConditions`.

    Raises:
        DataError, UnknownNameError: See `AskedConditions`.
    """

    def __init__(self, given: Any, spec: ResponseSpec, options: AskedOptions, batch_size: int) -> None:
        self._spec = spec
        super().__init__(given, spec.contexts, options, batch_size)
        self.rows = [
            row if row.done is None else replace(row, fallback=_flag(why_unknown(spec, row.done, row.smiles)))
            for row in self.rows
        ]
        self.facts = {"fallbacks": sum(bool(row.fallback) for row in self.rows)}

    def _batch(self, conditions: Conditions, rows: np.ndarray, smiles: Sequence[str]) -> ResponseBatch:
        return batch_of(conditions, self._spec, rows, smiles)

    def _shown(self, table: pl.DataFrame, rows: Sequence[Asked]) -> pl.DataFrame:
        return table.with_columns(pl.Series(FALLBACK, [row.fallback for row in rows], dtype=pl.String))


def why_unknown(spec: ResponseSpec, done: Perturbation, smiles: str) -> str:
    """Why a network knows nothing of what was done; "" where it does."""
    if done.treatment is None:
        return spec.unknown(sorted(done.genes))
    if not spec.compounds:
        return "the model was trained on genes alone"
    return "" if is_structure(smiles) else f"{done.treatment.compound}: no structure (SMILES) that can be read"


@lru_cache(maxsize=100_000)
def is_structure(smiles: str) -> bool:
    """Whether a SMILES can be read."""
    return bool(smiles) and bool(compound_batch([smiles])[1])


def _flag(reason: str) -> str:
    return reason and f"mean response: {reason}"


def read_asked(path: Path) -> pl.DataFrame:
    """A table with a column perturbation or compound.

    Raises:
        UsageError: A file of another kind.
        DataError: It is missing, damaged, or has no such column.
    """
    if path.suffix.lower() not in _TABLES:
        raise UsageError(f"{path.name}: perturbations are read from {', '.join(_TABLES)}")
    with reading(path, "a table of perturbations"):
        check_table(path)
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(path)
        else:
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            table = pl.read_csv(path, separator=separator, infer_schema=False)
    _check_columns(table, str(path))
    return table


def _check_columns(table: pl.DataFrame, name: str) -> None:
    if not {"perturbation", "compound"} & set(table.columns):
        raise DataError(f"{name} has no column perturbation or compound; there are: {', '.join(table.columns[:8])}")
