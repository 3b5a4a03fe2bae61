"""`Screen`: cells under perturbations, in contexts and batches, with the scale of their numbers; the matrix stays in its file.

    screen = Screen.of(expression, Columns(), scale=Scale("log1p"))

Every cell is used or left out with a reason; columns that are not named are guessed from their names, and the guess is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hooke.cells.expression import Expression
from hooke.cells.perturbations import CONTROL_NAMES, Perturbation, parse_each, parse_genes, parse_treatment, refuse_date
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.notebook import card

SCALES = ("counts", "log1p", "z-score")
KINDS = ("genes", "compounds")
PERTURBATION_COLUMNS = ("perturbation", "perturbations", "condition", "target_gene", "gene_target", "perturbed_gene", "gene", "target",
                        "guide_identity", "compound", "drug", "treatment", "gene_pairs", "gene_symbol", "symbol", "id")  # fmt: skip
PAIRED_COLUMNS = (("gene_a", "gene_b"), ("genea", "geneb"), ("gene1", "gene2"), ("gene_1", "gene_2"), ("gene1_symbol", "gene2_symbol"),
                  ("first_gene", "second_gene"))  # fmt: skip
COMPOUND_COLUMNS = ("compound", "drug", "treatment", "smiles")
CONTEXT_COLUMNS = ("context", "cell_type", "cell_line", "celltype", "cell", "donor", "donor_id")
BATCH_COLUMNS = ("batch", "gem_group", "gemgroup", "experiment", "plate", "replicate", "lane", "sample")
ONE = "all"  # the context or batch where no column says one
LEAST_CONTROLS = 4  # of a batch: the null compares four quarters of them
LEFT_OUT = -2
CONTROL = -1


@dataclass(frozen=True)
class Scale:
    """What the numbers of a screen are.

    Attributes:
        name: "counts", "log1p" (natural logarithm of 1 + normalised counts) or "z-score".
        target_sum: What each cell's counts were normalised to before the logarithm; None where it is not known.
    """

    name: str
    target_sum: float | None = None

    def __post_init__(self) -> None:
        if self.name not in SCALES:
            raise UnknownNameError("scale", self.name, SCALES)
        if self.target_sum is not None and (self.name != "log1p" or not self.target_sum > 0):
            raise UsageError("a target sum is above zero and belongs to the scale log1p")


@dataclass(frozen=True)
class Columns:
    """Which columns of obs say what; None is guessed from the names, "" says that there is none.

    Attributes:
        perturbation, context, batch: Names of columns; "gene_a+gene_b" joins two columns with a gene each.
        control: Texts of the perturbation column that are controls; those of `CONTROL_NAMES` without any.
        kind: "genes" or "compounds".
        dose, unit, hours: Of compounds: the column of doses, their unit, the column of times in hours.
        separators: Characters between the genes of one perturbation.
    """

    perturbation: str | None = None
    context: str | None = None
    batch: str | None = None
    control: tuple[str, ...] = ()
    kind: str | None = None
    dose: str = ""
    unit: str = ""
    hours: str = ""
    separators: str = "+"


@dataclass(frozen=True)
class Labels:
    """What is known of each cell.

    Attributes:
        perturbations: All but the control, by name.
        contexts, batches: Names; a batch belongs to one context.
        perturbation: (cells,) int32 into `perturbations`; `CONTROL`, or `LEFT_OUT`.
        context, batch: (cells,) int32.
        originals: Name of a perturbation → the texts that stood for it.
        left_out: Reason → number of cells.
        said: How the columns were chosen, for people.
        no_context: Whether no column says the context.
    """

    perturbations: tuple[Perturbation, ...]
    contexts: tuple[str, ...]
    batches: tuple[str, ...]
    perturbation: np.ndarray
    context: np.ndarray
    batch: np.ndarray
    originals: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, int]
    said: Mapping[str, str]
    no_context: bool


def labels_of(expression: Expression, columns: Columns) -> Labels:
    """The labels of an open file.

    Args:
        expression: The file.
        columns: Which columns say what.

    Raises:
        UsageError: No column is that of the perturbations.
        UnknownNameError: A column that is not there.
    """
    columns, said = _chosen(columns, expression.columns())
    context, batch = _label(expression, columns.context), _label(expression, columns.batch)
    texts, codes = _treatments(expression, columns)
    controls = frozenset(text.lower() for text in columns.control) or CONTROL_NAMES
    read, refused = _parse(texts, columns, controls)
    perturbations = tuple(sorted({each for each in read.values() if not each.is_control}))
    place = {each: number for number, each in enumerate(perturbations)}
    numbers = [LEFT_OUT if text not in read else place.get(read[text], CONTROL) for text in texts]
    perturbation = np.array([*numbers, LEFT_OUT], np.int32)[codes]
    left_out: Counter[str] = Counter()
    for number, text in enumerate(texts):
        if text in refused:
            left_out[refused[text]] += int((codes == number).sum())
    left_out["no perturbation is stated"] += int((codes == -1).sum())
    for what, values in (("context", context[1]), ("batch", batch[1])):
        nameless = (values == -1) & (perturbation != LEFT_OUT)
        left_out[f"no {what} is stated"] += int(nameless.sum())
        perturbation = np.where(nameless, LEFT_OUT, perturbation).astype(np.int32)
    contexts, batches, context_codes, batch_codes = _nested(context, batch)
    originals: dict[str, set[str]] = {}
    for text, each in read.items():
        originals.setdefault(each.name, set()).add(text[0])
    return Labels(
        perturbations, contexts, batches, perturbation, context_codes.astype(np.int32), batch_codes.astype(np.int32),
        {name: tuple(sorted(found)) for name, found in originals.items()}, {reason: count for reason, count in left_out.items() if count}, said,
        not columns.context,
    )  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """Which perturbation, context and batch each cell has.

    Attributes:
        genes: Names of the columns that are used.
        gene_columns: (len(genes),) their places in the matrix.
        perturbations: All but the control, by name.
        contexts, batches: Names; a batch belongs to one context.
        perturbation: (cells,) int32 into `perturbations`; `CONTROL`, or `LEFT_OUT`.
        context, batch: (cells,) int32.
        scale: Declared, not guessed.
        originals: Name of a perturbation → the texts that stood for it.
        left_out: Reason → number of cells.
        genes_left_out: Name of a column of the matrix → why it is not used.
        said: How the columns were chosen, for people.
        uncontrolled: Contexts and batches that have cells and too few controls.
    """

    genes: tuple[str, ...]
    gene_columns: np.ndarray
    perturbations: tuple[Perturbation, ...]
    contexts: tuple[str, ...]
    batches: tuple[str, ...]
    perturbation: np.ndarray
    context: np.ndarray
    batch: np.ndarray
    scale: Scale
    originals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    genes_left_out: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    uncontrolled: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.perturbation)

    def _repr_html_(self) -> str:
        """For notebooks: what there is, and why cells are left out."""
        about = {
            "cells used": self.used, "genes": len(self.genes), "perturbations": len(self.perturbations),
            "contexts": ", ".join(self.contexts[:10]), "batches": len(self.batches), "scale": self.scale, **self.said,
        }  # fmt: skip
        return card(f"Screen of {len(self):,} cells", about, ("left out", "cells"), list(self.left_out.items()))

    @property
    def used(self) -> int:
        """Number of cells that are not left out."""
        return int((self.perturbation != LEFT_OUT).sum())

    @classmethod
    def of(cls, expression: Expression, columns: Columns = Columns(), *, scale: Scale | None = None) -> Screen:
        """The screen of an open file.

        Args:
            expression: The file.
            columns: Which columns say what.
            scale: What the numbers are; None takes the file's own word (uns/log1p).

        Raises:
            UsageError: No scale is declared, or no column is that of the perturbations.
            UnknownNameError: A column that is not there.
            DataError: No control, or no perturbation, is left.
        """
        if scale is None:
            if not expression.says_log1p:
                raise UsageError(
                    f"{expression.path.name} does not say what its numbers are: declare counts, log1p or z-score (--scale)"
                )
            scale = Scale("log1p")
        labels = labels_of(expression, columns)
        genes, places, genes_left_out = _genes(expression.genes())
        perturbation, left_out = labels.perturbation, Counter(labels.left_out)
        counts = np.bincount(labels.batch[perturbation == CONTROL], minlength=len(labels.batches))
        if not counts.any():
            tried = ", ".join(columns.control) or "control, ctrl, non-targeting, DMSO ..."
            raise DataError(
                f"{expression.path.name} has no control cell: no perturbation is {tried} (--control names them)"
            )
        lonely = (counts < LEAST_CONTROLS)[labels.batch] & (perturbation != LEFT_OUT)
        uncontrolled = []
        for number in np.unique(labels.batch[lonely]):
            where, few = (
                labels.batches[number],
                f"fewer than {LEAST_CONTROLS} controls" if counts[number] else "no control",
            )
            uncontrolled.append(where)
            left_out[f"{few} in {where}"] += int((lonely & (labels.batch == number)).sum())
        perturbation = np.where(lonely, LEFT_OUT, perturbation).astype(np.int32)
        if not (perturbation >= 0).any():
            raise DataError(
                f"{expression.path.name} has no perturbed cell beside controls of its own context and batch"
            )
        return cls(
            tuple(genes), places, labels.perturbations, labels.contexts, labels.batches, perturbation, labels.context, labels.batch, scale,
            labels.originals, dict(left_out), genes_left_out, {**labels.said, "scale": scale.name}, tuple(uncontrolled),
        )  # fmt: skip

    def without(self, cells: np.ndarray, reason: str) -> Screen:
        """The same screen with some more cells left out."""
        cells = cells[self.perturbation[cells] != LEFT_OUT]
        if not len(cells):
            return self
        perturbation = self.perturbation.copy()
        perturbation[cells] = LEFT_OUT
        left_out = {**self.left_out, reason: self.left_out.get(reason, 0) + len(cells)}
        return replace(self, perturbation=perturbation, left_out=left_out)

    def targets(self) -> list[np.ndarray]:
        """Columns of the genes that each perturbation targets, of those that are measured."""
        place = {gene: column for column, gene in enumerate(self.genes)}
        return [
            np.array(sorted(place[gene] for gene in each.genes if gene in place), np.int64)
            for each in self.perturbations
        ]


def _chosen(columns: Columns, present: Sequence[str]) -> tuple[Columns, dict[str, str]]:
    """The columns with the guessed ones filled in, and how each came about."""
    said: dict[str, str] = {}
    values: dict[str, str] = {}
    by_name = {name.lower(): name for name in reversed(present)}
    for what, candidates in (
        ("perturbation", PERTURBATION_COLUMNS),
        ("context", CONTEXT_COLUMNS),
        ("batch", BATCH_COLUMNS),
    ):
        given = getattr(columns, what)
        if given is not None:
            if given and not all(name in present for name in _joined(given, present)):
                raise UnknownNameError(f"{what} column", given, present)
            values[what], said[what] = given, f"column {given}" if given else "none"
            continue
        guess = next((by_name[name] for name in candidates if name in by_name), "")
        if what == "perturbation":
            pair = next((pair for pair in PAIRED_COLUMNS if {*pair} <= {*by_name}), ())
            guess = "+".join(by_name[name] for name in pair) or guess
        if not guess and what == "perturbation":
            raise UsageError(
                f"no column is named like one of perturbations (--perturbation); there are: {', '.join(present[:12])}"
            )
        values[what] = guess
        said[what] = f"column {guess} (guessed)" if guess else "none found: one for all"
    kind = columns.kind
    if kind is None:
        kind = "compounds" if columns.dose or values["perturbation"].lower() in COMPOUND_COLUMNS else "genes"
    elif kind not in KINDS:
        raise UnknownNameError("kind of perturbation", kind, KINDS)
    dose, unit = columns.dose, columns.unit
    if kind == "compounds" and not dose and "concentration_um" in present:
        dose, unit, said["dose"] = "concentration_um", "uM", "column concentration_um (guessed)"
    said["kind"] = kind + ("" if columns.kind else " (guessed)")
    said["control"] = ", ".join(columns.control) or "usual names (control, ctrl, non-targeting, DMSO ...)"
    chosen = replace(
        columns,
        kind=kind,
        dose=dose,
        unit=unit,
        perturbation=values["perturbation"],
        context=values["context"],
        batch=values["batch"],
    )
    return chosen, said


def _genes(names: Sequence[str]) -> tuple[list[str], np.ndarray, dict[str, str]]:
    genes: dict[str, int] = {}
    left_out: dict[str, str] = {}
    for column, name in enumerate(names):
        try:
            refuse_date(name)
            if not name.strip() or name.lower() == "nan":
                raise DataError("a column without a name")
            if name in genes:
                raise DataError(f"the name of column {genes[name]} again")
        except DataError as error:
            left_out[f"{name} (column {column})"] = str(error)
            continue
        genes[name] = column
    if not genes:
        raise DataError("no gene is left")
    return list(genes), np.fromiter(genes.values(), np.int64, len(genes)), left_out


def _label(expression: Expression, column: str | None) -> tuple[np.ndarray, np.ndarray]:
    if not column:
        return np.array([ONE]), np.zeros(expression.shape[0], np.int64)
    values, codes = expression.column(column)
    empty = np.array([str(value).strip().lower() in ("", "nan", "none") for value in values], bool)
    return values.astype(str), np.where(np.append(empty, True)[codes], -1, codes)


def _treatments(expression: Expression, columns: Columns) -> tuple[list[tuple[str, float, float]], np.ndarray]:
    """Different (text, dose, hours), and the code of each cell."""
    values, codes = _perturbations(expression, columns)
    if columns.kind != "compounds" or not (columns.dose or columns.hours):
        return [(str(value), np.nan, np.nan) for value in values], codes
    doses, hours = (
        _numbers(expression, column) if column else np.full(expression.shape[0], np.nan)
        for column in (columns.dose, columns.hours)
    )
    both = np.column_stack([np.nan_to_num(doses, nan=np.inf), np.nan_to_num(hours, nan=np.inf)])
    pairs, which = np.unique(both, axis=0, return_inverse=True)
    combined, numbers = np.unique(codes * len(pairs) + which.reshape(-1), return_inverse=True)
    texts = []
    for code in combined:
        dose, time = (np.nan if np.isposinf(value) else float(value) for value in pairs[code % len(pairs)])
        texts.append((str(values[code // len(pairs)]) if code >= 0 else "", dose, time))
    return texts, np.where(codes == -1, -1, numbers.reshape(-1))


def _perturbations(expression: Expression, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Different texts of the column of perturbations, or of two columns as one text, and the code of each cell."""
    names = _joined(str(columns.perturbation), expression.columns())
    found = [expression.column(name) for name in names]
    if len(found) == 1:
        return found[0]
    (first, first_codes), (second, second_codes) = found
    pairs, codes = np.unique(np.stack([first_codes, second_codes]), axis=1, return_inverse=True)
    there = (pairs[0] >= 0) & (pairs[1] >= 0)
    texts = [
        f"{first[a]}{columns.separators[0]}{second[b]}" if known else ""
        for a, b, known in zip(*pairs, there, strict=True)
    ]
    codes = codes.reshape(-1)
    return np.array(texts), np.where(there[codes], codes, -1)


def _joined(name: str, present: Sequence[str]) -> list[str]:
    """The columns that a name stands for: itself, or two of which each holds a gene."""
    first, plus, second = name.partition("+")
    return [first, second] if plus and name not in present else [name]


def _numbers(expression: Expression, column: str) -> np.ndarray:
    values, codes = expression.column(column)
    try:
        return np.append(values.astype(np.float64), np.nan)[codes]
    except ValueError as error:
        raise DataError(f"column {column} holds {str(values[0])!r}, which is not a number") from error


def _parse(
    texts: Sequence[tuple[str, float, float]], columns: Columns, controls: frozenset[str]
) -> tuple[dict[tuple[str, float, float], Perturbation], dict[tuple[str, float, float], str]]:
    read: dict[tuple[str, float, float], Perturbation] = {}
    refused: dict[tuple[str, float, float], str] = {}
    if columns.kind != "compounds":
        named, reasons = parse_each(
            (text for text, *_ in texts),
            lambda text: Perturbation() if text.lower() in controls else parse_genes(text, controls=controls, separators=columns.separators),
        )  # fmt: skip
        for each in texts:
            if each[0] in named:
                read[each] = named[each[0]]
            else:
                refused[each] = reasons[each[0]]
        return read, refused
    for each in texts:
        try:
            read[each] = parse_treatment(each[0], each[1], columns.unit, each[2], controls=controls)
        except HookeError as error:
            refused[each] = str(error)
    return read, refused


def _nested(
    context: tuple[np.ndarray, np.ndarray], batch: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, np.ndarray]:
    """Contexts and batches by name, batches within contexts, with the codes of the cells (0 where there is none)."""
    (context_names, contexts), (batch_names, batches) = context, batch
    contexts, batches = np.maximum(contexts, 0), np.maximum(batches, 0)
    pairs, codes = np.unique(contexts * len(batch_names) + batches, return_inverse=True)
    only = len(batch_names) == 1 and batch_names[0] == ONE
    names = tuple(
        str(context_names[pair // len(batch_names)]) + ("" if only else f" / {batch_names[pair % len(batch_names)]}")
        for pair in pairs
    )
    return tuple(str(name) for name in context_names), names, contexts, codes.reshape(-1)
