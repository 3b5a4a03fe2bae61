"""From conformers in a file to a run that makes new ones; what the modality adds to the contract."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.api.conformers import generate
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import SplitSection, load_recipe
from hooke.datasets.own_conformers import Config, Dataset
from hooke.modalities import trainable
from hooke.modalities.conformers import conformer_split
from hooke.train.fit import fit

QUIET = {"workers": 0, "show_progress": False}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    store = Dataset(Config()).twin(folder)
    options = [
        "data.split.kind=molecule",
        "task.prior=mixed",
        "conformers.starts=2",
        "train.epochs=2",
        "train.threads=1",
    ]
    recipe = load_recipe("tiny_et_flow", [*options, "data.split.fractions=[0.5,0.2,0.3]"])
    return fit(recipe, runs=folder / "runs", store=store, show_progress=False).folder


def test_a_run_makes_and_refines_conformers_with_the_stated_stereo(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "new.smi"
    table.write_text("C[C@H](O)/C=C/C\nC[NH3+].[Cl-]\n[He]\n")
    for method in ("flow", "flow_refine"):
        report = generate(
            table, tmp_path / f"{method}.parquet", number=3, method=method, run=run, steps=3, relax="none", **QUIET
        )  # type: ignore[arg-type]
        assert report.asked == 9 == report.conformers + sum(report.lost.values())
        assert sum(report.sources.values()) == report.conformers
        assert all("flow" in source for source in report.sources)
    again = generate(
        table, tmp_path / "again.parquet", number=3, method="flow", run=run, steps=3, relax="none", **QUIET
    )  # type: ignore[arg-type]
    assert (
        again.sources
        == generate(
            table, tmp_path / "third.parquet", number=3, method="flow", run=run, steps=3, relax="none", **QUIET
        ).sources
    )  # type: ignore[arg-type]
    assert pl.read_parquet(tmp_path / "again.parquet").equals(pl.read_parquet(tmp_path / "third.parquet"))
    for sampler in ("heun", "stochastic"):
        assert (
            generate(
                table,
                tmp_path / f"{sampler}.parquet",
                number=1,
                method="flow",
                run=run,
                steps=2,
                sampler=sampler,
                relax="none",
                **QUIET,
            ).conformers
            == 3
        )  # type: ignore[arg-type]


def test_the_report_shows_flow_refiner_and_baselines(run: Path) -> None:
    from hooke.core.runs import RunFolder
    from hooke.studies.run_report import write_run_report

    write_run_report(RunFolder(run), show_progress=False)
    [table] = [
        each
        for each in json.loads((run / "report.json").read_text())["results"]
        if each["title"].startswith("Conformers")
    ]
    assert table["models"] == ["flow", "flow_refine", "etkdg", "etkdg + mmff", "etkdg x 10, clustered"]
    assert [row["task"] for row in table["tasks"]] == ["AMR-R", "AMR-P", "COV-R 0.75", "COV-P 0.75"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "flow"}, "needs --run"),
        ({"run": "runs"}, "belong to --method flow"),
        ({"method": "flow", "steps": 2000}, "1 to 1000"),
        ({"method": "flow", "sampler": "rk4"}, "unknown sampler"),
    ],
)
def test_wrong_options_of_a_flow_are_refused(
    run: Path, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    table = tmp_path / "new.smi"
    table.write_text("C\n")
    given = {**options} if "needs" in message or "belong" in message else {"run": run, **options}
    with pytest.raises(UsageError, match=message):
        generate(table, tmp_path / "out.parquet", **given, **QUIET)  # type: ignore[arg-type]


def test_splits_keep_molecules_apart(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    split = conformer_split(store, SplitSection(kind="molecule", fractions=(0.5, 0.2, 0.3)))
    parts = [set(store.molecule(rows).tolist()) for rows in (split.train, split.valid, split.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert sum(map(len, (split.train, split.valid, split.test))) == len(store)
    with pytest.raises(UnknownNameError, match="kind of split"):
        conformer_split(store, SplitSection(kind="scaffold"))


def test_published_recipes_take_steps_on_the_twin(tmp_path: Path) -> None:
    """Ten steps each, at a depth of two so that the test stays short; sizes are those of the recipe otherwise."""
    import torch

    from hooke.core import registry

    store = Dataset(Config()).twin(tmp_path)
    modality = trainable("conformers", "fit")
    for name in ("et_flow_qm9", "et_flow_drugs"):
        recipe = load_recipe(name, ["model.depth=2"])
        assert load_recipe(name).model.config.depth == 20
        rows = np.arange(len(store))
        spec = modality.spec(store, rows, recipe)
        task = registry.module("tasks", recipe.task.name).Task(recipe.task.config, spec)
        network = task.network(modality.encoder(registry.module("models", "et_flow").Model, recipe.model.config, spec))
        optimiser, losses = torch.optim.AdamW(network.parameters(), 1e-3), []
        for step in range(10):
            [batch] = modality.loader(store, rows, spec, recipe, part="train", seed=0).epoch(step)
            loss = task.losses(network, batch, step, torch.Generator().manual_seed(step % 2))["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert sum(losses[-4:]) < sum(losses[:4])
