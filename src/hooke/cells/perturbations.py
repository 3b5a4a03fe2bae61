"""What was done to cells: a set of genes, or a compound with its dose and time; texts are read into these at the border.

`A+B`, `B+A` and `ctrl+A+B` are one perturbation: two targeted genes. Nothing targeted and no compound is a control.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from hooke.core.concentrations import is_concentration, is_molar
from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.units import factor, unit_name

CONTROL_NAMES = frozenset(
    ("", "control", "ctrl", "ctl", "non-targeting", "non_targeting", "nontargeting", "nt", "ntc", "negctrl", "negative",
     "neg_ctrl", "safe-targeting", "scramble", "scrambled", "unperturbed", "untreated", "none", "mock", "dmso", "vehicle")
)  # fmt: skip
MICROMOLAR, MICROGRAMS = "uM", "ug/mL"  # doses are kept in one of these two
_TUPLE = re.compile(r"\(\s*['\"]([^'\"]+)['\"]\s*,\s*['\"]([^'\"]+)['\"]\s*\)")  # ('A', 'B'), as Python prints a pair
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_DATE = re.compile(
    rf"\d{{1,2}}[-/. ](?P<month>{_MONTHS})\w*(?:[-/. ]\d{{2,4}})?|(?P<first>{_MONTHS})\w*[-/. ]\d{{1,4}}|"
    r"\d{4}-\d{2}-\d{2}(?: 00:00:00)?|\d{1,2}/\d{1,2}/\d{2,4}",
    re.IGNORECASE,
)
_FAMILIES = {"mar": "MARCHF or MTARC", "sep": "SEPTIN", "dec": "DELEC", "oct": "POU5F1 (OCT4)"}


@dataclass(frozen=True)
class Treatment:
    """A compound at a dose for a time.

    Attributes:
        compound: Its name.
        dose: In `unit`, > 0; None where it is not known.
        unit: "uM" or "ug/mL"; "" without a dose.
        hours: How long, > 0; None where it is not known.
    """

    compound: str
    dose: float | None = None
    unit: str = ""
    hours: float | None = None


@dataclass(frozen=True)
class Perturbation:
    """Targeted genes, or one treatment, or neither: a control.

    Attributes:
        genes: Symbols; the order in which a text lists them means nothing.
        treatment: Of a compound; None for genetic perturbations.
    """

    genes: frozenset[str] = frozenset()
    treatment: Treatment | None = None

    def __post_init__(self) -> None:
        if self.genes and self.treatment is not None:
            raise UsageError("a perturbation is of genes or of a compound, not of both")

    @property
    def is_control(self) -> bool:
        """Whether nothing was perturbed."""
        return not self.genes and self.treatment is None

    @cached_property
    def name(self) -> str:
        """One text for one perturbation: "A+B" in alphabetical order, "abc @ 0.5 uM, 24 h", or "control"."""
        if self.treatment is None:
            return "+".join(sorted(self.genes)) or "control"
        text = self.treatment.compound
        if self.treatment.dose is not None:
            text += f" @ {self.treatment.dose:.6g} {self.treatment.unit}"
        return text if self.treatment.hours is None else f"{text}, {self.treatment.hours:.6g} h"

    def __lt__(self, other: Perturbation) -> bool:
        return self.name < other.name


def of_genes(*genes: str) -> Perturbation:
    """The perturbation of these genes; of none: the control."""
    return Perturbation(frozenset(genes))


def parse_genes(
    text: str, *, controls: Collection[str] = CONTROL_NAMES, separators: str = "+", known: Collection[str] | None = None
) -> Perturbation:
    """Read a text such as "A", "A+B", "ctrl+A", "('A', 'B')" or "control".

    Args:
        text: Symbols between separators; they keep their case.
        controls: Lower-case names that stand for no gene.
        separators: Characters, each of which may stand between two symbols.
        known: All valid symbols; None takes any.

    Raises:
        DataError: A symbol that a spreadsheet has turned into a date, one that is empty or not known.
    """
    pair = _TUPLE.fullmatch(text.strip())
    texts = pair.groups() if pair else re.split(f"[{re.escape(separators)}]", text)
    parts = [part.strip() for part in texts]
    if len(parts) > 1 and "" in parts:
        raise DataError(f"{text!r} has a separator without a gene beside it")
    genes = [part for part in parts if part.lower() not in controls]
    for gene in genes:
        if "\n" in gene or "\x00" in gene:
            raise DataError(f"{text!r} is not a name of genes")
        refuse_date(gene)
        if known is not None and gene not in known:
            raise DataError(f"unknown gene {gene!r}")
    return Perturbation(frozenset(genes))


def refuse_date(gene: str) -> None:
    """Refuse a gene symbol that a spreadsheet has turned into a date ("2-Sep" of SEPT2).

    Raises:
        DataError: It is one.
    """
    match = _DATE.fullmatch(gene)
    if match is not None:
        month = (match["month"] or match["first"] or "")[:3].lower()
        family = f", perhaps of the family {_FAMILIES[month]}" if month in _FAMILIES else ""
        raise DataError(f"{gene!r} is a gene symbol that a spreadsheet has turned into a date{family}; restore it")


def parse_treatment(
    compound: str, dose: float | None = None, unit: str = "", hours: float | None = None, *,
    controls: Collection[str] = CONTROL_NAMES,
) -> Perturbation:  # fmt: skip
    """A compound, with its dose and time where they are known.

    Args:
        compound: Its name; those of vehicles are controls, whatever the dose.
        dose: A number above zero, in `unit`; None or NaN where it is not known.
        unit: A concentration; 1000 nM and 1 uM are one dose.
        hours: A number above zero; None or NaN where it is not known.
        controls: Lower-case names that stand for no compound.

    Raises:
        DataError: A dose or time that is not above zero, or a dose without a unit.
        UnknownNameError: A unit that is not known.
        UsageError: One that is no concentration.
    """
    compound = compound.strip()
    if compound.lower() in controls:
        return Perturbation()
    if hours is not None and math.isnan(hours):
        hours = None
    if hours is not None and not 0 < hours < math.inf:
        raise DataError(f"{compound}: a time must be above zero, not {hours:g} h")
    if dose is None or math.isnan(dose):
        return Perturbation(treatment=Treatment(compound, hours=hours))
    if not 0 < dose < math.inf:
        raise DataError(f"{compound}: a dose must be above zero, not {dose:g} {unit}".rstrip())
    if not unit.strip():
        raise DataError(f"{compound}: the dose {dose:g} has no unit")
    source = unit_name(unit)
    target = MICROMOLAR if is_molar(source) or not is_concentration(source) else MICROGRAMS
    converted = float(f"{dose * factor(source, target):.12g}")  # so that 1000 nM and 1 uM are equal
    return Perturbation(treatment=Treatment(compound, converted, target, hours))


def parse_each(
    texts: Iterable[str], parse: Callable[[str], Perturbation] = parse_genes
) -> tuple[dict[str, Perturbation], Mapping[str, str]]:
    """Read every different text.

    Returns:
        The perturbation of each text that is one, and the reason of each other.
    """
    perturbations: dict[str, Perturbation] = {}
    reasons: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        try:
            perturbations[text] = parse(text)
        except HookeError as error:
            reasons[text] = str(error)
    return perturbations, reasons
