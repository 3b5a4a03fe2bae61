"""The embedded data set: what it holds, that its labels are right, and that no test row of the assay leaks."""

from __future__ import annotations

import importlib.util
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from rdkit import Chem

from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How
from hooke.datasets.pocketmix import ASSAY, CARD, LABELS, Config, Dataset, _flat
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.ingest import prepare_tables
from hooke.molecules.vocabulary import BOND_COLUMNS

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "src" / "hooke" / "datasets" / "data" / "pocketmix.parquet"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    return Dataset(Config(part="all")).prepare(tmp_path_factory.mktemp("stores"))


def test_it_is_small_and_holds_what_its_card_says(everything: MoleculeStore) -> None:
    assert TABLE.stat().st_size < 2_000_000
    assert f"{len(everything):,} molecules" in CARD.size
    assert everything.labels == LABELS == Dataset(Config()).labels
    values, _ = everything.graph_labels()
    measured = dict(zip([label.name for label in LABELS[:5]], (~np.isnan(values)).sum(axis=0), strict=True))
    assert measured[ASSAY] == 642
    assert measured["log_solubility"] > 1200
    assert measured["melting_point"] > 4000
    assert measured["gap"] == measured["dipole"] == len(everything)
    assert everything.split() is None


def test_values_of_known_molecules(everything: MoleculeStore) -> None:
    values, _ = everything.graph_labels()
    of = dict(zip(everything.smiles(), values, strict=True))
    assert of["c1ccccc1"][0] == pytest.approx(-0.90, abs=0.01)  # FreeSolv, kcal/mol
    assert of["Oc1ccccc1"][1] == pytest.approx(0.0, abs=0.1)  # phenol, log10 mol/L
    assert of["CO"][2] == pytest.approx(175.15, abs=1)  # methanol melts at -98 degrees Celsius
    assert of["c1ccccc1"][4] == pytest.approx(0.0, abs=0.02)  # benzene has no dipole
    assert of["CC#N"][4] == pytest.approx(3.9, abs=0.6)  # debye; acetonitrile 3.92 by experiment


def test_charges_and_bond_orders_belong_to_their_atoms(everything: MoleculeStore) -> None:
    slice_ = everything.read(np.arange(len(everything)))
    charges, orders = slice_.targets["node"][:, 0], slice_.targets["edge"][:, 0]
    totals = np.add.reduceat(charges, slice_.arrays.atom_offsets[:-1])
    assert np.abs(totals).max() < 5e-3  # every molecule is neutral
    kinds = slice_.arrays.bond_codes[:, BOND_COLUMNS.index("order")]
    means = [orders[kinds == kind].mean() for kind in np.unique(kinds)]
    assert len(means) == 4
    assert sorted(round(float(mean)) for mean in means) == [1, 1, 2, 3]  # single, aromatic, double, triple
    numbers = np.array(
        [atom.GetAtomicNum() for smiles in everything.smiles() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]
    )
    assert charges[numbers == 8].mean() < -0.2 < charges[numbers == 6].mean()


@pytest.mark.parametrize("seed", [0, 4])
def test_no_form_of_a_test_compound_is_in_pretraining(tmp_path: Path, seed: int) -> None:
    assay = Dataset(Config("assay", seed)).prepare(tmp_path)
    pretrain = Dataset(Config("pretrain", seed)).prepare(tmp_path)
    codes = assay.split()
    assert codes is not None
    assert len(assay) == 642
    assert [label.name for label in assay.labels] == [ASSAY]
    assert pretrain.split() is None
    parts = {
        code: [smiles for smiles, part in zip(assay.smiles(), codes, strict=True) if part == code] for code in (0, 1, 2)
    }
    assert len(parts[0]) == pytest.approx(385, abs=8)
    assert len(parts[2]) == pytest.approx(193, abs=8)
    flat = {code: _compounds(smiles) for code, smiles in parts.items()}
    seen = _compounds(pretrain.smiles())
    assert not seen & (flat[1] | flat[2])
    assert flat[0] <= seen
    assert not flat[0] & flat[2]
    values, _ = pretrain.graph_labels(names=[ASSAY])
    assert (~np.isnan(values)).sum() == len(parts[0])


def _compounds(smiles: list[str]) -> set[str]:
    """Without stereo marks: an independent, coarser test than the InChIKey used to make the split."""
    return {Chem.MolToSmiles(Chem.MolFromSmiles(text), isomericSmiles=False) for text in smiles}


def test_splits_differ_between_seeds(tmp_path: Path) -> None:
    first, second = (Dataset(Config("assay", seed)).prepare(tmp_path).split() for seed in (0, 1))
    assert first is not None
    assert second is not None
    assert 0.2 < (first != second).mean() < 0.8


def test_it_is_found_again_and_takes_encodings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encodings = EncodingConfig(random_walk=4)
    store = Dataset(Config("assay")).prepare(tmp_path, How(sections={"encodings": encodings}))
    assert store.encodings == encodings
    assert store.read(np.arange(2)).arrays.atom_encodings["random_walk"].shape[1] == 4
    monkeypatch.setattr("hooke.molecules.featurise.featurise", None)  # a second call may not need it
    again = Dataset(Config("assay")).prepare(tmp_path, How(sections={"encodings": encodings}))
    assert again.folder == store.folder
    assert again.content_hash == store.content_hash


def test_two_may_prepare_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and finds its store."""
    dataset, block, calls = Dataset(Config("assay")), Dataset._block, []
    second: Future[int] | None = None

    def during(self: Dataset, *arguments: object) -> object:
        nonlocal second
        calls.append(1)
        if second is None:
            second = threads.submit(lambda: len(dataset.prepare(tmp_path)))
        return block(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Dataset, "_block", during)
    with ThreadPoolExecutor(1) as threads:
        assert len(dataset.prepare(tmp_path)) == 642
        assert second is not None
        assert second.result(timeout=60) == 642
    assert len(calls) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_molecules_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave standardise out"):
        Dataset(Config()).prepare(tmp_path, How(sections={"standardise": StandardiseConfig(stereo="drop")}))
    with pytest.raises(ValueError, match="0 to 4"):
        Config(split_seed=5)


def test_the_twin_is_a_part_of_it(tmp_path: Path, everything: MoleculeStore) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=3)
    assert len(twin) == 200
    assert set(twin.smiles()) <= set(everything.smiles())
    assert twin.labels == LABELS
    assert Dataset(Config()).twin(tmp_path, seed=3).content_hash == twin.content_hash
    assert set(Dataset(Config()).twin(tmp_path, seed=4).smiles()) != set(twin.smiles())


def _charges_by_symmetry(store: MoleculeStore) -> list[dict[int, list[float]]]:
    """One entry a molecule: class of equivalent atoms -> their sorted charges, whatever the order of the atoms."""
    whole = store.read(np.arange(len(store)))
    pieces = np.split(whole.targets["node"][:, 0], whole.arrays.atom_offsets[1:-1])
    found = []
    for smiles, charges in zip(store.smiles(), pieces, strict=True):
        ranks = Chem.CanonicalRankAtoms(Chem.MolFromSmiles(smiles), breakTies=False)
        classes: dict[int, list[float]] = {rank: [] for rank in ranks}
        for rank, charge in zip(ranks, charges.tolist(), strict=True):
            classes[rank].append(charge)
        found.append({rank: sorted(values) for rank, values in classes.items()})
    return found


def test_in_a_mixture_atoms_keep_their_charges(tmp_path: Path) -> None:
    """A mixture stores atoms in the order of RDKit's canonical SMILES, the data set in that of its table."""
    dataset = Dataset(Config())
    mixed = prepare_tables(dataset.at_hand(tmp_path), tmp_path, "mix", QUIET)
    alone = dataset.prepare(tmp_path)
    assert mixed.metadata["ingest"]["rows_rejected"] == mixed.metadata["ingest"]["label_problems"] == 0
    assert [label.name for label in mixed.labels] == [f"pocketmix/{label.name}" for label in LABELS[:-1]]
    np.testing.assert_array_equal(mixed.graph_labels()[0], alone.graph_labels()[0])
    assert _charges_by_symmetry(mixed) == _charges_by_symmetry(alone)


def test_molecules_without_a_list_of_labels_get_missing_ones() -> None:
    column = pl.Series([[0.5], None, [], [1.0, 2.0]], dtype=pl.List(pl.Float32))
    np.testing.assert_array_equal(_flat(column, np.array([1, 3, 0, 2]))[:, 0], [0.5, np.nan, np.nan, np.nan, 1, 2])


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("tblite")
    spec = importlib.util.spec_from_file_location("make_pocketmix", ROOT / "scripts" / "make_pocketmix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_gives_the_stored_quantum_labels_again(script: ModuleType) -> None:
    table = pl.read_parquet(TABLE)
    for row in table[::500].iter_rows(named=True):
        found = script.quantum(Chem.MolFromSmiles(row["smiles"]))
        assert found["gap"] == pytest.approx(row["gap"], abs=2e-3)
        assert found["dipole"] == pytest.approx(row["dipole"], abs=2e-3)
        np.testing.assert_allclose(found["charge"], row["charge"], atol=2e-3)
        np.testing.assert_allclose(found["bond_order"], row["bond_order"], atol=2e-3)


def test_the_script_gives_the_stored_splits_again(script: ModuleType) -> None:
    table = pl.read_parquet(TABLE)
    compounds = [script.compound(Chem.MolFromSmiles(smiles)) for smiles in table["smiles"]]
    for column in script.split_columns(compounds, table[ASSAY].is_not_null().to_numpy()):
        assert column.to_list() == table[column.name].to_list()


def test_the_script_leaves_out_what_it_says(script: ModuleType, tmp_path: Path) -> None:
    for smiles in ("[Na+].[Cl-]", "C.C", "CC(=O)[O-]", "[CH3]", "[2H]C", "C[Si](C)(C)C", "not a molecule"):
        assert script.accepted(smiles) is None
    assert script.accepted("CCO").GetNumAtoms() == 3
    for name in script.INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("other")
    with pytest.raises(SystemExit, match="not the file"):
        script.build(tmp_path)
