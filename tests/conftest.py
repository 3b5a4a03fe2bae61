"""Fixtures shared by all tests, and the rule for tests that need outside files."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import jaxtyping
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, settings
from safetensors.torch import save_file

from hooke.cells.profiles import Profiles
from hooke.core import registry
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.core.recipe import Named
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.tables.twins import twin_smiles

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

OUTSIDE = {
    "mirror": "HOOKE_MIRROR",
    "oracles": "HOOKE_ORACLES",
    "weights": "HOOKE_WEIGHTS",
    "cases": "HOOKE_CASES",
}


def pytest_configure() -> None:
    """Inputs that failed once lie beside the mirror, if nothing else is said."""
    beside = Path(os.environ.get("HOOKE_MIRROR") or ".").resolve().parent / "cases"
    if os.environ.get("HOOKE_MIRROR") and beside.is_dir():
        os.environ.setdefault("HOOKE_CASES", str(beside))


def _folder(variable: str) -> Path:
    path = Path(os.environ[variable]).resolve()
    if not path.is_dir():
        raise pytest.UsageError(f"{variable} is set to {path}, which is not a folder")
    return path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, and count aloud, the tests whose outside folder is not set."""
    for marker, variable in OUTSIDE.items():
        if os.environ.get(variable):
            _folder(variable)
            continue
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing:
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in needing]
            config.stash.setdefault(_NOTES, []).append(f"{len(needing)} tests deselected: {variable} is not set")


def pytest_collection_finish() -> None:
    """What is there after the collection stays: the collector of garbage need not look at it in every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, and a killed process loses nothing that the system has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


# Folders of tests that check annotated shapes at each call.
SHAPES_CHECKED = {"contract", "nn", "models", "tasks", "modalities", "molecules", "atoms", "images", "cells"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check annotated shapes where networks are tested, not in each command that runs one: they are a third of its time."""
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    jaxtyping.config.update("jaxtyping_disable", folder not in SHAPES_CHECKED)


_NOTES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for note in config.stash.get(_NOTES, []):
        terminalreporter.write_line(note, yellow=True)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data files, `HOOKE_MIRROR`."""
    return _folder("HOOKE_MIRROR")


@pytest.fixture(scope="session")
def cases() -> Path:
    """Inputs that failed once, with what is expected of them: the folder `HOOKE_CASES`, else "cases" beside the mirror."""
    return _folder("HOOKE_CASES")


@pytest.fixture(scope="session")
def oracles() -> Path:
    """The folder of peers' outputs, `HOOKE_ORACLES`."""
    return _folder("HOOKE_ORACLES")


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of published weights (minimol-1.3.5-py3-none-any.whl), `HOOKE_WEIGHTS`."""
    return _folder("HOOKE_WEIGHTS")


@pytest.fixture(scope="session")
def wells() -> Profiles:
    """A made-up screen: 4 batches of 24 genes in modules of 4 (two guides each) and 24 controls, each batch moved and scaled."""
    generator = np.random.default_rng(5)
    effects = 0.8 * np.repeat(generator.normal(size=(6, 12)), 4, axis=0) + 0.5 * generator.normal(size=(24, 12))
    rows, values = [], []
    for batch in range(4):
        move, scale = 3 * generator.normal(size=12), np.exp(0.3 * generator.normal(size=12))
        for number in range(72):
            gene = number - 24 if number < 48 else number - 48
            effect = np.zeros(12) if number < 24 else effects[gene]
            values.append(move + scale * (effect + 0.5 * generator.normal(size=12)))
            name = "" if number < 24 else f"GENE{gene:02d}"
            rows.append(
                {
                    "experiment": f"exp{batch}", "plate": f"P{batch}", "well": f"{'ABCDEFGH'[number // 12]}{number % 12 + 1:02d}",
                    "batch": f"exp{batch}", "gene": name, "guide": name and f"{name}_g{number // 48}",
                    "control": "negative" if number < 24 else "", "cell_count": 80 + number % 30,
                }
            )  # fmt: skip
    return Profiles.of_embeddings(np.array(values, np.float32), pl.DataFrame(rows))


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    """The simulated screen of the tiny image recipes: 2 experiments, 18 fields of 32 x 32 pixels, 5 channels."""
    from hooke.core.recipe_files import build, read
    from hooke.datasets.screen import Config, Dataset

    options = {name: value for name, value in read("tiny_ca_mae")["data"].items() if name not in ("name", "split")}
    return Dataset(build(Config, options)).prepare(tmp_path_factory.mktemp("screen"), QUIET)


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory, screen: ImageStore) -> Path:
    """A finished run of `tiny_ca_mae` on it."""
    from hooke.core.recipe import load_recipe
    from hooke.train.fit import fit

    runs = tmp_path_factory.mktemp("image-runs")
    recipe = load_recipe("tiny_ca_mae", ["train.threads=1", "train.accelerator=cpu"])
    return fit(recipe, runs=runs, store=screen, show_progress=False).folder


@pytest.fixture(scope="session")
def potential_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two small PaiNN networks on a Morse potential of small molecules, energies of formation by "gfn2"."""
    from hooke.atoms.facts import Facts
    from hooke.atoms.store import Source, write_frames
    from hooke.atoms.twins import made_frames
    from hooke.core.recipe import load_recipe
    from hooke.train.fit import fit

    facts = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))
    folder = tmp_path_factory.mktemp("potential")
    store = write_frames(folder / "store", [Source("made", [(made_frames(facts), [])])], facts, "made")
    options = (
        "data.split.fractions=[0.8,0.2,0.0]", "train.epochs=20", "train.batch_size=7", "train.ensemble=2",
        "train.threads=1", "train.accelerator=cpu",
    )  # fmt: skip
    recipe = load_recipe("tiny_potential_painn", options)
    return fit(recipe, runs=folder / "runs", store=store, show_progress=False).folder


LABELS = (
    Label("log_p"),
    Label("active", kind="binary"),
    Label("class", kind="multiclass", classes=3),
    Label("charge", "node"),
    Label("order", "edge"),
)
UNCERTAINTY = {
    "log_p": {"kind": "interval", "quantile": 2.0, "floor": 0.5, "level": 0.9, "count": 40, "scale": 1.5},
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
    released: bool = False,
) -> Path:
    spec = MoleculeSpec(tuple(labels), encodings=EncodingConfig(random_walk=4), standardise=StandardiseConfig())
    model = Named("gine", registry.module("models", "gine").PRESETS["tiny"], "models")
    chosen = Named(objective, registry.module("tasks", objective).Config(), "tasks")
    recipe = {
        "name": "tiny",
        "data": {"name": "csv"},
        "model": model.to_json(),
        "task": chosen.to_json(),
        "encodings": asdict(spec.encodings),
        "standardise": asdict(spec.standardise),
        "train": {"ensemble": members},
    }
    run = RunFolder.create(root, "tiny", recipe, "data-hash")
    if released:
        run.write_json("labels.json", [label.to_json() for label in labels])
    else:
        run.write_json("spec.json", spec.to_json())
    if calibrated:
        run.write_json("uncertainty.json", UNCERTAINTY)
    for folder in ("members", *(("refit",) if refit else ())):
        for member in range(members):
            torch.manual_seed(member + 10 * (folder == "refit"))
            network = build_network(trainable("molecules", "fit"), model, spec, build_task(chosen, spec))
            path = run.path(f"{folder}/{member}/best.safetensors")
            path.parent.mkdir(parents=True)
            save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    if finished:
        run.finish()
    return run.folder


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """Writes a run folder with untrained members below a folder, and returns it; `released`: as the first release wrote it."""
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
