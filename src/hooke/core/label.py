"""What a label column is: its level, kind, unit and transform. Shared by data sets, tasks, metrics and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hooke.core.options import later, plain

Kind = Literal["regression", "binary", "multiclass", "ordinal"]
Transform = Literal["none", "log10", "log1p", "minus_log10"]
TRANSFORMS: tuple[Transform, ...] = ("none", "log10", "log1p", "minus_log10")
KINDS: tuple[Kind, ...] = ("regression", "binary", "multiclass", "ordinal")


_NOTICED = 0.01  # share of the spread of values that rounding to 32 bits may take


def offset_of(middle: float, spread: float, lost: float) -> float:
    """What to subtract from values before they are stored in 32 bits: 0 unless rounding takes a hundredth of their spread or more.

    Args:
        middle: Their mean, or one of them.
        spread: Their standard deviation.
        lost: Root of the mean squared error of rounding them as they are.
    """
    import numpy as np  # cards are read without it

    needed = lost > 0 and spread > 0 and lost >= _NOTICED * spread
    return float(np.float32(middle)) if needed else 0.0


@dataclass(frozen=True)
class Label:
    """One label column ("task" in the papers).

    A missing measurement is NaN wherever labels are dense and absent where they are sparse. Classes are stored as the
    floats 0, 1, ... . "ordinal" means ordered classes, trained with the hybrid cross-entropy of Graphium.
    """

    name: str
    level: str = "graph"  # one of the modality's: graph, node, edge and pair of molecules; field of images
    kind: Kind = "regression"
    classes: int = 0  # number of classes for "multiclass" and "ordinal", else 0
    unit: str = ""  # of the value as stored (after `transform`)
    transform: Transform = "none"  # applied to the raw value at ingest; predictions are given on the stored scale
    weight: float = 1.0  # weight of this label's loss in the sum over labels
    source: str = ""  # the data set or table that it came from; used to group labels in reports
    names: tuple[str, ...] = later(())  # of the classes, where they have names; they count in this order
    width: int = later(1)  # numbers of one value (a force has 3)
    method: str = later("")  # how it was computed or measured, where labels of several methods share a model
    original: str = later(
        ""
    )  # column of the table, where a label made from it has a name of its own (pIC50 from "IC50 (nM)")
    original_unit: str = later("")  # of the raw values there
    offset: float = later(
        0.0
    )  # subtracted from values before they are stored in 32 bits; predictions are given with it

    def __post_init__(self) -> None:
        if self.names and len(self.names) != (2 if self.kind == "binary" else self.classes):
            raise ValueError(f"label {self.name!r}: {len(self.names)} names for {self.classes} classes")
        if self.kind not in KINDS:
            raise ValueError(f"label {self.name!r}: kind must be one of {KINDS}, got {self.kind!r}")
        if (self.kind in ("multiclass", "ordinal")) != (self.classes >= 2):
            raise ValueError(f"label {self.name!r}: kind {self.kind!r} with {self.classes} classes")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `Label.from_json` gives the label back."""
        return plain(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Label:
        """Back from `to_json`."""
        return cls(**{**value, "names": tuple(value.get("names", ()))})

    @property
    def offset_note(self) -> str:
        """For people, where the values are stored less an offset; else ""."""
        if not self.offset:
            return ""
        return (
            f"stored, learnt and measured as differences from {self.offset:.9g}, since 32 bits would lose digits of them; "
            "predictions are given with it"
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of all classes, their numbers where they have no names; () of values."""
        count = 2 if self.kind == "binary" else self.classes
        return self.names or tuple(str(number) for number in range(count))

    @property
    def columns(self) -> int:
        """Predicted columns: a probability a class, else the numbers of one value."""
        return self.classes or self.width

    @property
    def column_names(self) -> list[str]:
        """Names of the predicted columns: the label's, "label[class]", or "label[x]" of three components and "label[0]" of others."""
        if self.classes:
            return [f"{self.name}[{number}]" for number in range(self.classes)]
        if self.width == 1:
            return [self.name]
        return [f"{self.name}[{axis}]" for axis in ("xyz" if self.width == 3 else range(self.width))]

    @property
    def components(self) -> list[Label]:
        """Itself, or one label of width 1 for each number of a value."""
        if self.width == 1:
            return [self]
        return [replace(self, name=name, width=1) for name in self.column_names]
