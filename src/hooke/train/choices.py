"""What was chosen for a run where its recipe left it open, said in the summary of `fit`, in its JSON and in the report.

Targets and what they are, columns that are ignored and why, salts, the kind of split and what it means, what its parts share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.modalities import Description, Trainable

_SHOWN = 12  # targets or ignored columns that are listed for people


@dataclass(frozen=True)
class Choices:
    """What was chosen.

    Attributes:
        targets: Name, kind, unit, level, measured, censored, unlabelled and unreadable of each.
        ignored: Column → why it is no target.
        notes: What else should be known of the data.
        split: Kind, meaning, rows of each part, why others are in no part and how many, and what test shares with training.
        tables: Of a mixture: name → what became of its rows, how many are in each part, and how many of training an epoch takes.
    """

    targets: tuple[dict[str, Any], ...]
    ignored: dict[str, str]
    notes: tuple[str, ...]
    split: dict[str, Any]
    tables: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: RunFolder, recipe: Recipe, modality: Trainable, description: Description) -> Choices:
        """Those of a finished run."""
        section = description.section
        targets = tuple(
            {
                "name": label.name, "kind": label.kind, "unit": label.unit, "level": label.level, "made_from": label.original,
                "measured": label.count, "censored": label.censored, "unlabelled": label.unlabelled, "unreadable": label.unreadable,
            }
            for label in section.labels if recipe.learns_labels
        )  # fmt: skip
        shared = run.read_json("leaks.json") if run.path("leaks.json").exists() else {}
        kind = recipe.split.kind
        split = {
            "kind": kind,
            "meaning": modality.split_meanings.get(kind, ""),
            "rows": run.info["rows"],
            "left_out": run.info.get("left_out", {}),
            "shared": shared,
        }
        return cls(targets, dict(section.ignored_columns), section.notes, split, run.info.get("tables", {}))

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "targets": list(self.targets),
            "ignored_columns": self.ignored,
            "notes": list(self.notes),
            "split": self.split,
            **({"tables": self.tables} if self.tables else {}),
        }

    def lines(self) -> list[str]:
        """For people, a line each."""
        targets, ignored = list(self._targets()), [f"ignored {name}: {why}" for name, why in self.ignored.items()]
        shown = [*_first(targets, "targets"), *_first(ignored, "ignored columns"), *self.notes]
        return [*shown, *self._split(), *map(_of_table, self.tables, self.tables.values())]

    def _targets(self) -> Iterator[str]:
        for target in self.targets:
            what = ", ".join(
                filter(
                    None, (target["kind"], target["unit"], f"from {target['made_from']}" if target["made_from"] else "")
                )
            )
            counts = [f"{target['measured']:,} measured"]
            counts += [f"{target[name]:,} {name}" for name in ("censored", "unlabelled") if target[name] is not None]
            counts += [f"{target['unreadable']:,} unreadable"] if target["unreadable"] else []
            yield f"target  {target['name']} ({what}): {', '.join(counts)}"

    def _split(self) -> list[str]:
        meaning = f": {self.split['meaning']}" if self.split["meaning"] else ""
        rows = ", ".join(f"{count:,} {part}" for part, count in self.split["rows"].items())
        lines = [f"split   {self.split['kind'].replace('_', ' ')} split{meaning} ({rows})"]
        apart = [f"left    {count:,} in no part: {reason}" for reason, count in self.split["left_out"].items()]
        shared = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.split["shared"].items())
        return [*lines, *apart, *([f"shared  test and training: {shared}"] if shared else [])]


def _of_table(name: str, counts: dict[str, int]) -> str:
    """One table of a mixture: rows read = rejected + tested elsewhere + repeated + molecules."""
    gone = [
        f"{counts[what]:,} {what.replace('_', ' ')}"
        for what in ("rejected", "tested_elsewhere", "repeated")
        if counts[what]
    ]
    rows = ", ".join([f"{counts['rows_read']:,} rows read", *gone, f"{counts['molecules']:,} molecules"])
    shared = f" ({counts['shared']:,} in other tables too)" if counts["shared"] else ""
    parts = ", ".join(f"{counts[part]:,} {part}" for part in ("train", "valid", "test"))
    left = counts["train"] - counts["epoch"]
    return f"table   {name}: {rows}{shared}; {parts}; an epoch takes {counts['epoch']:,} of train and leaves {left:,}"


def _first(lines: list[str], what: str) -> list[str]:
    more = len(lines) - _SHOWN
    return lines if more <= 0 else [*lines[:_SHOWN], f"... and {more:,} more {what}"]
