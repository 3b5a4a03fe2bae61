"""`check_model`: what every molecule model must do.

A model file has `Config` (frozen dataclass), `PRESETS` (name → Config, "tiny" among them) and `Model(config, spec)`, a
`nn.graphs.model.MoleculeModel`; what it reads besides the encodings of the spec, and which parameters get no gradient from the rows of
molecules, are members of the class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from types import ModuleType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.testing.contract import ContractError, require, require_equal, require_frozen_config, resolve_module, seeded
from hooke.testing.permute import permuted
from hooke.testing.samples import ENCODINGS, LARGE, SMILES, slice_of

NO_ENCODINGS = EncodingConfig()


def check_model(module: ModuleType | str) -> None:
    """Run every check of `MODEL_CHECKS` on a model file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    module = resolve_module("models", module)
    for check in MODEL_CHECKS.values():
        check(module)


def build(
    module: ModuleType, encodings: EncodingConfig = ENCODINGS, config: Any = None, *, training: bool = False
) -> nn.Module:
    """The "tiny" model in float64, from seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = module.Model(config or module.PRESETS["tiny"], MoleculeSpec(encodings=encodings))
    return model.double().train(training)


def _slice(module: ModuleType, smiles: Sequence[str], encodings: EncodingConfig = ENCODINGS) -> MoleculeSlice:
    """Molecules with all that the model reads."""
    return slice_of(smiles, encodings=encodings, node_inputs=module.Model.extra_encodings)


def _batch(module: ModuleType, smiles: Sequence[str], encodings: EncodingConfig = ENCODINGS) -> MoleculeBatch:
    """The molecules of `_slice` as one batch."""
    return collate(_slice(module, smiles, encodings))


def outputs(output: MoleculeOutput) -> dict[str, Tensor]:
    """The tensors of an output by name."""
    return {name: tensor for name in ("nodes", "edges", "graphs") if (tensor := getattr(output, name)) is not None}


def interface(module: ModuleType) -> None:
    """Config, presets, modality, declared widths and `embed`."""
    require_frozen_config(module)
    require(issubclass(module.Model, MoleculeModel), f"{module.__name__}: Model is not a MoleculeModel")
    presets = getattr(module, "PRESETS", {})
    require("tiny" in presets, f"{module.__name__}: PRESETS has no 'tiny'")
    require(
        all(isinstance(preset, module.Config) for preset in presets.values()),
        f"{module.__name__}: a preset is not a Config",
    )
    for encodings in (NO_ENCODINGS, ENCODINGS):
        batch, model = _batch(module, SMILES, encodings), build(module, encodings)
        found = model(batch)
        require(isinstance(found, MoleculeOutput), "forward does not return a MoleculeOutput")
        require(found.nodes.shape == (batch.num_nodes, model.node_width), "nodes do not have shape (V, node_width)")
        require(
            found.graphs.shape == (batch.num_graphs, model.graph_width), "graphs do not have shape (B, graph_width)"
        )
        require((found.edges is None) == (model.edge_width == 0), "edges and edge_width do not fit")
        if found.edges is not None:
            edges = (batch.edge_index.shape[1], model.edge_width)
            require(found.edges.shape == edges, "edges do not have shape (E, edge_width)")
        require_equal(cast(Any, model).embed(batch), found.graphs, "embed is not the graphs of forward", tolerance=0)


def permutation(module: ModuleType) -> None:
    """Another order of atoms and bonds gives the same rows in that order, and the same molecules."""
    molecules = _slice(module, SMILES)
    other = permuted(molecules, np.random.default_rng(1))
    batch, changed = collate(molecules), collate(other.molecules)
    model = build(module)
    before, after = model(batch), model(changed)
    nodes = torch.from_numpy(other.nodes)
    require_equal(after.graphs, before.graphs, "molecules change with the order of their atoms")
    require_equal(after.nodes, before.nodes[nodes], "nodes change with the order of the atoms")
    if before.edges is not None:
        former = {tuple(pair): row for row, pair in enumerate(batch.edge_index.T.tolist())}
        rows = [former[tuple(pair)] for pair in nodes[changed.edge_index].T.tolist()]
        require_equal(after.edges, before.edges[rows], "edges change with the order of the atoms")


def batch_of_one(module: ModuleType) -> None:
    """A molecule alone gives what it gives among others."""
    model = build(module)
    together = model(_batch(module, SMILES)).graphs
    for row, smiles in enumerate(SMILES):
        alone = model(_batch(module, [smiles])).graphs
        require_equal(alone, together[row : row + 1], f"{smiles} alone differs from {smiles} in a batch")


def gradients(module: ModuleType) -> None:
    """Every parameter gets a gradient from the molecules, but for declared exemptions; from all outputs, without any."""
    batch = _batch(module, SMILES)
    for names in (("graphs",), ("nodes", "edges", "graphs")):
        model = build(module, training=True)
        found = outputs(model(batch))
        total = sum((_mix(found[name]) for name in names if name in found), torch.zeros((), dtype=torch.float64))
        total.backward()
        without = {_stable(name, model) for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
        patterns = module.Model.gradient_exempt if names == ("graphs",) else {}
        excused = {name for name in without if any(re.fullmatch(pattern, name) for pattern in patterns)}
        require(not without - excused, f"no gradient from {' + '.join(names)}: {', '.join(sorted(without - excused))}")
        for pattern in patterns:
            require(
                any(re.fullmatch(pattern, name) for name in without),
                f"gradient_exempt {pattern!r} excuses no parameter",
            )


def _mix(rows: Tensor) -> Tensor:
    """A scalar that depends on every entry in its own way."""
    weights = torch.randn(rows.shape, generator=seeded(0), dtype=rows.dtype)
    return (rows * weights).sum()


def _stable(name: str, model: nn.Module) -> str:
    """The parameter's name with "last" for the number of the last layer."""
    numbers = [int(found[1]) for other, _ in model.named_parameters() if (found := re.match(r"layers\.(\d+)\.", other))]
    return re.sub(rf"^layers\.{max(numbers, default=-1)}\.", "layers.last.", name)


def state_round_trip(module: ModuleType) -> None:
    """A model with the saved state of another one computes the same bits."""
    batch, model = _batch(module, SMILES), build(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        other = module.Model(module.PRESETS["tiny"], MoleculeSpec(encodings=ENCODINGS)).double().eval()
    require(not torch.equal(other(batch).graphs, model(batch).graphs), "the seed does not change the weights")
    other.load_state_dict(model.state_dict())
    require(torch.equal(other(batch).graphs, model(batch).graphs), "state_dict does not hold all that the model needs")


def determinism(module: ModuleType) -> None:
    """The same seed gives the same weights; the same batch gives the same bits, in output and gradient."""
    batch = _batch(module, SMILES)
    rows = []
    for _ in range(2):
        model = build(module)
        graphs = model(batch).graphs
        _mix(graphs).backward()
        grads = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        rows.append([graphs.detach(), *grads])
    require(all(torch.equal(a, b) for a, b in zip(*rows, strict=True)), "two equal runs differ")


def odd_molecules(module: ModuleType) -> None:
    """One atom, no bond at all, several components and 241 atoms: finite outputs and gradients, in training too."""
    for smiles in (["C"], ["[Na+].[Cl-]"], ["C", "[Na+].[Cl-]"], ["CC.O"], [LARGE], ["C", LARGE]):
        batch = _batch(module, smiles)
        for training in (False, True):
            model = build(module, training=training)
            found = outputs(model(batch))
            require(all(bool(rows.isfinite().all()) for rows in found.values()), f"{smiles}: output is not finite")
            torch.stack([_mix(rows) for rows in found.values()]).sum().backward()
            finite = all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
            require(finite, f"{smiles}: gradient is not finite")


def half_precision(module: ModuleType) -> None:
    """bfloat16 autocast stays within 10% of float32."""
    batch, model = _batch(module, SMILES), build(module).float()
    exact = model(batch).graphs
    with torch.autocast("cpu", dtype=torch.bfloat16):
        graphs = model(batch).graphs.float()
        _mix(graphs).backward()
    require_equal(graphs, exact, "bfloat16 autocast", tolerance=0.1)


def options(module: ModuleType) -> None:
    """Every field of Config changes the output or the parameters: no option is without effect."""
    batch, config = _batch(module, SMILES), module.PRESETS["tiny"]

    def fingerprint(changed: Any) -> tuple[Any, ...]:
        model = build(module, config=changed, training=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return tuple(rows.detach().numpy().tobytes() for rows in outputs(model(batch)).values())

    usual = fingerprint(config)
    hints = get_type_hints(module.Config)
    for option in fields(config):
        for value in other_values(getattr(config, option.name), hints[option.name]):
            found = fingerprint(replace(config, **{option.name: value}))
            require(found != usual, f"Config.{option.name} = {value!r} changes nothing")


def other_values(value: Any, hint: Any) -> list[Any]:
    """Valid values of an option other than its present one.

    Raises:
        ContractError: An option of a type that this kit does not know.
    """
    if get_origin(hint) is Literal:
        return [choice for choice in get_args(hint) if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1 if value < 8 else value + 8]
    if isinstance(value, float):
        return [value + 0.25]
    raise ContractError(f"an option of type {hint!r} cannot be varied; use a Literal, bool, int or float")


MODEL_CHECKS: dict[str, Callable[[ModuleType], None]] = {
    check.__name__: check
    for check in (
        interface,
        permutation,
        batch_of_one,
        gradients,
        state_round_trip,
        determinism,
        odd_molecules,
        half_precision,
        options,
    )
}


def check_batch(batch: MoleculeBatch) -> None:
    """The promises of `MoleculeBatch`: sorted destinations, true reverses, each bond twice, offsets that fit."""
    source, destination = batch.edge_index
    require(bool((destination[1:] >= destination[:-1]).all()), "edges are not sorted by destination")
    require(bool((source[batch.edge_reverse] == destination).all()), "edge_reverse does not swap the ends")
    require(bool((batch.edge_bond[batch.edge_reverse] == batch.edge_bond).all()), "a reverse edge is of another bond")
    require(bool((batch.edge_codes[batch.edge_reverse] == batch.edge_codes).all()), "a reverse edge has other codes")
    require(bool((batch.node_graph[source] == batch.node_graph[destination]).all()), "an edge joins two molecules")
    sizes = torch.bincount(batch.node_graph, minlength=batch.num_graphs)
    require(bool((batch.node_offsets.diff() == sizes).all()), "node_offsets do not fit node_graph")
    items = {
        "graph": batch.num_graphs,
        "node": batch.num_nodes,
        "edge": batch.num_bonds,
        "pair": batch.pair_index.shape[1],
    }
    for level, values in batch.targets.items():
        require(len(values) == items[level], f"{len(values)} rows of {level} targets for {items[level]} items")
