"""The rows of a table as they are read: its columns looked up, then some rows at a time, cell by cell or by columns."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from hooke.core.concentrations import speaks_of_concentration
from hooke.core.errors import DataError, UnknownNameError, UsageError, nearest
from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.core.pt_files import read_integer_lists
from hooke.core.units import factor
from hooke.evaluate.splits import PART_WORDS
from hooke.molecules.blocks import NO_SPLIT, SPLIT_CODES, GraphLabels
from hooke.molecules.held_out import held_out
from hooke.molecules.tables.dates import Moments, MomentsProfile
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.label_columns import dense_labels, list_labels, read_batches, table_columns
from hooke.molecules.tables.listed import INNER, ListProfile
from hooke.molecules.tables.reading import column_names, delimited_by_commas, read_table, smiles_column
from hooke.molecules.tables.values import ColumnProfile

_LOG = logging.getLogger(__name__)
_SPLIT_WORDS = {**PART_WORDS, "": NO_SPLIT}


@dataclass(frozen=True)
class Columns:
    """The columns of a table, as they are in its files.

    Attributes:
        smiles: SMILES column.
        graph, node, edge, pair: Column -> its label as stored, of molecules, atoms, bonds and pairs.
        ignored: Column -> why it is no label.
        rounded: Label -> what is lost of its values when they are stored.
        rows: Rows of the table, if they were counted.
        offers: Column -> why its logarithm would be learnt better, and what to type for it.
        time: Column that says when each row was made; "" without one.
        moments: How its cells are read.
        commas: Label column with commas in its numbers -> whether they are decimal, rather than between thousands.
    """

    smiles: str
    graph: dict[str, Label]
    node: dict[str, Label]
    ignored: dict[str, str] = field(default_factory=dict)
    rows: int | None = None
    rounded: dict[str, str] = field(default_factory=dict)
    offers: dict[str, tuple[str, str]] = field(default_factory=dict)
    time: str = ""
    moments: Moments = field(default_factory=Moments)
    edge: dict[str, Label] = field(default_factory=dict)
    pair: dict[str, Label] = field(default_factory=dict)
    commas: dict[str, bool] = field(default_factory=dict)

    def of(self, level: str) -> dict[str, Label]:
        """Those of one level."""
        found: dict[str, Label] = getattr(self, level)
        return found


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Attributes:
        numbers: (N,) int64, counted from 1 through all files of the table.
        texts: Column -> one text a row: SMILES, and labels that are read cell by cell.
        split: (N,) uint8.
        refused: Position -> column, value and reason of a row that cannot be used.
        lines: The line of its file on which each row begins, where that is known.
        graph: Labels of molecules that are read by columns.
        node: Column -> values of each row's atoms, or None where not measured.
    """

    numbers: np.ndarray
    texts: dict[str, list[str]]
    split: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    refused: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    lines: Sequence[int] = ()
    graph: GraphLabels | None = None
    node: dict[str, list[np.ndarray | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)


def find_columns(table: Table, *, show_progress: bool) -> Columns:
    """Look up what the table's description names; where it names no labels, look through the whole table for them.

    Raises:
        UnknownNameError: A column is not there.
        UsageError, DataError: What is said about a column does not fit it.
    """
    first, (names, smiles, others) = table.paths[0], _header(table)
    if isinstance(table.columns, LabelOptions):
        find = _labels_found if table.columns.level == "graph" else _lists_found
        return find(table, smiles, others, table.columns, show_progress)
    labels: dict[str, dict[str, Label]] = {"graph": {}, "node": {}}
    for pattern, label in table.columns:
        matching = fnmatch.filter(others, pattern) if "*" in pattern else [name for name in others if name == pattern]
        if not matching:
            raise UnknownNameError(f"label column of {first.name}", pattern, names)
        labels[label.level].update((column, table.label(pattern, label, column)) for column in matching)
    if labels["node"] and not table.by_columns:
        raise UsageError(f"labels of atoms are read by columns: {', '.join(labels['node'])}")
    return Columns(smiles, labels["graph"], labels["node"])


def check_columns(table: Table) -> None:
    """Refuse what `find_columns` would refuse after a look at the first row.

    Raises:
        UnknownNameError: A column is not there.
        UsageError, DataError: What is said about a column does not fit it; the file is no table.
    """
    for path in table.paths:
        if not path.exists():
            raise DataError(f"there is no file {path}")
    _, _, others = _header(table)
    if isinstance(table.columns, LabelOptions):
        _candidates(others, table.columns)


def _header(table: Table) -> tuple[list[str], str, list[str]]:
    """All columns, that of SMILES, and those that may be labels."""
    names = table_columns(table.paths[0]) if table.by_columns else column_names(table.paths[0])
    smiles = smiles_column(names, table.smiles)
    for what, name in (("split column", table.split_column), ("time column", table.time_column)):
        if name is not None and name not in names:
            raise UnknownNameError(what, name, names)
    return names, smiles, [name for name in names if name not in (smiles, table.split_column)]


def _labels_found(
    table: Table, smiles: str, others: Sequence[str], options: LabelOptions, show_progress: bool
) -> Columns:
    profiles = {name: ColumnProfile(name) for name in _candidates(others, options)}
    time, moments = table.time_column or "", MomentsProfile()
    if options.targets == "auto":
        profiles.pop(time, None)
    total = 0
    names = ", ".join(path.name for path in table.paths)
    with progress(None, f"looking through {names}", "rows", show=show_progress) as bar:
        for chunk in (chunk for path in table.paths for chunk in read_table(path)):
            for name, profile in profiles.items():
                profile.add(chunk.columns[name])
            if time:
                moments.add(chunk.columns[time])
            total += len(chunk)
            bar.advance(len(chunk))
    ignored = _ignored(profiles, options) if options.targets == "auto" else {}
    labels = {
        name: _of_table(table, profile.label(options), options)
        for name, profile in profiles.items()
        if name not in ignored
    }
    rounded = {
        label.name: text for name, label in labels.items() if (text := label.offset_note or profiles[name].rounded())
    }
    if time and not moments.dates + moments.numbers:
        raise UsageError(f"no cell of the time column {time!r} is a date or a number")
    if time and time not in profiles:
        ignored[time] = "it orders the time split"
    offers = {
        name: profiles[name].offer()
        for name, label in labels.items()
        if (label.kind, label.transform) == ("regression", "none")
    }
    offers = {name: offer for name, offer in offers.items() if offer[1]}
    commas = _commas({name: profiles[name] for name in labels}, table.paths[0])
    return Columns(smiles, labels, {}, ignored, total, rounded, offers, time, moments.moments, commas=commas)


def _commas(profiles: Mapping[str, ColumnProfile], path: Path) -> dict[str, bool]:
    """What commas in numbers are: as the column tells, else the other columns, else decimal unless the comma is the delimiter; it is said."""
    present = {name: profile for name, profile in profiles.items() if profile.commas}
    if not present:
        return {}
    told = {profile.comma for profile in present.values() if profile.comma is not None}
    rest = told.pop() if len(told) == 1 else not delimited_by_commas(path)
    found = {name: rest if profile.comma is None else profile.comma for name, profile in present.items()}
    for name, decimal in found.items():
        _LOG.warning(
            "%s: commas in the numbers of %r are read as %s",
            path.name,
            name,
            "decimal points" if decimal else "thousands separators",
        )
    return found


def _lists_found(
    table: Table, smiles: str, others: Sequence[str], options: LabelOptions, show_progress: bool
) -> Columns:
    """Columns of lists."""
    automatic = options.targets == "auto"
    for name in options.columns() - set(options.kinds):
        raise UsageError(f"labels of level {options.level!r} are taken as they stand: nothing converts {name!r}")
    profiles = {name: ListProfile(name) for name in _candidates(others, options)}
    total = 0
    with progress(None, f"looking through {table.paths[0].name}", "rows", show=show_progress) as bar:
        for chunk in (chunk for path in table.paths for chunk in read_table(path)):
            for name, profile in profiles.items():
                profile.add(chunk.columns[name])
            total += len(chunk)
            bar.advance(len(chunk))
    ignored = {name: "no lists of numbers" for name, profile in profiles.items() if automatic and not profile.is_list}
    labels = {
        name: _of_table(table, profile.label(options.level, options.kinds.get(name) or options.kind), options)
        for name, profile in profiles.items()
        if name not in ignored
    }
    if not labels:
        raise UsageError(
            f"no column of {table.paths[0].name} holds lists of numbers: name the labels of level {options.level!r}"
        )
    columns = Columns(smiles, {}, {}, ignored, total)
    columns.of(options.level).update(labels)
    return columns


def _of_table(table: Table, label: Label, options: LabelOptions) -> Label:
    """A label that was found, as it is stored."""
    label = replace(label, weight=options.weight)
    return replace(label, name=f"{table.name}/{label.name}", source=table.name) if table.name else label


def _ignored(profiles: Mapping[str, ColumnProfile], options: LabelOptions) -> dict[str, str]:
    """Column -> why it is no label. What speaks against a column only a little counts where another column is left."""
    reasons = {name: profile.no_label() for name, profile in profiles.items()}
    doubts = {name: profiles[name].no_label_beside_others() for name, reason in reasons.items() if not reason}
    if not all(doubts.values()):
        reasons |= doubts
    return {name: reason for name, reason in reasons.items() if reason and name not in options.columns()}


def _candidates(others: Sequence[str], options: LabelOptions) -> Sequence[str]:
    """The columns that may be labels, with everything that is said about them checked."""
    candidates = others if options.targets == "auto" else options.targets
    for name in candidates:
        if name not in others:
            raise UnknownNameError("target column", name, others)
    for name in options.columns():
        if name not in candidates:
            raise UnknownNameError("label column in kinds, units, convert_to or transforms", name, candidates)
    for name in options.transforms:
        if p_name := options.p_name(name):
            _check_p_value(name, p_name, others, options)
    for name, target in options.convert_to.items():
        if name not in options.units:
            raise UsageError(f"convert_to.{name} = {target!r} needs the unit of the raw values: set units.{name}")
        factor(options.units[name], target)
    return candidates


def _check_p_value(column: str, p_name: str, others: Sequence[str], options: LabelOptions) -> None:
    """A p-value needs molar values and a name that is free.

    Raises:
        UsageError: The unit is not molar, or not known although the name is that of a concentration; or the name is taken.
    """
    if column in options.convert_to:
        raise UsageError(f"{p_name} is in M by itself: leave out convert_to of {column!r}")
    if p_name in others or sum(how == p_name for how in options.transforms.values()) > 1:
        raise UsageError(f"the name {p_name!r} is taken already: call the p-value of {column!r} something else")
    unit = options.unit_of(column)
    if unit:
        factor(unit, "M")
    elif speaks_of_concentration(column):
        raise UsageError(
            f'{p_name} needs the unit of {column!r}, which its name does not say: add data.units."{column}"=nM, or what it is'
        )


def read_rows(table: Table, columns: Columns) -> Iterator[Rows]:
    """All rows, at most 2,048 at a time.

    Raises:
        DataError: A file cannot be read; a number that is read by columns is none; the split does not fit the table.
    """
    codes = _split_codes(table)
    read = _by_columns if table.by_columns else _by_cells
    first = 1
    for place, path in enumerate(table.paths):
        part = table.parts[place] if table.parts else ""
        for count, rows in read(path, table, columns, first):
            yield _with_parts(rows, part, table.split_column, codes)
            first += count
    if codes is not None and len(codes) > first - 1:
        raise DataError(f"{table.split_path} names row {len(codes):,}, but {table.name} has {first - 1:,} rows")


def held_out_smiles(table: Table) -> list[str]:
    """SMILES of the rows that are tested on: the published test part, else that of `molecules.held_out`."""
    bare = replace(table, columns=())
    columns = find_columns(bare, show_progress=False)
    smiles, split = [], [np.zeros(0, np.uint8)]
    for rows in read_rows(bare, columns):
        smiles += rows.texts[columns.smiles]
        split.append(rows.split)
    out = np.concatenate(split) == SPLIT_CODES["test"] if table.published_split else held_out(smiles)
    return [text for text, is_out in zip(smiles, out, strict=True) if is_out]


def _by_cells(path: Path, table: Table, columns: Columns, first: int) -> Iterator[tuple[int, Rows]]:
    lists = {name: level for level in INNER for name in columns.of(level)}
    wanted = [columns.smiles, *columns.graph, *lists, *(name for name in (table.split_column, columns.time) if name)]
    for chunk in read_table(path, lists=lists):
        for name in wanted:
            if name not in chunk.columns:
                raise UnknownNameError(f"column of {path.name}", name, chunk.columns)
        texts = {name: chunk.columns[name] for name in wanted}
        smiles, start = texts[columns.smiles], chunk.first_row
        refused = {row - start: ("", smiles[row - start], reason) for row, reason in chunk.broken.items()}
        yield len(chunk), Rows(first + np.arange(len(chunk)), texts, refused=refused, lines=chunk.lines)
        first += len(chunk)


def _by_columns(path: Path, table: Table, columns: Columns, first: int) -> Iterator[tuple[int, Rows]]:
    text = [columns.smiles, *([table.split_column] if table.split_column else [])]
    for batch in read_batches(path, [*text, *columns.graph, *columns.node], {*text, *columns.node}):
        numbers = first + np.arange(batch.num_rows)
        taken = np.flatnonzero(np.floor(numbers * table.share) > np.floor((numbers - 1) * table.share))
        graph = GraphLabels.from_dense(dense_labels(batch, columns.graph, path.name, first)).rows(taken)
        chosen = batch if len(taken) == batch.num_rows else batch.take(pa.array(taken))
        texts = {name: [value or "" for value in chosen.column(name).to_pylist()] for name in text}
        node = {name: list_labels(chosen.column(name), f"{path.name}, {name!r}") for name in columns.node}
        yield batch.num_rows, Rows(numbers[taken], texts, graph=graph, node=node)
        first += batch.num_rows


def _with_parts(rows: Rows, part: str, column: str | None, codes: np.ndarray | None) -> Rows:
    """The rows with their parts: that of their file, or by their numbers, or as a column says; what that says of no part is refused."""
    split = np.full(len(rows), SPLIT_CODES[part] if part else NO_SPLIT, np.uint8)
    if codes is not None:
        named = rows.numbers <= len(codes)
        split[named] = codes[rows.numbers[named] - 1]
    refused = dict(rows.refused)
    for position, text in enumerate(rows.texts[column] if column else ()):
        code = _SPLIT_WORDS.get(text.lower())
        if code is None:
            near = nearest(text.lower(), filter(None, _SPLIT_WORDS))
            hint = f"; did you mean {near!r}?" if near else ""
            refused.setdefault(position, (column or "", text, f"not train, valid or test{hint}"))
        else:
            split[position] = code
    return replace(rows, split=split, refused=refused)


def _split_codes(table: Table) -> np.ndarray | None:
    """(rows named,) uint8 split code of every row, from a file that counts rows from 0."""
    if table.split_path is None:
        return None
    parts = read_integer_lists(table.split_path)
    wanted = {"train": "train", "val" if "val" in parts else "valid": "valid", table.test: "test"}
    for name in wanted:
        if name not in parts:
            raise UnknownNameError(f"part of {table.split_path.name}", name, parts)
    named = np.concatenate(list(parts.values()))
    if len(np.unique(named)) != len(named) or (len(named) and named.min() < 0):
        raise DataError(f"{table.split_path} names rows twice, or negative ones")
    codes = np.full(int(named.max(initial=-1)) + 1, NO_SPLIT, np.uint8)
    for name, part in wanted.items():
        codes[parts[name]] = SPLIT_CODES[part]
    return codes
