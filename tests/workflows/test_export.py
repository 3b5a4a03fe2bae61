"""Programs of `torch.export`: the numbers of the run, for molecules of other sizes too, and refusals with torch's reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import hooke
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.runs import RunFolder
from hooke.molecules.tables.twins import write_twin_table
from hooke.workflows.export import ABOUT, _batch, export, program_inputs

SMILES = ["CCO", "c1ccccc1C(=O)O", "CC(C)N", "O=C1CCCN1"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    folder = tmp_path_factory.mktemp("export")
    table = write_twin_table(folder / "assay.csv", seed=0, rows=60)
    runs = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(folder / "cache"))
        for model in ("gine", "gps"):
            small = [
                f"model.name={model}",
                "model.preset=tiny",
                "train.epochs=1",
                "train.ensemble=2",
                "train.threads=1",
            ]
            runs[model] = hooke.fit(
                "csv", csv=table, targets="log_p,lipophilic", overrides=small, runs=folder / "runs", report=False, workers=1,
                show_progress=False,
            ).run  # fmt: skip
    return runs


def test_a_program_of_any_sizes_gives_what_predict_gives(fitted: dict[str, RunFolder], tmp_path: Path) -> None:
    run, path = hooke.load(fitted["gine"].folder, device="cpu"), tmp_path / "model.pt2"
    written = hooke.export(fitted["gine"].folder, path)
    assert written.difference < 1e-6
    files = {ABOUT: ""}
    program = torch.export.load(path, extra_files=files).module()
    about = json.loads(files[ABOUT])
    assert about["outputs"] == written.to_json()["outputs"] == {"graph": ["log_p", "lipophilic"]}
    assert about["model_hash"] == run.model_hash
    assert [label["name"] for label in about["spec"]["labels"]] == ["log_p", "lipophilic"]
    for smiles in (SMILES, SMILES[:2], SMILES * 5):
        found = program(program_inputs(_batch(run, smiles)))["graph"]
        expected = run.predict(smiles).select("log_p", "lipophilic").to_torch()
        assert torch.allclose(found.double(), expected.double(), rtol=1e-5, atol=1e-6)
    with pytest.raises(AssertionError, match="node_offsets"):  # torch makes one molecule a case of its own
        program(program_inputs(_batch(run, SMILES[:1])))


def test_vectors_and_fixed_sizes(fitted: dict[str, RunFolder], tmp_path: Path) -> None:
    run = hooke.load(fitted["gine"].folder, device="cpu")
    hooke.export(fitted["gine"].folder, tmp_path / "vectors.pt2", outputs="vectors", molecules=SMILES, sizes="fixed")
    program = torch.export.load(tmp_path / "vectors.pt2").module()
    batch = _batch(run, SMILES)
    with torch.no_grad():
        assert torch.allclose(program(program_inputs(batch))["embedding"], run.network.embed(batch), atol=1e-6)
    with pytest.raises((AssertionError, RuntimeError)):
        program(program_inputs(_batch(run, SMILES[:2])))


def test_what_cannot_be_exported_says_why(fitted: dict[str, RunFolder], tmp_path: Path) -> None:
    gine, gps = (fitted[name].folder for name in ("gine", "gps"))
    with pytest.raises(UsageError, match="torch cannot export gps with dynamic sizes: "):
        hooke.export(gps, tmp_path / "gps.pt2")
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="a file ending in .pt2"):
        hooke.export(gine, tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="name them with --molecules"):
        hooke.export(gine, tmp_path / "model.pt2", sizes="fixed")
    with pytest.raises(UnknownNameError, match="Did you mean 'vectors'"):
        export(hooke.load(gine, device="cpu"), tmp_path / "model.pt2", outputs="vector")
