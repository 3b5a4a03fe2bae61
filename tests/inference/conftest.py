"""Run folders as `hooke fit` leaves them, made by hand: small, quick, and independent of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import build_network, build_task
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.tables.twins import twin_smiles

LABELS = (
    Label("log_p"),
    Label("active", kind="binary"),
    Label("class", kind="multiclass", classes=3),
    Label("charge", "node"),
    Label("order", "edge"),
)
UNCERTAINTY = {
    "log_p": {"kind": "interval", "quantile": 2.0, "floor": 0.5, "level": 0.9, "count": 40},
    "active": {"kind": "set", "threshold": 0.3, "level": 0.9, "count": 40},
    "class": {"kind": "set", "threshold": 0.3, "level": 0.9, "count": 40},
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # so that other processes give the same bits


def _make_run(
    root: Path,
    *,
    labels: Sequence[Label] = LABELS,
    members: int = 2,
    calibrated: bool = False,
    refit: bool = False,
    finished: bool = True,
    objective: str = "multitask",
) -> Path:
    model, task = registry.module("models", "gine"), registry.module("tasks", objective)
    config, encodings, standardise = model.PRESETS["tiny"], EncodingConfig(random_walk=4), StandardiseConfig()
    recipe = {
        "name": "tiny",
        "data": {"name": "csv"},
        "model": {"name": "gine", **asdict(config)},
        "task": {"name": objective, **asdict(task.Config())},
        "encodings": asdict(encodings),
        "standardise": asdict(standardise),
        "train": {"ensemble": members},
    }
    run = RunFolder.create(root, "tiny", recipe, "data-hash")
    run.write_json("labels.json", [label.to_json() for label in labels])
    if calibrated:
        run.write_json("uncertainty.json", UNCERTAINTY)
    for folder in ("members", *(("refit",) if refit else ())):
        for member in range(members):
            torch.manual_seed(member + 10 * (folder == "refit"))
            network = build_network("gine", config, encodings, build_task(objective, task.Config(), labels, None))
            path = run.path(f"{folder}/{member}/best.safetensors")
            path.parent.mkdir(parents=True)
            save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    if finished:
        run.finish()
    return run.folder


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """Writes a run folder with untrained members below a folder, and returns it."""
    return _make_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two members with labels of molecules, atoms and bonds."""
    return _make_run(tmp_path_factory.mktemp("runs"), calibrated=True)


@pytest.fixture(scope="session")
def loaded(run: Path) -> LoadedRun:
    """That run, loaded."""
    return LoadedRun.open(run, "cpu")


@pytest.fixture(scope="session")
def smiles() -> list[str]:
    """Small molecules, among them single atoms, salts and one of 300 atoms."""
    return [*twin_smiles(60, seed=0), "[He]", "[Na+].[Cl-]", "C", "OC(=O)c1ccccc1.Cl", "C(=O)NCC" * 60]


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory, smiles: list[str]) -> Path:
    """They as a CSV with a name."""
    path = tmp_path_factory.mktemp("tables") / "molecules.csv"
    path.write_text("name,smiles\n" + "".join(f"m{number},{text}\n" for number, text in enumerate(smiles)))
    return path
