"""Attributions sum to what they explain, and find the atoms that a network was made to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch import nn

import hooke
from hooke.core import registry
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.recipe import Named
from hooke.inference.blend import Blend
from hooke.inference.ensemble import Ensemble
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import build_network, build_task
from hooke.inference.predict import predict_in_memory
from hooke.modalities import trainable
from hooke.molecules.parse import parse
from hooke.nn.graphs.embeddings import AtomEmbedding
from hooke.nn.graphs.segment import edges_of, graph_sum
from hooke.nn.task import Task
from hooke.workflows.attribution import Attribution, attribute, explain, faithfulness, without_atoms

MOLECULES = ["CCO", "CC(=O)Nc1ccc(O)cc1", "[He]", "C1CC", "OC(=O)c1ccccc1.Cl"]


def of_model(loaded: LoadedRun, name: str, **options: Any) -> LoadedRun:
    """The run with an untrained encoder of another kind."""
    torch.manual_seed(0)
    model = Named(name, replace(registry.module("models", name).PRESETS["tiny"], **options), "models")
    spec = replace(loaded.spec, statistics={})
    task = build_task(loaded.recipe.task, spec)
    return replace(loaded, predictor=Ensemble([build_network(trainable("molecules", "fit"), model, spec, task)], task))


@pytest.mark.parametrize("label", ["log_p", "active", "class[1]"])
def test_completeness(loaded: LoadedRun, label: str) -> None:
    found = attribute(loaded, MOLECULES, label)
    assert [one is None for one in found] == [False, False, False, True, False]
    predicted = predict_in_memory(loaded, MOLECULES)[label].to_list()
    for one, value in zip(found, predicted, strict=True):
        if one is not None:
            assert one.prediction == pytest.approx(value, abs=1e-4)
            assert abs(one.gap) < 0.02 * max(abs(one.prediction - one.baseline), 0.05)
            assert len(one.atoms) == Chem.MolFromSmiles(one.smiles).GetNumAtoms()


@pytest.mark.parametrize("name", ["dmpnn", "gps", "gps_plus_plus", "graph_transformer"])
def test_other_encoders(loaded: LoadedRun, name: str) -> None:
    [one] = attribute(of_model(loaded, name), ["CC(=O)NC"], "log_p")
    assert one is not None
    assert np.abs(one.atoms).max() > 0
    assert abs(one.gap) < 0.02 * max(abs(one.prediction - one.baseline), 0.05)


class OxygenCounter(nn.Module):
    """Σ_v w · x_v, with w such that oxygens count 1 and carbons nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.atoms = AtomEmbedding(16)
        self.weight = nn.Parameter(torch.zeros(16))

    def forward(self, batch: Any) -> dict[str, torch.Tensor]:
        rows = self.atoms(batch, edges_of(batch)).expand()
        return {"graph": graph_sum(rows @ self.weight[:, None], batch)}


class Counting(Task):
    """An objective whose prediction is the network's own number."""

    modality = "molecules"

    def network(self, encoder: nn.Module) -> nn.Module:
        return encoder

    def losses(self, network: nn.Module, batch: Any, step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {}

    def columns(self, level: str) -> list[str]:
        return ["oxygens"] if level == "graph" else []

    def decoded(self, network: nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = network(batch)
        return found


def test_the_atoms_that_count_are_found(loaded: LoadedRun) -> None:
    torch.manual_seed(0)
    network = OxygenCounter()
    table = network.atoms.table
    with torch.no_grad():
        table.rows.weight.zero_()
        table.rows.weight[8, 0] = 1.0  # the code of an element is its atomic number
        network.weight[0] = 1.0
    run = replace(loaded, predictor=Ensemble([network], Counting(None, None)))
    [one] = attribute(run, ["OCCCCC=O"])
    assert one is not None
    symbols = [atom.GetSymbol() for atom in Chem.MolFromSmiles(one.smiles).GetAtoms()]
    np.testing.assert_allclose(one.atoms, [float(symbol == "O") for symbol in symbols], atol=1e-6)
    assert (one.prediction, one.baseline) == pytest.approx((2.0, 0.0))
    assert one.masked_top == pytest.approx(1.0)
    assert one.masked_random.mean() < 0.8


def test_errors(loaded: LoadedRun, make_run: Callable[..., Path], image_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'log_p'"):
        attribute(loaded, ["C"], "logp")
    atoms_only = LoadedRun.open(make_run(tmp_path, labels=[Label("charge", "node")], members=1), "cpu")
    with pytest.raises(UnknownNameError, match="label of molecules"):
        attribute(atoms_only, ["C"])
    without = make_run(tmp_path / "without", objective="attribute_masking", members=1)
    with pytest.raises(UsageError, match="no labels"):
        attribute(LoadedRun.open(without, "cpu"), ["C"])
    with pytest.raises(DataError, match="is a run on images"):
        attribute(LoadedRun.open(image_run, "cpu"), ["C"])
    with pytest.raises(UsageError, match="no codes of atoms"):
        attribute(replace(loaded, predictor=Ensemble([nn.Linear(1, 1)], Counting(None, None))), ["C"])


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """Two estimators of other features as one, of the count of oxygens and of one class."""
    folder = tmp_path_factory.mktemp("blend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(folder / "cache"))
        tails = ["", "C", "CC", "c1ccccc1", "C(C)C", "CCCC", "CCl", "CBr"]
        heads = ["OCC", "O=CC", "CCC", "OCCOC", "NCC"]
        rows = [f"{head}{tail},{head.count('O')},{int('N' in head)}" for head in heads for tail in tails]
        (folder / "t.csv").write_text("\n".join(["smiles,oxygens,amine", *rows]))
        chosen = ["model.name=auto", 'model.candidates=["ridge","support_vectors"]', "model.folds=3"]
        run = hooke.fit(
            csv=folder / "t.csv", overrides=chosen, runs=folder / "runs", report=False, show_progress=False, workers=0
        )
        return LoadedRun.open(run.folder, "cpu")


def test_a_blend_is_explained_by_removal_and_by_the_weighted_sum_of_its_members(blend: LoadedRun) -> None:
    smiles = ["OCCCC", "C", "nonsense", "OCc1ccccc1"]
    found, predictor = attribute(blend, smiles), blend.predictor
    assert [one is None for one in found] == [False, True, True, False]
    assert isinstance(predictor, Blend)
    assert len(predictor.parts) == 2
    members = [attribute(replace(blend, predictor=part.predictor), smiles) for part in predictor.parts]
    for place, one in enumerate(found):
        if one is not None:
            assert one.baseline is None
            assert one.prediction == pytest.approx(predict_in_memory(blend, smiles)["oxygens"][place])
            of_members = [member[place].atoms for member in members if member[place] is not None]
            weights = [part.weights[0] for part in predictor.parts]
            np.testing.assert_allclose(one.atoms, np.tensordot(weights, of_members, 1), atol=1e-9)
            symbols = [atom.GetSymbol() for atom in Chem.MolFromSmiles(one.smiles).GetAtoms()]
            assert symbols[int(one.atoms.argmax())] == "O"
    checked = faithfulness([one for one in found if one is not None])
    assert checked.largest_gap is None
    assert checked.sentence().endswith(").")
    [of_class] = attribute(blend, ["NCCC"], "amine")
    assert of_class is not None
    assert Chem.MolFromSmiles(of_class.smiles).GetAtomWithIdx(int(of_class.atoms.argmax())).GetSymbol() == "N"


def test_page_of_a_blend(blend: LoadedRun, tmp_path: Path) -> None:
    shown = explain(blend.run.folder, ["OCCCC", "C", "OCc1ccccc1"], tmp_path / "e.html", device="cpu")
    page = (tmp_path / "e.html").read_text()
    assert shown["largest_gap"] is None
    assert "loses without each atom" in page
    assert "1 more rows hold no molecule of two atoms" in page
    assert page.count("the strongest atom adds") == 2


@pytest.mark.parametrize(
    ("smiles", "atoms", "left"),
    [
        ("CC(=O)Nc1ccc(O)cc1", [3], "CC=O.Oc1ccccc1"), ("c1ccncc1", [3], "C=CC=CC"), ("c1cc[nH]c1", [3], "C=CC=C"),
        ("C[N+](C)(C)C", [0], "C[NH+](C)C"), ("C[C@H](F)Br", [0], "FCBr"), ("F/C=C/F", [0], "C=CF"), ("O=S(=O)(C)C", [0], "CS(C)=O"),
        ("[13CH3]CO", [2], "C[13CH3]"), ("CCO", [0, 2], "C"), ("F[P-](F)(F)(F)(F)F", [0], "F[PH-](F)(F)(F)F"),
    ],
)  # fmt: skip
def test_molecules_without_atoms(smiles: str, atoms: list[int], left: str) -> None:
    found = without_atoms(parse(smiles), atoms)
    assert Chem.CanonSmiles(found) == Chem.CanonSmiles(left)


def test_faithfulness() -> None:
    def one(top: float, random: float, atoms: int = 3) -> Attribution:
        return Attribution("CCO", "y", 1.0, 0.0, np.full(atoms, 1 / atoms), top, np.full(20, random))

    found = faithfulness([*(one(1.0 + number / 10, 0.5) for number in range(9)), one(0.1, 0.5), one(9.0, 9.0, 1)])
    assert found.molecules == 10
    assert found.wins == pytest.approx(0.9)
    assert found.p_value < 0.05
    assert "larger in 90% of 10 molecules" in found.sentence()
    assert faithfulness([one(1.0, 1.0)]).p_value == 1.0
    with pytest.raises(UsageError, match="two atoms"):
        faithfulness([one(1.0, 1.0, 1)])
