"""Times the answers of `hooke response explore` for a run of many perturbations, made without fitting: 10,000 perturbations of 2,000 read-outs.

python bench/response_explore.py FOLDER            # writes the run once, then prints milliseconds an answer
python bench/response_explore.py FOLDER --serve    # and serves it
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.api.response import explore_response
from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, graph_of
from hooke.core.checked import write_arrays
from hooke.core.runs import RunFolder
from hooke.estimators.responses import Knowledge, response_model, text_array
from hooke.serve.response_view import ResponseView
from hooke.workflows.response_explain import FittedRun, explain_response
from hooke.workflows.response_fit import NEW
from hooke.workflows.response_knowledge import graph_arrays

MODEL = "nearest_neighbours"


def write(folder: Path, count: int, width: int) -> Path:
    """A run with planted modules of five genes."""
    generator = np.random.default_rng(0)
    genes = [f"GENE{number:05d}" for number in range(count)]
    module = np.arange(count) // 5
    changes = (generator.normal(size=(module[-1] + 1, width))[module] + generator.normal(size=(count, width))).astype(
        np.float32
    )
    first, second = (np.repeat(np.arange(count), 4), (np.arange(count)[:, None] // 5 * 5 + np.arange(1, 5)).ravel())
    kept = (first != second) & (second < count)
    table = pl.DataFrame(
        {"first": np.array(genes)[first[kept]], "second": np.array(genes)[second[kept]], "weight": np.ones(kept.sum())}
    )
    graph = graph_of({EdgeSource("made", "none needed"): table}).over(genes)
    model = response_model(MODEL, knowledge=Knowledge(graph))
    model.fit(Conditions.of_genes(*genes), changes)
    run = RunFolder.create(folder, "response-made", {"count": count, "width": width}, "made")
    write_arrays(run.path(f"model-{MODEL}.npz"), model.arrays())
    write_arrays(run.path("graph.npz"), graph_arrays(graph))
    seen = text_array([f"{gene}\t" for gene in genes])
    write_arrays(
        run.path("screen.npz"),
        {"genes": text_array([f"R{n}" for n in range(width)]), "contexts": text_array([""]), "seen": seen},
    )
    r = np.clip(generator.normal(0.5, 0.15, count), -1, 1)
    facts = {"changes": changes, "counts": np.ones(count), "r_half": r, "evaluable": r > 0.3}
    write_arrays(run.path("changes.npz"), facts)
    predicted = np.nan_to_num(changes + generator.normal(size=changes.shape)).astype(np.float32)
    held = {"rows": np.arange(count), "predicted": predicted, "models": text_array([MODEL]), "r": (r + 0.05)[None]}
    write_arrays(run.path("held-0.npz"), held)
    score = {"value": float(r.mean()), "low": float(r.mean()), "high": float(r.mean())}
    choice = {
        "kind": NEW, "model": MODEL, "is_baseline": False, "scores": {MODEL: score}, "baseline": MODEL, "difference": score, "conditions": count,
        "errors": {MODEL: 1.0}, "fallbacks": {MODEL: 0}, "skipped": {}, "verdict": "made for timing", "intervals": False,
    }  # fmt: skip
    run.write_json("choices.json", {"choices": [choice], "verdicts": {"": "made for timing"}})
    run.finish()
    return run.folder


def main() -> None:
    """Write, open, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=2_000)
    parser.add_argument("--serve", action="store_true")
    arguments = parser.parse_args()
    runs = arguments.folder / "response-made"
    folder = runs if runs.exists() else write(arguments.folder, arguments.count, arguments.width)
    started = time.perf_counter()
    fitted = FittedRun.open(folder)

    def explain(perturbation: str, context: str, model: str | None) -> dict[str, Any]:
        return explain_response(
            folder, perturbation, context=context, model=model, pathways="none", verify="none", fitted=fitted, show_progress=False
        ).to_json()  # fmt: skip

    view = ResponseView(fitted, explain, title="made")
    print(f"open        {1e3 * (time.perf_counter() - started):8.0f} ms")
    names = view.labels[:: max(len(view) // 30, 1)][:30]
    asked = {
        "points": view.points, "hits": view.hits, "search": lambda: view.search("9"), "condition": lambda: view.condition(names[3]),
        "explanation": lambda: view.explanation(names[4]), "heat map": lambda: view.heat_map(names),
    }  # fmt: skip
    for name, ask in asked.items():
        started = time.perf_counter()
        ask()
        print(f"{name:12s}{1e3 * (time.perf_counter() - started):8.0f} ms")
    if arguments.serve:
        server = explore_response(folder, port=0)
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
