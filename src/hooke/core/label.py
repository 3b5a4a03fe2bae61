"""What a label column is: its level, kind, unit and transform. Shared by data sets, tasks, metrics and reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["graph", "node", "edge", "pair"]
Kind = Literal["regression", "binary", "multiclass", "ordinal"]
Transform = Literal["none", "log10", "log1p", "minus_log10"]
LEVELS: tuple[Level, ...] = ("graph", "node", "edge", "pair")
KINDS: tuple[Kind, ...] = ("regression", "binary", "multiclass", "ordinal")


@dataclass(frozen=True)
class Label:
    """One label column ("task" in the papers).

    A missing measurement is NaN wherever labels are dense and absent where they are sparse. Classes are stored as the
    floats 0, 1, ... . "ordinal" means ordered classes, trained with the hybrid cross-entropy of Graphium.
    """

    name: str
    level: Level = "graph"
    kind: Kind = "regression"
    classes: int = 0  # number of classes for "multiclass" and "ordinal", else 0
    unit: str = ""  # of the value as stored (after `transform`)
    transform: Transform = "none"  # applied to the raw value at ingest; predictions are given on the stored scale
    weight: float = 1.0  # weight of this label's loss in the sum over labels
    source: str = ""  # the data set or table that it came from; used to group labels in reports

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"label {self.name!r}: level must be one of {LEVELS}, got {self.level!r}")
        if self.kind not in KINDS:
            raise ValueError(f"label {self.name!r}: kind must be one of {KINDS}, got {self.kind!r}")
        if (self.kind in ("multiclass", "ordinal")) != (self.classes >= 2):
            raise ValueError(f"label {self.name!r}: kind {self.kind!r} with {self.classes} classes")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `Label(**label.to_json())` gives the label back."""
        return asdict(self)
