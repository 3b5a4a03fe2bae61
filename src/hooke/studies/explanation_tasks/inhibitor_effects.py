"""Whether what an inhibitor changes most are the direct children of what it inhibits, in a network that is taken for true.

    effect of an inhibitor on a protein = |difference of mean logarithms| / pooled standard deviation,    against the stimulus alone

The proteins other than the one inhibited are ranked, all inhibitors together. One null permutes all effects, the other effects within
inhibitors, so that every inhibited protein keeps its number of children: an inhibitor that changes everything is then no evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hooke.datasets.sachs import INHIBITORS, PROTEINS, STIMULUS, read_network
from hooke.evaluate.faithfulness import ranked
from hooke.studies.explanation_tasks import Explained, data_set
from hooke.suites import ExplanationTask


def measure(
    task: ExplanationTask, relations: Sequence[str], own: bool, show_progress: bool = True
) -> Iterator[Explained]:
    """Direct children, and all descendants."""
    dataset, store = data_set(task, show_progress)
    profiles = store.profiles()
    edges = read_network(dataset.files()[1])
    yield from ranked_children(
        task.name, np.log(profiles.values.astype(np.float64)), profiles.column("perturbation"), edges
    )


def ranked_children(
    task: str, levels: np.ndarray, conditions: np.ndarray, edges: Sequence[tuple[str, str]], seed: int = 0
) -> Iterator[Explained]:  # fmt: skip
    """The measures.

    Args:
        task: Name.
        levels: (cells, proteins) logarithms.
        conditions: (cells,) reagents.
        edges: (parent, child).
        seed: Of bootstrap and null.
    """
    control = levels[conditions == STIMULUS]
    effects, inside = [], []
    of = {"direct children": _reached(edges, 1), "descendants": _reached(edges, len(PROTEINS))}
    positive: dict[str, list[bool]] = {name: [] for name in of}
    for number, (inhibitor, target) in enumerate(INHIBITORS.items()):
        treated = levels[conditions == f"{STIMULUS}+{inhibitor}"]
        effect = _effect(treated, control)
        others = [place for place, protein in enumerate(PROTEINS) if protein != target]
        effects.append(effect[others])
        inside += [number] * len(others)
        for name, reached in of.items():
            positive[name] += [PROTEINS[place] in reached[target] for place in others]
    groups = np.array(inside)
    for name, found in positive.items():
        for null, stratum in (("over all pairs", np.zeros_like(groups)), ("within inhibitors", groups)):
            measured = ranked(np.concatenate(effects), np.array(found), stratum, np.random.default_rng(seed))
            yield Explained.of(
                task, f"effects of inhibitors rank {name}, null {null}", "auroc", measured, name,
                "effects permuted for the null; bootstrap over pairs",
            )  # fmt: skip


def _effect(treated: np.ndarray, control: np.ndarray) -> np.ndarray:
    """(proteins,) |difference of means| in pooled standard deviations."""
    pooled = np.sqrt((treated.var(axis=0, ddof=1) + control.var(axis=0, ddof=1)) / 2)
    return np.abs(treated.mean(axis=0) - control.mean(axis=0)) / pooled


def _reached(edges: Sequence[tuple[str, str]], steps: int) -> dict[str, set[str]]:
    """What each protein leads to in at most so many steps, itself left out."""
    found: dict[str, set[str]] = {}
    for protein in PROTEINS:
        reached = {protein}
        for _ in range(steps):
            reached |= {child for parent, child in edges if parent in reached}
        found[protein] = reached - {protein}
    return found
