"""MiniMol's network against the recorded outputs of its original code, and against a slow reference."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import DataError
from hooke.encoders.minimol.features import ATOMS, EIGENVALUES, EIGENVECTORS, WALK, prepare_minimol
from hooke.encoders.minimol.network import DEPTH, MiniMol, _names, convert
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate

SHAPES = {"weight": 0, "bias": 0}


def made_up(seed: int = 0) -> dict[str, Tensor]:
    """A state dict in the published names with random numbers."""
    generator = torch.Generator().manual_seed(seed)
    ours = MiniMol().state_dict()
    public = {}
    for module, name in _names().items():
        for part in SHAPES:
            tensor = ours[f"{module}.{part}"]
            noise = torch.randn(tensor.shape, generator=generator)
            public[f"{name}.{part}"] = noise / max(1, tensor.shape[-1]) ** 0.5 if tensor.ndim > 1 else 0.5 + 0.1 * noise
    public |= {f"model.gnn.layers.{number}.model.eps": torch.zeros(1) for number in range(DEPTH)}
    return public | {"model.task_heads.x.weight": torch.zeros(1)}


def network(public: dict[str, Tensor]) -> MiniMol:
    model = MiniMol()
    model.load_state_dict(convert(public))
    return model.eval()


def batch(smiles: tuple[str, ...]) -> MoleculeBatch:
    return collate(MoleculeSlice(prepare_minimol(smiles).arrays))


def reference(public: dict[str, Tensor], one: MoleculeBatch) -> Tensor:
    """A single molecule, atom by atom, straight from the published names."""
    w = {name: tensor.double() for name, tensor in public.items()}
    encoders = "model.encoder_manager.pe_encoders"

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    def dense(x: Tensor, name: str) -> Tensor:
        return norm(linear(x, f"{name}.linear"), f"{name}.normalization")

    pos, walk = f"{encoders}.la_pos", f"{encoders}.rw_pos.pe_encoder"
    inputs = []
    for atom in range(one.num_nodes):
        values, vectors, steps, atoms = (
            one.node_encodings[n][atom].double() for n in (EIGENVALUES, EIGENVECTORS, WALK, ATOMS)
        )
        total = torch.zeros(64, dtype=torch.float64)
        for value, entry in zip(values, vectors, strict=True):
            hidden = linear(torch.stack([value, entry]), f"{pos}.linear_in.linear")
            hidden = linear(hidden, f"{pos}.pe_encoder.fully_connected.0.linear").relu()
            total += linear(hidden, f"{pos}.pe_encoder.fully_connected.1.linear")
        encoded = linear(total, f"{pos}.post_mlp.fully_connected.0.linear")
        hidden = dense(norm(steps, f"{walk}.first_normalization"), f"{walk}.fully_connected.0").relu()
        encoded = encoded + dense(hidden, f"{walk}.fully_connected.1").relu()
        hidden = dense(torch.cat([encoded, atoms]), "model.pre_nn.layers.0").relu()
        inputs.append(dense(hidden, "model.pre_nn.layers.1"))
    h = torch.stack(inputs)
    bonds = []
    for order, stereo, _, ring in one.edge_codes.tolist():
        features = torch.zeros(13, dtype=torch.float64)
        features[min(order, 4)] = features[5 + stereo] = 1
        features[12] = ring
        bonds.append(dense(dense(features, "model.pre_nn_edges.layers.0").relu(), "model.pre_nn_edges.layers.1"))
    state, residual = torch.zeros(336, dtype=torch.float64), None
    for number in range(DEPTH):
        name = f"model.gnn.layers.{number}"
        summed = h.clone()
        for (source, target), bond in zip(one.edge_index.T.tolist(), bonds, strict=True):
            summed[target] = summed[target] + (h[source] + linear(bond, f"{name}.model.lin")).relu()
        nn = f"{name}.model.nn.fully_connected"
        h = norm(linear(functional.gelu(dense(summed, f"{nn}.0")), f"{nn}.1.linear"), f"{name}.norm_layer")
        h = functional.gelu(h)
        if number == DEPTH - 1:
            break
        h = residual = h if residual is None else h + residual
        virtual = f"model.gnn.virtual_node_layers.{number}"
        pooled = np.log(len(h)) * h.mean(0)
        state = state + functional.gelu(dense(state + pooled, f"{virtual}.fc_layer"))
        h = h + linear(state / 2, f"{virtual}.node_projection")
    return h.max(0).values


def test_equal_to_a_loop_over_atoms() -> None:
    public = made_up()
    model = network(public).double()
    found = model.embed(batch(SMILES[:7]))
    for row, smiles in enumerate(SMILES[:7]):
        one = batch((smiles,))
        assert torch.allclose(found[row], reference(public, one), atol=1e-9), smiles


@pytest.mark.oracles
@pytest.mark.weights
def test_equal_to_the_original_code_on_the_recorded_encodings(oracles: Path, weights: Path) -> None:
    import polars as pl

    recorded = np.load(oracles / "minimol" / "intermediates.npz")
    table = pl.read_parquet(oracles / "minimol" / "fingerprints.parquet")
    raw = zipfile.ZipFile(weights / "minimol-1.3.5-py3-none-any.whl").read("minimol/ckpts/minimol_v1/state_dict.pth")
    model = network(torch.load(io.BytesIO(raw), weights_only=True))
    arrays = prepare_minimol(table["smiles"].to_list()).arrays
    keys = {EIGENVALUES: "laplacian_eigval", EIGENVECTORS: "laplacian_eigvec", WALK: "rw_return_probs"}
    encodings = {
        ours: np.concatenate([recorded[f"m{number:02d}.{theirs}"] for number in range(len(table))])
        for ours, theirs in keys.items()
    }
    arrays = replace(arrays, atom_encodings=dict(arrays.atom_encodings) | encodings)
    with torch.no_grad():
        found = model(collate(MoleculeSlice(arrays)))
    assert np.abs(found.graphs.numpy() - table.drop("smiles").to_numpy()).max() < 2e-5
    for number in recorded["full_intermediates"]:
        nodes = found.nodes[arrays.atom_offsets[number] : arrays.atom_offsets[number + 1]]
        assert np.abs(nodes.numpy() - recorded[f"m{number:02d}.gnn.15.out"]).max() < 2e-5


@pytest.mark.oracles
def test_the_published_names_are_those_of_the_checkpoint(oracles: Path) -> None:
    listed = (oracles / "minimol" / "README.md").read_text()
    for name in made_up():
        if "task_heads" not in name:
            assert f"\n{name} (" in listed, name


def test_a_molecule_alone_equals_itself_in_a_batch() -> None:
    model = network(made_up())
    together = model.embed(batch(SMILES[:5]))
    alone = torch.cat([model.embed(batch((smiles,))) for smiles in SMILES[:5]])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model.pre_nn.layers.0.linear.weight": None}, "lack 'model.pre_nn.layers.0.linear.weight'"),
        ({"model.other.weight": torch.zeros(1)}, "no place in MiniMol"),
        ({"model.gnn.layers.3.model.eps": torch.ones(1)}, "another MiniMol"),
    ],
)
def test_other_weights_are_refused(change: dict[str, Tensor | None], message: str) -> None:
    public = {name: tensor for name, tensor in (made_up() | change).items() if tensor is not None}
    with pytest.raises(DataError, match=message):
        convert(public)


def test_molecules_prepared_otherwise_are_refused() -> None:
    with pytest.raises(DataError, match="hooke.encoders.minimol.features"):
        MiniMol()(batch_of(["CCO"]))
