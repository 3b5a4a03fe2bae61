"""Cells of label columns to numbers: censored values, transforms, and what kind a column is."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hooke.core.concentrations import is_molar, p_name_of, speaks_of_concentration, speaks_of_logarithm, split_unit
from hooke.core.errors import DataError, UsageError
from hooke.core.label import Kind, Label, Transform, offset_of
from hooke.core.units import convert_cell
from hooke.evaluate.blending import less_skewed
from hooke.molecules.tables.classes import MOST_CLASSES, are_known, ordered, place_of
from hooke.molecules.tables.dates import YEARS, days_of
from hooke.molecules.tables.description import LabelOptions
from hooke.molecules.tables.naming import names_date, names_identifier, names_thing, names_year

MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "nd", "-", "?"})
MAX_CLASSES = 1000
_LARGEST = float(np.finfo(np.float32).max)  # labels are stored in 32 bits
_SMALLEST = float(np.finfo(np.float32).tiny)
_NUMBER = re.compile(r"(?P<sign>>=|<=|>>|<<|>|<|~|=)?\s*(?P<number>[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)", re.ASCII)
_PAIRS = (("false", "true"), ("no", "yes"), ("inactive", "active"))  # words for 0 and 1
_WORDS = {word: float(value) for pair in _PAIRS for value, word in enumerate(pair)}
_BOUNDS = {">": 1, ">=": 1, ">>": 1, "<": -1, "<=": -1, "<<": -1}
_PLAIN = str.maketrans({"≥": ">=", "≤": "<=", "−": "-", "≈": "~", "∼": "~"})
_ENOUGH = 10  # numbers from which a column's habits count as such
_DIRT = 0.05  # share of numbers that may be neither 0 nor 1 in a column of classes
_MEASURED = 0.05  # numbers for every word, at least, in a column of numbers and words such as "n.t."
_FEW_WORDS = 10  # different words that say that nothing was measured
_GAPS = 10  # a running number of rows that were filtered rises by this much a row, at most
_LOOKED_AT = 200  # unreadable cells that are tried as dates
_ROUNDING = 1e-12  # share of Σ² below which a variance from sums is none
_DECADES = 3.0  # from which a logarithm of positive numbers is offered
# numbers of which commas, blanks and apostrophes are no decimal points, or commas are
_SIGNED = re.compile(r"(?P<sign>(?:>=|<=|>>|<<|>|<|~|=)?\s*[+-]?)(?P<digits>\d.*)", re.ASCII | re.DOTALL)
_DECIMAL_COMMA = re.compile(r"(?:\d+|\d{1,3}(?:[. '\u00a0\u202f]\d{3})+),\d+(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([, '\u00a0\u202f])\d{3})(?:\1\d{3})*(?:\.\d+)?|[1-9]\d{0,2}(?:\.\d{3}){2,}")
_EITHER = re.compile(r"[1-9]\d{0,2},\d{3}")  # 1,234
_GROUPS_BY_POINTS = re.compile(r"[1-9]\d{0,2}\.\d{3}")


@dataclass(frozen=True)
class Cell:
    """One parsed label: value NaN when missing; bound +1 for ">", -1 for "<", 0 exact; problem "" when readable."""

    value: float
    bound: int = 0
    problem: str = ""


def comma_of(text: str) -> str:
    """What the comma in a number is: "decimal" (1,5 and 1.234,5), "thousands" (1,234.5 and 1,234,567), "either" (1,234), or "" without one."""
    match = _SIGNED.fullmatch(text.strip()) if "," in text and len(text) <= 100 else None
    digits = match["digits"] if match else ""
    if _EITHER.fullmatch(digits):
        return "either"
    if _GROUPED.fullmatch(digits):
        return "thousands"
    return "decimal" if _DECIMAL_COMMA.fullmatch(digits) else ""


def _plainly(text: str, comma: bool | None) -> str:
    """A number with decimal commas or thousands separators written plainly; any other text as it is."""
    match = _SIGNED.fullmatch(text)
    if match is None:
        return text
    digits = match["digits"]
    if _DECIMAL_COMMA.fullmatch(digits) and (comma or not _GROUPED.fullmatch(digits)):
        whole, part = re.sub(r"[. '\u00a0\u202f]", "", digits).split(",")
        return f"{match['sign']}{whole}.{part}"
    if _GROUPED.fullmatch(digits) and not (comma is None and _EITHER.fullmatch(digits)):
        separators = r"[. '\u00a0\u202f,]" if digits.count(".") > 1 else r"[ '\u00a0\u202f,]"
        return match["sign"] + re.sub(separators, "", digits)
    return text


def parse_cell(text: str, comma: bool | None = None) -> Cell:
    """Read one cell: a number, a censored number (">10", "≤5"), a yes/no word, or missing. "~3" counts as 3.

    Args:
        text: The cell; "1,5" is 1.5, and "1,234.5", "1 234.5" and "1.234,5" are 1234.5.
        comma: What "1,234" is: 1.234 (True) or 1234 (False); where the column does not tell (None), it is not read.
    """
    cleaned = text.strip()
    lowered = cleaned.lower()
    if lowered in MISSING:
        return Cell(math.nan)
    if lowered in _WORDS:
        return Cell(_WORDS[lowered])
    plain = cleaned.translate(_PLAIN) if len(cleaned) <= 100 else ""
    if comma and _GROUPS_BY_POINTS.fullmatch(plain):
        return Cell(
            math.nan,
            problem=f"{cleaned!r} could be {plain} or {plain.replace('.', '')}, beside numbers with decimal commas",
        )
    match = _NUMBER.fullmatch(plain) or _NUMBER.fullmatch(_plainly(plain, comma))
    if match is None:
        either = plain and comma_of(plain) == "either"
        hint = f": it could be {plain.replace(',', '.')} or {plain.replace(',', '')}" if either else ""
        return Cell(math.nan, problem=f"{cleaned[:40]!r} is not a number{hint}")
    value = float(match["number"])
    if abs(value) > _LARGEST:
        return Cell(math.nan, problem=f"{cleaned[:40]!r} is too large to be stored")
    return Cell(value, _BOUNDS.get(match["sign"] or "", 0))


def transform(cell: Cell, kind: Transform) -> Cell:
    """Apply a label's transform; the direction of a bound turns with a falling transform."""
    if kind == "none" or math.isnan(cell.value):
        return cell
    if kind == "log1p":
        return Cell(math.log1p(cell.value), cell.bound) if cell.value > -1 else _not_positive(cell)
    if cell.value <= 0:
        return _not_positive(cell)
    logarithm = math.log10(cell.value)
    return Cell(-logarithm, -cell.bound) if kind == "minus_log10" else Cell(logarithm, cell.bound)


def _not_positive(cell: Cell) -> Cell:
    return Cell(math.nan, problem=f"{cell.value:g} has no logarithm")


def stored_cell(text: str, label: Label, convert: tuple[str, str] | None = None, comma: bool | None = None) -> Cell:
    """A cell as it is stored: parsed (see `parse_cell`), converted between two units, transformed and fit for the label's kind.

    Of a label whose classes have names, the number of the class with this name.
    """
    if label.names and (place := place_of(text, label.names)) is not None:
        return Cell(float(place))
    cell = parse_cell(text, comma)
    if cell.problem and label.names:
        return replace(cell, problem=f"{text.strip()[:40]!r} is none of the classes {', '.join(label.names)}")
    if math.isnan(cell.value):
        return cell
    if convert is not None:
        cell = convert_cell(cell, *convert)
    cell = transform(cell, label.transform)
    cell = replace(cell, value=cell.value - label.offset) if label.offset else cell
    if 0 < abs(cell.value) < _SMALLEST:
        return Cell(
            math.nan, problem=f"{text.strip()[:40]!r} is too small to be stored: give the column in a smaller unit"
        )
    if label.kind == "regression" or math.isnan(cell.value):
        return cell
    classes = 2 if label.kind == "binary" else label.classes
    if not 0 <= cell.value < classes or cell.value != int(cell.value) or cell.bound:
        wanted = "neither 0 nor 1" if classes == 2 else f"no class from 0 to {classes - 1}"
        return Cell(math.nan, problem=f"{text.strip()[:40]!r} is {wanted}")
    return cell


def _typed(*words: str) -> str:
    """Words as they are typed in a shell, in double quotes where they need some and may have these."""
    quoted = [shlex.quote(word) if set(word) & set('"$`!\\') else f'"{word}"' for word in words]
    return " ".join(
        word if re.fullmatch(r"[\w.,:/=+-]+", word, re.ASCII) else text
        for word, text in zip(words, quoted, strict=True)
    )


def _skewness(count: int, total: float, squares: float, cubes: float) -> float:
    """The third central moment over the cube of the standard deviation, from Σ, Σ² and Σ³; 0 without spread."""
    mean = total / count
    variance = squares / count - mean**2
    if not variance > _ROUNDING * squares / count:
        return 0.0
    return (cubes / count - 3 * mean * squares / count + 2 * mean**3) / variance**1.5


class ColumnProfile:
    """What a column holds, counted cell by cell: enough to decide whether it is a label, and of what kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.numbers = self.unreadable = self.others = 0  # `others`: numbers beside an exact 0 or 1
        self.bounded = self._zero = self._one = False
        self.whole = self.rising = True
        self.steps: set[float] = set()  # differences of neighbours, while they are few
        self.words: set[str] = set()  # unreadable cells, while they are few
        self.dates = 0  # of the first unreadable cells
        self._texts: dict[
            str, str
        ] = {}  # unreadable cells in lower case, while they are few enough for classes → as they are first written
        self.lowest, self.highest, self._last = math.inf, -math.inf, math.nan
        self._first = self._sum = self._squares = 0.0  # the first number, Σ and Σ² of differences from it
        self._cubes = 0.0  # Σ³ of the same
        self._logarithms = [0.0, 0.0, 0.0]  # Σ, Σ² and Σ³ of the logarithms of positive numbers, from that of the first
        self._lost = 0.0  # Σ² of what 32 bits lose
        self._spelled: dict[str, str] = {}  # words for 0 and 1 → as they are first written
        self._named = 0  # numbers given as such words
        self.commas: Counter[str] = Counter()  # what the commas in numbers are; see `comma_of`

    def add(self, cells: Sequence[str]) -> None:
        """Count some more cells."""
        for text in cells:
            if not text:
                continue
            cell = parse_cell(text, True)
            if "," in text and (comma := comma_of(text)):
                self.commas[comma] += 1
            if cell.problem:
                self._add_word(text)
            elif not math.isnan(cell.value):
                self._add_number(cell)
                if (word := text.strip()).lower() in _WORDS:
                    self._named += 1
                    self._spelled.setdefault(word.lower(), word)

    def _add_word(self, text: str) -> None:
        if self.unreadable < _LOOKED_AT:
            self.dates += not math.isnan(days_of(text))
        if len(self.words) <= _FEW_WORDS:
            self.words.add(text.strip().lower())
        if len(self._texts) <= MOST_CLASSES:
            self._texts.setdefault(text.strip().lower(), text.strip())
        self.unreadable += 1

    def _add_number(self, cell: Cell) -> None:
        value, step = cell.value, cell.value - self._last
        if self.numbers:
            self.rising = self.rising and step > 0
            if len(self.steps) < 2:
                self.steps.add(step)
        self.bounded = self.bounded or bool(cell.bound)
        self._zero, self._one = self._zero or (value, cell.bound) == (0, 0), self._one or (value, cell.bound) == (1, 0)
        self.others += bool(cell.bound) or value not in (0, 1)
        self.whole = self.whole and value == int(value) and not cell.bound
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        self._first = value if not self.numbers else self._first
        away = value - self._first
        self._sum += away
        self._squares += away**2
        self._cubes += away**3
        if self.lowest > 0:
            away = math.log(value / self._first)
            self._logarithms = [one + away**power for power, one in enumerate(self._logarithms, start=1)]
        self._lost += (value - float(np.float32(value))) ** 2 if abs(value) >= _SMALLEST else 0.0
        self.numbers += 1
        self._last = value

    @property
    def comma(self) -> bool | None:
        """Whether commas are decimal (True) or between thousands (False), as far as the column tells."""
        decimal, thousands = self.commas["decimal"], self.commas["thousands"]
        return None if bool(decimal) == bool(thousands) else bool(decimal)

    @property
    def binary(self) -> bool:
        """Every number is 0 or 1; or nearly every one of ten or more, and both are there: the others are mistakes of writing."""
        if not self.others:
            return bool(self.numbers)
        dirty = self.numbers >= _ENOUGH and self.others <= max(1, self.numbers * _DIRT)
        return dirty and self._zero and self._one

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of classes 0 and 1, as they are written, where all cells are the words of one pair; () otherwise."""
        for pair in _PAIRS:
            if self._named == self.numbers and self._spelled and self._spelled.keys() <= set(pair):
                return tuple(self._spelled.get(word, word) for word in pair)
        return ()

    @property
    def text_classes(self) -> tuple[str, ...]:
        """Names of the classes of a column of words alone: few different ones, each twice or more on average; () of any other column."""
        names = self._texts | self._spelled
        cells = self.unreadable + self.numbers
        few = 2 <= len(names) <= MOST_CLASSES and cells >= 2 * len(names)
        words_alone = bool(self.unreadable) and self.numbers == self._named and not self.dates
        return ordered(names) if few and words_alone else ()

    def rounded(self) -> str:
        """What is lost where values are stored in 32 bits: "" unless they are rounded by a hundredth of their spread or more."""
        spread, lost = self._spread_and_lost()
        if not offset_of(self._first, spread, lost):
            return ""
        return (
            f"differences between values lose digits: they are stored in 32 bits, rounded by {lost:.2g} on average where they "
            f"spread by {spread:.2g} around {self._first:.4g}; subtract a constant from the column"
        )

    def offset(self) -> float:
        """What is subtracted from the values before they are stored; see `core.label.offset_of`."""
        return offset_of(self._first, *self._spread_and_lost())

    def _spread_and_lost(self) -> tuple[float, float]:
        """Standard deviation of the numbers, and root mean square of what 32 bits lose."""
        if not self.numbers:
            return 0.0, 0.0
        spread = math.sqrt(max(0.0, self._squares / self.numbers - (self._sum / self.numbers) ** 2))
        return spread, math.sqrt(self._lost / self.numbers)

    def no_label(self) -> str:
        """Why "auto" does not take this column as a label; "" if it does."""
        if not self.numbers and not self.unreadable:
            return "empty"
        if self.dates > 0.9 * min(self.unreadable, _LOOKED_AT) and self.unreadable > self.numbers:
            return "dates: they can order a time split"
        if names := self.text_classes:
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            option = _typed("--targets", self.name)
            return (
                "" if are_known(names) else f"text: {len(names)} different ({shown}); {option} learns them as classes"
            )
        if self.numbers < self.unreadable and not (
            self.numbers >= max(_ENOUGH, self.unreadable * _MEASURED) and len(self.words) <= _FEW_WORDS
        ):
            return (
                f"text ({self.numbers:,} of {self.numbers + self.unreadable:,} cells are numbers)"
                if self.numbers
                else "text"
            )
        if not self.whole:
            return ""
        if names_year(self.name) and YEARS[0] <= self.lowest <= self.highest <= YEARS[1]:
            return "years: they can order a time split"
        if names_date(self.name) and self.lowest >= YEARS[0]:
            return "dates: they can order a time split"
        if self.numbers > 2 and self.steps in ({1.0}, {-1.0}):
            return "an identifier (running number)"
        if names_identifier(self.name) or (names_thing(self.name) and self.highest > 1):
            return "an identifier, by its name"
        return ""

    def no_label_beside_others(self) -> str:
        """Why "auto" does not take this column although it could be a label, where other columns are labels; "" if it does."""
        if self.numbers > 1 and self.lowest == self.highest and not self.bounded:
            return f"constant ({self.lowest:g} in every row)"
        if not self.whole or self.numbers < _ENOUGH:
            return ""
        span = self.highest - self.lowest + 1
        if self.rising and self.lowest >= 0 and span <= _GAPS * self.numbers:
            return "an identifier (running number with gaps)"
        low, high = self.lowest - self._first, self.highest - self._first
        squares = (high * (high + 1) * (2 * high + 1) - (low - 1) * low * (2 * low - 1)) / 6
        if (span, self._sum, self._squares) == (self.numbers, self.numbers * (low + high) / 2, squares):
            return "an identifier (each whole number of a range once)"
        return ""

    def offer(self) -> tuple[str, str]:
        """Why a logarithm of the column would be learnt better, and the option that does it; two times "" where nothing speaks for one."""
        if not self.numbers or self.lowest <= 0 or self.binary or speaks_of_logarithm(self.name):
            return "", ""
        (_, unit), named = split_unit(self.name), speaks_of_concentration(self.name)
        decades = math.log10(self.highest / self.lowest)
        if decades < _DECADES and not (named and is_molar(unit)):
            return self._offer_of_skewed()
        why = (f"concentrations in {unit}" if unit else "positive numbers") + f" over {decades:.1f} decades"
        if unit and not is_molar(unit):
            return why, _typed("--transform", f"{self.name}=log10")
        option = _typed("--transform", f"{self.name}={p_name_of(self.name)}")
        if named and not unit:
            option += " " + _typed(f'data.units."{self.name}"=nM') + " (or their real unit)"
        return why, option

    def _offer_of_skewed(self) -> tuple[str, str]:
        raw = _skewness(self.numbers, self._sum, self._squares, self._cubes)
        logarithms = _skewness(self.numbers, *self._logarithms)
        if not less_skewed(self.numbers, raw, logarithms):
            return "", ""
        why = f"positive numbers with a long tail (skewness {raw:.1f}, of their logarithms {logarithms:.1f})"
        return why, _typed("--transform", f"{self.name}=log10")

    def label(self, options: LabelOptions) -> Label:
        """The label that this column is.

        Raises:
            DataError: It holds no number, or numbers that are no classes although it is said to hold classes.
        """
        name = self.name
        if names := self.text_classes:
            return self._label_of_texts(names, options)
        if not self.numbers:
            classes = (
                f", and more than {MOST_CLASSES} different texts are no classes"
                if len(self._texts) > MOST_CLASSES
                else ""
            )
            raise DataError(f"target column {name!r} holds no number{classes}")
        transformed, p_name = options.transform_of(name), options.p_name(name)
        found: Kind = "binary" if self.binary and transformed == "none" else "regression"
        kind = options.kinds.get(name) or options.kind or found
        if kind == "regression":
            if transformed in ("log10", "minus_log10") and self.highest <= 0:
                raise DataError(
                    f"target column {name!r} holds no positive number, and so no logarithm: are they logarithms already?"
                )
            label = Label(name, unit=options.stored_unit(name), transform=transformed)
            if p_name:
                return replace(label, name=p_name, original=name, original_unit=options.unit_of(name))
            as_read = transformed == "none" and options.conversion(name) is None
            return replace(label, offset=self.offset()) if as_read else label
        if transformed != "none" or name in options.convert_to:
            raise UsageError(f"target column {name!r} holds classes ({kind}): it cannot be transformed or converted")
        if kind == "binary":
            return Label(name, kind=kind, names=self.class_names)
        if not self.whole or self.lowest < 0 or not 1 <= self.highest < MAX_CLASSES:
            raise DataError(
                f"target column {name!r}: classes must be the numbers 0, 1, ... (at least two, at most {MAX_CLASSES})"
            )
        return Label(name, kind=kind, classes=int(self.highest) + 1)

    def _label_of_texts(self, names: tuple[str, ...], options: LabelOptions) -> Label:
        name = self.name
        if options.transform_of(name) != "none" or name in options.convert_to:
            raise UsageError(
                f"target column {name!r} holds classes ({', '.join(names)}): it cannot be transformed or converted"
            )
        usual: Kind = "binary" if len(names) == 2 else "multiclass"
        kind = options.kinds.get(name) or options.kind or usual
        if kind == "regression" or (kind == "binary") != (usual == "binary"):
            raise DataError(
                f"target column {name!r} holds {len(names)} classes ({', '.join(names[:5])}), not {kind} values"
            )
        return Label(name, kind=kind, classes=0 if kind == "binary" else len(names), names=names)
