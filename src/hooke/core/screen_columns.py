"""Columns of tables of screens: standard names and types, the names that they have elsewhere, and one vocabulary of controls.

Standard columns: experiment, plate, well, site, row, column, batch, cell_type, perturbation, perturbation_type ("gene", "compound" or
"none"), gene, guide, compound, concentration_um, control ("negative", "positive" or ""). None of them is required; others are kept.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

from hooke.core.errors import DataError, UnknownNameError, nearest

STANDARD: dict[str, type[pl.DataType]] = {
    "experiment": pl.String, "plate": pl.String, "well": pl.String, "site": pl.Int64, "row": pl.Int64, "column": pl.Int64,
    "batch": pl.String, "cell_type": pl.String, "perturbation": pl.String, "perturbation_type": pl.String,
    "gene": pl.String, "guide": pl.String, "compound": pl.String, "concentration_um": pl.Float64, "control": pl.String,
}  # fmt: skip
ALIASES = {  # without Metadata_, lower case; of RxRx, JUMP-CP, CellProfiler
    "experiment_name": "experiment", "batch_id": "batch", "plate_id": "plate", "barcode": "plate", "plate_barcode": "plate",
    "assay_plate_barcode": "plate", "address": "well", "well_position": "well", "field": "site", "fov": "site",
    "sirna": "perturbation", "treatment": "perturbation", "jcp2022": "perturbation", "broad_sample": "perturbation",
    "symbol": "gene", "gene_symbol": "gene", "pert_iname": "compound", "name": "compound", "cell_line": "cell_type",
    "concentration": "concentration_um", "mmoles_per_liter": "concentration_um", "dose_um": "concentration_um",
}  # fmt: skip
QUALITY = ("cell_count", "saturated_share", "focus")
_COUNTS = {"count_cells": "cell_count", "object_count": "cell_count", "cells_count": "cell_count", "number_of_cells": "cell_count",
           "n_cells": "cell_count"}  # fmt: skip
_NO_FEATURE = re.compile(
    r"(?:.*_)?(?:ids?|index|barcode|imagenumber|objectnumber|tablenumber|row_number)|unnamed:_\d+|__index_level_\d+__|",
    re.I,
)
CONTROL_COLUMNS = ("control", "control_type", "pert_type", "well_type")
NEGATIVE = frozenset({
    "negative", "neg", "negative_control", "neg_control", "negcon", "negctrl", "neg_ctrl", "control_negative", "nc", "dmso", "dmso_control",
    "vehicle", "vehicle_control", "veh", "solvent", "solvent_control", "mock", "non_targeting", "nontargeting", "non_targeting_control",
    "nontargeting_control", "nt", "ntc", "scramble", "scrambled", "scrambled_control", "empty_control", "pbs",
})  # fmt: skip
POSITIVE = frozenset({
    "positive", "pos", "positive_control", "pos_control", "poscon", "posctrl", "pos_ctrl", "control_positive", "pc",
})  # fmt: skip
GENERIC = frozenset(
    {"control", "controls", "ctrl", "ctl", "true", "yes", "1", "1_0"}
)  # negative, where no other column tells which
UNTREATED = frozenset(
    {"empty", "untreated", "non_treated", "blank", "no_treatment", "cells_only"}
)  # negative, where nothing else is
TREATED = frozenset({
    "", "trt", "treatment", "treated", "test", "sample", "compound", "perturbation", "perturbed", "no", "false", "0", "0_0", "none", "nan",
    "na", "n_a", "null", "query", "library",
})  # fmt: skip
CONTROL_NAMES = (
    NEGATIVE | GENERIC - {"true", "yes", "1", "1_0"} | UNTREATED
)  # that stand where a gene or compound would
_LOG = logging.getLogger(__name__)


def with_standard_names(
    table: pl.DataFrame, rename: Mapping[str, str] | None = None, source: str = "the table"
) -> pl.DataFrame:
    """A table with its columns under standard names: those given, then those that publishers use (`ALIASES`), whatever their case.

    Raises:
        UnknownNameError: A column to rename that is not there.
    """
    for name in rename or {}:
        if name not in table.columns:
            raise UnknownNameError(f"column of {source}", name, table.columns)
    table = table.rename(dict(rename or {}))
    return table.rename(standard_renames(table.columns))


def standard_renames(columns: Iterable[str]) -> dict[str, str]:
    """Column -> standard name, for those of these columns that publishers call otherwise; no standard name is given twice."""
    columns = list(columns)
    taken, found = set(columns), dict[str, str]()
    exact = {name: _standard_of(name) for name in columns if name not in STANDARD}
    for name, standard in sorted(
        exact.items(), key=lambda item: (item[1] not in _plain(item[0]), columns.index(item[0]))
    ):
        if standard and standard not in taken:
            found[name] = standard
            taken.add(standard)
    return found


def _standard_of(name: str) -> str:
    plain = _plain(name)
    if plain == "name" and "Metadata_" not in name:
        return ""
    return plain if plain in STANDARD else ALIASES.get(plain, "") or _COUNTS.get(plain, "")


def _plain(name: str) -> str:
    short = re.sub(r"^.*Metadata_", "", name.strip())
    return re.sub(r"_[xy]$", "", re.sub(r"[\s-]+", "_", short.lower()))


def is_feature_name(name: str) -> bool:
    """Whether a column of numbers of this name is measured of cells, rather than a standard column, an identifier or a count of cells."""
    plain = _plain(name)
    known = plain in STANDARD or plain in ALIASES or plain in _COUNTS or plain in QUALITY or plain in CONTROL_COLUMNS
    return not known and "Metadata_" not in name and not _NO_FEATURE.fullmatch(plain)


def with_standard_types(table: pl.DataFrame, source: str = "the table") -> pl.DataFrame:
    """The standard columns with their types: plates and wells are text ("007", "1E10"), NaN is nothing, site 1.0 is 1.

    Raises:
        DataError: A column of numbers holds something else; the message names the cell.
    """
    return table.with_columns(_typed(table[name], source) for name in table.columns if name in STANDARD)


def _typed(values: pl.Series, source: str) -> pl.Series:
    wanted = STANDARD[values.name]
    if values.dtype == wanted:
        return values.fill_nan(None) if wanted == pl.Float64 else values
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if wanted == pl.String:
        if values.dtype == pl.Null:
            return values.cast(pl.String)
        if values.dtype.is_float():  # plate numbers beside missing ones
            whole = (values.drop_nulls() % 1 == 0).all()
            values = values.cast(pl.Int64) if whole else values
        return values.cast(pl.String)
    if values.dtype == pl.String:
        values = values.str.strip_chars().replace(["", "nan", "NaN", "NA", "N/A", "null", "None"], [None] * 7)
        numbers = values.cast(pl.Float64, strict=False)
        wrong = values.filter(numbers.is_null() & values.is_not_null())
        if len(wrong):
            raise DataError(f"{source}: column {values.name!r} holds {wrong[0]!r}, which is not a number")
        values = numbers
    if wanted == pl.Int64:
        numbers = values.cast(pl.Float64)
        wrong = numbers.filter(numbers % 1 != 0)
        if len(wrong):
            raise DataError(f"{source}: column {values.name!r} holds {wrong[0]}, which is not a whole number")
    return values.cast(wanted)


def control_kind(word: str | None) -> str | None:
    """What a word says of a well: "negative", "positive", "control" (which is not said), "untreated", "" for a treatment; None where it is
    not known. Case, spaces, hyphens and what follows negcon_ or poscon_ do not matter.
    """
    plain = re.sub(r"[\s_\-/.]+", "_", (word or "").strip().lower()).strip("_")
    if plain in NEGATIVE or plain.startswith(("negcon_", "dmso_")):
        return "negative"
    if plain in POSITIVE or plain.startswith("poscon_"):
        return "positive"
    if plain in GENERIC:
        return "control"
    if plain in UNTREATED:
        return "untreated"
    return "" if plain in TREATED else None


def with_controls(table: pl.DataFrame, source: str = "the table") -> pl.DataFrame:
    """A table with the column control ("negative", "positive" or ""), from all columns that say what a well is; what was taken is said.

    The columns control, control_type, pert_type and well_type are read together, so that pert_type "control" beside control_type "poscon"
    is a positive control. Where there is none of them, names of controls (DMSO, EMPTY_control, non-targeting, ...) in perturbation,
    compound or gene tell. Untreated and empty wells are negative controls where there are no others. A control has no gene.

    Raises:
        DataError: A word is not known, or two columns contradict each other.
    """
    columns = [name for name in table.columns if _plain(name) in CONTROL_COLUMNS]
    if not columns:
        return _controls_by_name(table, source)
    kinds = [_kinds(table[name], source) for name in columns]
    words = [[value or "" for value in table[name].cast(pl.String).to_list()] for name in columns]
    found = []
    for row, said in enumerate(zip(*kinds, strict=True)):
        exact = {kind for kind in said if kind in ("negative", "positive")}
        if len(exact) > 1:
            texts = ", ".join(f"{name} {values[row]!r}" for name, values in zip(columns, words, strict=True))
            raise DataError(f"{source}: row {row + 1} is both a negative and a positive control: {texts}")
        others = [kind for kind in said if kind]
        found.append(exact.pop() if exact else others[0] if others else "")
    renamed = table.rename({columns[0]: "control"}) if len(columns) == 1 else table  # which keeps its place
    return _with_kinds(renamed, found, source, ", ".join(columns))


def _kinds(values: pl.Series, source: str) -> list[str]:
    given = [None if value is None else str(value) for value in values.cast(pl.String).to_list()]
    kinds = {word: control_kind(word) for word in dict.fromkeys(given)}
    unknown = [word for word, kind in kinds.items() if kind is None]
    if unknown:
        similar = nearest(str(unknown[0]).lower(), NEGATIVE | POSITIVE | GENERIC)
        hint = f"did you mean {similar!r}? " if similar else ""
        raise DataError(
            f"{source}: column {values.name!r} says {unknown[0]!r}, and whether that is a control is not known: {hint}"
            f"({sum(word == unknown[0] for word in given)} rows). Write negative (also negcon, DMSO, vehicle), positive (poscon) or nothing "
            "(trt, treatment), or give that column another name if it says something else"
        )
    return [kinds[word] or "" for word in given]


def _controls_by_name(table: pl.DataFrame, source: str) -> pl.DataFrame:
    present = [name for name in ("perturbation", "compound", "gene") if name in table.columns]
    found = [""] * len(table)
    for name in present:
        for row, word in enumerate(table[name].cast(pl.String).fill_null("").to_list()):
            kind = control_kind(word) if word.strip() else ""
            if kind and not found[row] and is_control_name(word):
                found[row] = kind
    return _with_kinds(table, found, source, ", ".join(present)) if any(found) else table


def is_control_name(word: str) -> bool:
    """Whether what stands where a gene or compound would says that there is none: DMSO, control, non-targeting, EMPTY_control."""
    plain = re.sub(r"[\s_\-/.]+", "_", word.strip().lower()).strip("_")
    return plain in CONTROL_NAMES or plain in POSITIVE


def _with_kinds(table: pl.DataFrame, kinds: list[str], source: str, columns: str) -> pl.DataFrame:
    counts = Counter(kinds)
    # wells that nobody treated are controls where there are no others, else neither controls nor perturbations
    kinds = ["negative" if kind == "control" else kind for kind in kinds]
    alone = "negative" not in kinds
    final = [("negative" if alone else "") if kind == "untreated" else kind for kind in kinds]
    idle = pl.Series([kind == "untreated" and not alone for kind in kinds])
    taken = pl.Series("control", final, pl.String)
    cleared = []
    if "gene" in table.columns and table["gene"].dtype == pl.String:
        named = pl.col("gene").fill_null("").map_elements(is_control_name, pl.Boolean)
        cleared = [pl.when((taken == "negative") & named).then(None).otherwise("gene").alias("gene")]
    final_counts = Counter(final)
    said = (
        f"{final_counts['negative']:,} negative and {final_counts['positive']:,} positive controls (column {columns})"
    )
    if idle.any():
        said += f"; {int(idle.sum()):,} untreated wells are neither controls nor perturbations"
    if final_counts["negative"] or final_counts["positive"] or counts["untreated"]:
        _LOG.info("%s: %s", source, said)
    return table.with_columns(taken, *cleared)
