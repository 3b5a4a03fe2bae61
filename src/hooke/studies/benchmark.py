"""A recipe's model beside honest baselines, over splits and seeds, resumable after a kill.

Every seed draws its own split (of the named kind) and its own initial weights; model and baselines see the same rows. The table shows
the mean over seeds, and the paired difference of the model to every other row with its interval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.files import append_lines, whole_lines
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text, number_or
from hooke.core.notebook import card
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.core.types import Store
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.metrics import METRICS, PRIMARY
from hooke.modalities import NONE
from hooke.report.build import estimate
from hooke.report.wording import estimate_text, spread_text
from hooke.studies.comparison import compare_with_baselines
from hooke.train.fit import adapted, fit, prepare

MODEL, FINE_TUNED = "from scratch", "fine-tuned"


@dataclass(frozen=True)
class BenchmarkRow:
    """One score: of one system, on one label, for one split and seed."""

    split: str
    seed: int
    label: str
    metric: str
    system: str
    value: float
    seconds: float


@dataclass(frozen=True)
class BenchmarkResult:
    """All scores of a benchmark."""

    recipe: str
    rows: tuple[BenchmarkRow, ...]

    def differences(self, first: str) -> dict[tuple[str, str, str], Interval]:
        """(split, label, other system) -> `first` minus the other, paired over seeds."""
        found: dict[tuple[str, str, str], Interval] = {}
        for split, label, _ in self._cells():
            mine = self._values(split, label, first)
            for other in self.systems:
                theirs = self._values(split, label, other)
                if other != first and mine.keys() == theirs.keys():
                    pairs = np.array([mine[seed] - theirs[seed] for seed in sorted(mine)])
                    found[split, label, other] = paired_difference(pairs, generator=np.random.default_rng(0))
        return found

    @property
    def systems(self) -> list[str]:
        """Systems in the order of first appearance."""
        return list(dict.fromkeys(row.system for row in self.rows))

    def to_json(self) -> dict[str, Any]:
        """Scores and differences as plain values."""
        first = FINE_TUNED if FINE_TUNED in self.systems else MODEL
        return {
            "recipe": self.recipe,
            "rows": [vars(row) for row in self.rows],
            "differences": [
                {"split": split, "label": label, "first": first, "second": other, **vars(found)}
                for (split, label, other), found in self.differences(first).items()
            ],
        }

    def _repr_html_(self) -> str:
        """For notebooks: one row a split, label and system."""
        rows = []
        for split, label, metric in self._cells():
            for system in self.systems:
                values = np.array(list(self._values(split, label, system).values()))
                if len(values):
                    spread = values.std(ddof=1) if len(values) > 1 else 0.0
                    rows.append((label, split, metric, system, spread_text(values.mean(), spread), len(values)))
        return card(f"Benchmark of {self.recipe}", {}, ("label", "split", "metric", "system", "score", "seeds"), rows)

    def table(self) -> str:
        """Mean ± standard deviation over seeds, and the model's paired difference to each other system."""
        first = FINE_TUNED if FINE_TUNED in self.systems else MODEL
        differences = self.differences(first)
        lines = []
        for split, label, metric in self._cells():
            better = "higher" if METRICS[metric].higher_is_better else "lower"
            lines.append(f"{label}, {split} split, {metric} ({better} is better)")
            for system in self.systems:
                values = np.array(list(self._values(split, label, system).values()))
                text = f"  {system:<14} {spread_text(values.mean(), values.std(ddof=1) if len(values) > 1 else 0.0)}"
                if (split, label, system) in differences:
                    found = differences[split, label, system]
                    text += f"   {first} minus this: {estimate_text(estimate(found), plus=True)}"
                lines.append(text)
        return "\n".join(lines)

    def _cells(self) -> list[tuple[str, str, str]]:
        return list(dict.fromkeys((row.split, row.label, row.metric) for row in self.rows))

    def _values(self, split: str, label: str, system: str) -> dict[int, float]:
        return {
            row.seed: row.value for row in self.rows if (row.split, row.label, row.system) == (split, label, system)
        }


def benchmark(
    recipe: Recipe,
    *,
    seeds: int = 3,
    splits: Sequence[str] = (),
    pretrained: Path | None = None,
    changes: Mapping[str, Any] = NONE,
    runs: Path = Path("runs"),
    show_progress: bool = True,
) -> BenchmarkResult:
    """Train over seeds and splits; rows are written as they come, and a killed benchmark does only what is missing.

    Args:
        recipe: What to train.
        seeds: Number of seeds; each sets the split's and the network's.
        splits: Kinds of splits; default: the recipe's.
        pretrained: A run to fine-tune beside training from scratch.
        changes: What was asked of its encoder; see `train.pretrained.adapted`.
        runs: Folder of run folders; scores lie in runs/benchmark-<recipe>-<hash>.jsonl.
        show_progress: Show progress bars.

    Raises:
        UsageError: The recipe learns without labels, or a kind of split that its data do not know.
    """
    if not recipe.learns_labels:
        raise UsageError(f"{recipe.name!r} learns without labels: there is nothing to compare with baselines")
    if pretrained is not None:  # the same network in both, so that only the start differs
        recipe = adapted(recipe, pretrained, changes=changes)
    chosen = {kind: recipe.with_changes(split={"kind": kind}) for kind in splits or (recipe.split.kind,)}
    store = prepare(recipe, show_progress=show_progress)
    source = RunFolder.open(pretrained).info["identity"] if pretrained else None
    identity = content_hash([recipe.to_json(), store.content_hash, source])[:8]
    path = Path(runs) / f"benchmark-{recipe.name}-{identity}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_row(json.loads(line)) for line in whole_lines(path)]
    done = {(row.split, row.seed) for row in rows}
    for split, changed in chosen.items():
        for seed in range(seeds):
            if (split, seed) in done:
                continue
            made = _one(changed, store, seed, pretrained, Path(runs), show_progress)
            append_lines(path, (json_text(vars(row)) for row in made))  # all systems of one seed, never half of a pair
            rows += made
    kept = {(split, seed) for split in chosen for seed in range(seeds)}
    return BenchmarkResult(recipe.name, tuple(row for row in rows if (row.split, row.seed) in kept))


def _row(entry: dict[str, Any]) -> BenchmarkRow:
    return BenchmarkRow(**{**entry, "value": number_or(entry["value"])})


def _one(
    recipe: Recipe,
    store: Store,
    seed: int,
    pretrained: Path | None,
    runs: Path,
    show_progress: bool,
) -> list[BenchmarkRow]:
    here = replace(recipe, seed=seed, split=replace(recipe.split, seed=seed))
    systems = {MODEL: fit(here, runs=runs, store=store, show_progress=show_progress)}
    if pretrained is not None:
        systems[FINE_TUNED] = fit(here, runs=runs, store=store, pretrained=pretrained, show_progress=show_progress)
    compared = compare_with_baselines(systems, store, show_progress=show_progress, seed=seed)
    return [
        BenchmarkRow(
            recipe.split.kind, seed, label.name, PRIMARY[label.kind], system, found[number].value,
            systems[system].info["seconds"] if system in systems else 0.0,
        )
        for system, found in compared.scores.items()
        for number, label in enumerate(compared.labels)
    ]  # fmt: skip
