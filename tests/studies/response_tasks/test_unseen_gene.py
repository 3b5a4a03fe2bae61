from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.studies.response_tasks import Measured, graph_verdict
from hooke.studies.response_tasks.unseen_gene import measure, unseen_genes
from hooke.suites import ResponseTask, suite
from hooke.testing.response_models import GENES, made_knowledge

TASK = ResponseTask("made", "horlbeck", "unseen_gene", ("no_change", "global_mean", "graph_kernel_ridge"))


def interactions(seed: int = 0, *, planted: bool = True) -> np.ndarray:
    generator = np.random.default_rng(seed)
    graph = made_knowledge().graph
    assert graph is not None
    smooth = graph.kernel(2.0) if planted else np.eye(24)
    values = smooth @ generator.normal(size=(24, 24)) @ smooth
    return values + values.T


def test_a_planted_graph_is_found_and_none_is_not() -> None:
    graph = made_knowledge().graph
    assert graph is not None
    found = unseen_genes(TASK, [*GENES], interactions(), graph, symmetric=True)
    assert found.verdict.startswith("the graph helps: graph_kernel_ridge")
    assert found.of("no_change").score is None
    assert found.of("no_change").undefined == 24
    assert found.of("global_mean").gain is None
    assert Measured.from_json(found.to_json()) == found
    other = unseen_genes(TASK, [*GENES], interactions(planted=False), graph, symmetric=True)
    assert other.verdict.startswith("the graph does not help")
    with pytest.raises(KeyError):
        found.of("nobody")


def test_what_is_held_out_changes_no_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poisoned rows and columns of a fold leave the models of that fold as they were."""
    from hooke.studies.response_tasks import folds_of, unseen_gene

    seen: list[np.ndarray] = []
    usual = unseen_gene.response_model

    def spying(name: str, **given: object) -> object:
        made = usual(name, **given)  # type: ignore[arg-type]
        fit = made.fit
        made.fit = lambda conditions, responses, **rest: (
            seen.append(responses.copy()),
            fit(conditions, responses, **rest),
        )[1]  # type: ignore
        return made

    monkeypatch.setattr(unseen_gene, "response_model", spying)
    graph, values = made_knowledge().graph, interactions()
    assert graph is not None
    unseen_genes(TASK, [*GENES], values, graph, symmetric=True)
    poisoned, fold = values.copy(), folds_of(24)[0]
    poisoned[fold], poisoned[:, fold] = 1e6, 1e6
    first, seen[:] = seen[0], []
    unseen_genes(TASK, [*GENES], poisoned, graph, symmetric=True)
    assert np.array_equal(first, seen[0], equal_nan=True)
    assert np.isnan(np.diag(first)).all()


def test_a_verdict_needs_a_gain_and_rewired_copies_below() -> None:
    graph = made_knowledge().graph
    assert graph is not None
    task = ResponseTask("made", "horlbeck", "unseen_gene", ("global_mean",))
    assert graph_verdict(unseen_genes(task, [*GENES], interactions(), graph, symmetric=True).scores, "global_mean") == (
        "no model on the graph was measured"
    )


def test_networks_stand_beside_closed_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch each: what is asked for is there, paired, and the residual names what it gains over its base."""
    from dataclasses import replace

    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    recipe = tmp_path / "small.toml"
    recipe.write_text(
        'extends = "txpert"\nname = "small"\n[model]\nwidth = 8\nnode_width = 8\nhidden = 8\n[task]\nhidden = 8\n'
        "[train]\nepochs = 1\nensemble = 1\n"
    )
    graph = made_knowledge().graph
    assert graph is not None
    task = replace(TASK, networks=(str(recipe),))
    found = unseen_genes(task, [*GENES], interactions(), graph, symmetric=True)
    names = [score.model for score in found.scores]
    assert names[-3:] == ["small", "small, rewired 1", "closed form + small"]
    assert all(found.of(name).gain is not None for name in names[-3:])
    low, value, high = (found.references[name] for name in ("from", "closed form + small over its base", "to"))
    assert low <= value <= high
    assert abs(value) < 0.05
    assert 0 <= found.references["mean weight"] <= 1
    assert found.verdict.startswith("the graph helps: graph_kernel_ridge")


@pytest.mark.mirror
def test_horlbeck(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures that the issue asks for; one rewired copy here, three by `hooke benchmark responses --tasks horlbeck`."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    monkeypatch.setattr("hooke.studies.response_tasks.REWIRED", 1)
    [task] = [task for task in suite("responses").tasks if task.name == "horlbeck"]
    task = ResponseTask(task.name, task.dataset, "unseen_gene", ("global_mean", "graph_kernel_ridge"))
    [found] = measure(task, False)
    mean, graph, rewired = (
        found.of(name).score for name in ("global_mean", "graph_kernel_ridge", "graph_kernel_ridge, rewired 1")
    )
    assert mean is not None
    assert graph is not None
    assert rewired is not None
    assert mean == pytest.approx(0.26, abs=0.01)
    assert graph > 0.335
    gain = found.of("graph_kernel_ridge").gain_low
    assert gain is not None
    assert gain > 0.04
    assert rewired < mean + 0.01
