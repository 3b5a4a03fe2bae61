"""`hooke probe`: simple models on frozen embeddings of a data set, scored on its test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import SplitSection, check_split_kind
from hooke.encoders import Encoder
from hooke.evaluate.bootstrap import Interval, bootstrap
from hooke.evaluate.metrics import METRICS, PRIMARY
from hooke.evaluate.probe_models import READOUTS
from hooke.evaluate.probe_models import probe as fit_probes
from hooke.inference.cached import cached_embeddings
from hooke.modalities import Trainable, trainable
from hooke.molecules.splitting import split_store
from hooke.molecules.store import MoleculeStore
from hooke.report.build import estimate
from hooke.report.wording import bounds_text, number


@dataclass(frozen=True)
class ProbedLabel:
    """One label's score: the primary metric on test rows with its interval, and how it was made."""

    label: str
    kind: str
    metric: str
    score: Interval
    readout: str
    positives: float
    layer: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; the share of class 1 only for classes."""
        shown = {
            "label": self.label,
            "kind": self.kind,
            "metric": self.metric,
            **vars(self.score),
            "readout": self.readout,
        }
        shown |= {"layer": self.layer} if self.layer else {}
        return shown | ({"positives": self.positives} if self.kind == "binary" else {})


@dataclass(frozen=True)
class ProbeReport:
    """Scores of all labels, and how many molecules they were learnt from and measured on."""

    encoder: str
    rows: dict[str, int]
    labels: tuple[ProbedLabel, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {"encoder": self.encoder, "rows": self.rows, "labels": [label.to_json() for label in self.labels]}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and lines."""
        lines = [
            [
                found.label, found.metric, number(found.score.value, 4), bounds_text(estimate(found.score)),
                found.readout, f"{found.positives:.1%}" if found.kind == "binary" else "-",
            ]
            for found in self.labels
        ]  # fmt: skip
        header = ["label", "metric", "value", "95 % interval", "readout", "class 1"]
        if not any(found.layer for found in self.labels):
            return header, lines
        return ["layer", *header], [[found.layer, *line] for found, line in zip(self.labels, lines, strict=True)]


def check_options(modality: Trainable, split: str, readouts: Sequence[str]) -> None:
    """Refuse what cannot be done, before an encoder or a table is read.

    Raises:
        UsageError: An unknown split or readout, or a split by time, whose column a probe does not know.
    """
    check_split_kind(modality, split)
    if split == "time":
        raise UsageError(
            "a probe knows no column of times: `hooke finetune --mode probe --split time data.split.time_column=COLUMN` does"
        )
    for name in readouts:
        if name not in READOUTS:
            raise UnknownNameError("readout", name, READOUTS)


def probe(
    encoder: Encoder,
    store: MoleculeStore,
    *,
    split: str = "held_out",
    readouts: Sequence[str] = ("linear", "forest"),
    seed: int = 0,
    layers: Sequence[str] = (),
    show_progress: bool = True,
) -> ProbeReport:
    """Probe an encoder on a store's graph-level regression and binary labels.

    Args:
        encoder: A run or published weights.
        store: The molecules; their embeddings are computed once and kept.
        split: Kind of split, as in a recipe.
        readouts: "linear", "forest" or both: the better one on the validation rows is taken.
        seed: Of the split and the forests.
        layers: Of the encoder, each probed by itself ("1", "-2", "last"); none stands for what its heads read.
        show_progress: Show progress bars.

    Raises:
        UsageError: The store has no such label, or as `check_options`.
    """
    check_options(trainable(encoder.modality, "probe"), split, readouts)
    if store.level_labels("graph") and all(label.classes for label in store.level_labels("graph")):
        raise UsageError("probes read out values and binary classes; these labels have several classes")
    labels = [label for label in store.level_labels("graph") if not label.classes]
    if not labels:
        raise UsageError(f"{store.folder.name} carries no graph-level label")
    parts = split_store(store, SplitSection(kind=split, seed=seed))
    targets, bounds = store.graph_labels(names=[label.name for label in labels])
    targets = targets.astype(np.float64)
    scored: list[ProbedLabel] = []
    for layer in layers or ("",):
        options: dict[str, Any] = {"layers": (layer,)} if layer else {}
        vectors = np.asarray(cached_embeddings(encoder, store, show_progress=show_progress, **options))
        found = fit_probes(
            vectors, targets, labels, parts.train, parts.valid, parts.test, bounds=bounds, readouts=readouts, seed=seed
        )
        generator = np.random.default_rng(seed)
        scored += [
            ProbedLabel(
                label.name, label.kind, PRIMARY[label.kind],
                bootstrap(
                    METRICS[PRIMARY[label.kind]], found.predictions[:, number], targets[parts.test, number],
                    bounds[parts.test, number], generator=generator,
                ),
                found.readouts[number], found.positives[number], layer,
            )
            for number, label in enumerate(labels)
        ]  # fmt: skip
    rows = {name: len(getattr(parts, name)) for name in ("train", "valid", "test")}
    return ProbeReport(str(encoder.stamp()["run"]), rows, tuple(scored))
