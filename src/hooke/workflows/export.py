"""`hooke export`: encoder and heads of a run on molecules as a program of `torch.export`, which torch runs without Hooke.

The program takes the tensors of a batch by name (`program_inputs`) and gives, level by level, what `hooke predict` gives: means over the
members on the scale of the labels, probabilities of classes; or the vectors of the encoder. Its file (.pt2) also holds `hooke.json`: inputs,
names of the outputs, the spec, and the run that it was made of.

With dynamic sizes it takes batches of two or more molecules and at least one bond (torch makes sizes of 0 and 1 cases of their own: give a
single molecule twice), with fixed sizes those of the batch that it was made of alone. What looks at all pairs of atoms of a molecule (attention
within molecules) lays them out by their sizes, which a program cannot follow: such models are refused with torch's reason. A program
computes every atom and bond by itself (`nn.graphs.distinct`), so that its numbers agree with those of the run but for the order of sums; each
is compared with the run, on molecules of other sizes too, before it is written.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from hooke.core.concentrations import is_concentration
from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.files import write_durably
from hooke.core.json_text import json_text
from hooke.inference.loaded import LoadedRun
from hooke.modalities import readable
from hooke.molecules.batch import MoleculeBatch

SIZES, OUTPUTS = ("dynamic", "fixed"), ("predictions", "vectors")
ABOUT = "hooke.json"
VECTORS = "embedding"
TOLERANCE = 1e-4  # of the largest output of a level, or of 1
MOST = 256  # molecules of a program of fixed sizes
EXAMPLES = (
    "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O", "CCO", "c1ccc2[nH]ccc2c1", "F/C=C/Cl",
    "C[N+](C)(C)CCO", "O=S(=O)(N)c1ccc(cc1)N", "C1CCCCC1", "CC#N", "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O", "Clc1ccc(cc1)C(c1ccccc1)N1CCNCC1",
)  # fmt: skip
_OTHERS = EXAMPLES[6:1:-1]
_TENSORS = ("atom_codes", "edge_index", "edge_codes", "edge_reverse", "edge_bond", "node_graph", "node_offsets")
_PAIRS = "pair_index"
_SECOND = ("edge_index", _PAIRS)  # items stand in their second dimension
_BESIDE = ("node_encodings", "graph_encodings")


@dataclass(frozen=True)
class Exported:
    """A written program.

    Attributes:
        path: Its file.
        sizes: "dynamic" or "fixed".
        outputs: Name → names of its columns.
        inputs: Name → shape of what it was made of.
        difference: Largest difference from the run, over `TOLERANCE`'s scale.
    """

    path: Path
    sizes: str
    outputs: Mapping[str, Sequence[str]]
    inputs: Mapping[str, Sequence[int]]
    difference: float

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**vars(self), "path": str(self.path)}


def program_inputs(batch: MoleculeBatch) -> dict[str, Tensor]:
    """The tensors of a batch by the names that a program takes; labelled pairs where there are any."""
    names = (*_TENSORS, _PAIRS) if batch.pair_index.shape[1] else _TENSORS
    beside = {f"{kind}.{name}": value for kind in _BESIDE for name, value in getattr(batch, kind).items()}
    return {name: getattr(batch, name) for name in names} | beside


class _Program(nn.Module):
    """What is exported: the members of a run."""

    def __init__(self, run: LoadedRun, outputs: str) -> None:
        super().__init__()
        self.networks = nn.ModuleList(run.ensemble.networks)
        self._task, self._outputs = run.ensemble.task, outputs
        for level in _levels(run):
            bounds = [
                -label.offset if is_concentration(label.unit) else -np.inf
                for label in run.level_labels(level)
                for _ in range(label.columns)
            ]
            self.register_buffer(f"least_{level}", torch.tensor(bounds), persistent=False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Level → (items, columns), or "embedding" → (molecules, width)."""
        given: dict[str, Any] = {kind: {} for kind in _BESIDE}
        for name, value in inputs.items():
            kind, _, own = name.partition(".")
            if own:
                given[kind][own] = value
            else:
                given[name] = value
        batch = MoleculeBatch(**given)
        if self._outputs == "vectors":
            return {VECTORS: self.networks[0].embed(batch)}  # type: ignore[operator]
        members = [self._task.predict(network, batch) for network in self.networks]
        least = {level: self.get_buffer(f"least_{level}") for level in members[0]}
        return {
            level: torch.stack([member[level].maximum(bound) for member in members]).mean(0)
            for level, bound in least.items()
        }


def export(
    run: LoadedRun, output: Path, *, sizes: str = "dynamic", outputs: str = "predictions", molecules: Any = None
) -> Exported:
    """Write a program.

    Args:
        run: Of networks on molecules; its networks are put on the CPU.
        output: A file ending in .pt2.
        sizes: "dynamic", or "fixed" for the sizes of `molecules`.
        outputs: "predictions", or "vectors" of the first member's encoder.
        molecules: A table or SMILES: of fixed sizes the batch, else what the program is made of and compared on; None takes a dozen drugs.

    Raises:
        UnknownNameError: No such kind of sizes or outputs.
        UsageError: The run is of an estimator or about something else, torch cannot export the model with such sizes, or fixed sizes without
            molecules.
        HookeError: The program gives other numbers than the run.
    """
    for what, name, known in (("sizes", sizes, SIZES), ("outputs", outputs, OUTPUTS)):
        if name not in known:
            raise UnknownNameError(what, name, known)
    if output.suffix != ".pt2":
        raise UsageError(f"a program is written to a file ending in .pt2, got {output.name}")
    if run.modality != "molecules":
        raise UsageError(f"{run.run.folder} is about {run.modality}; `hooke export` is about molecules")
    if sizes == "fixed" and molecules is None:
        raise UsageError("fixed sizes are those of your molecules: name them with --molecules")
    if outputs == "predictions" and not run.labels:
        raise UsageError(f"{run.run.folder} learned without labels: export its vectors (--outputs vectors)")
    run.ensemble.networks[:] = [network.cpu().eval() for network in run.ensemble.networks]
    batch = _batch(run, list(EXAMPLES) if molecules is None else molecules)
    program, inputs = _Program(run, outputs).eval(), program_inputs(batch)
    with torch.no_grad():
        program(inputs)  # what the task keeps of a device is made of real tensors first
        written = _exported(program, inputs, sizes, run.recipe.model.name)
        compared = [batch] if sizes == "fixed" else [batch, _batch(run, list(_OTHERS))]
        difference = max(_difference(program, written.module(), program_inputs(each)) for each in compared)
    if not difference < TOLERANCE:
        raise HookeError(
            f"the program of {run.run.folder} gives other numbers than the run: they differ by {difference:.2g}"
        )
    columns = {VECTORS: [str(place) for place in range(run.width)]}
    if outputs == "predictions":
        columns = {level: run.predictor.columns(level) for level in _levels(run)}
    shapes = {name: list(value.shape) for name, value in inputs.items()}
    about = {
        "sizes": sizes, "inputs": {name: {"shape": shapes[name], "dtype": str(value.dtype)} for name, value in inputs.items()},
        "outputs": columns, "spec": run.run_spec.to_json(), **run.stamp(),
    }  # fmt: skip
    buffer = io.BytesIO()
    torch.export.save(written, buffer, extra_files={ABOUT: json_text(about)})
    write_durably(output, buffer.getvalue())
    return Exported(output, sizes, columns, shapes, difference)


def _levels(run: LoadedRun) -> list[str]:
    return list(dict.fromkeys(label.level for label in run.labels))


def _batch(run: LoadedRun, molecules: Any) -> MoleculeBatch:
    """The molecules as one batch, as the run reads them."""
    modality = readable("molecules", "export")
    source = modality.source(molecules, run.spec, modality.options(), batch_size=MOST)
    chunks = [source.chunk(source.prepare(job)) for job in source.jobs()]
    batches = [cast(MoleculeBatch, batch) for chunk in chunks for batch in chunk.batches]
    if len(batches) != 1:
        raise UsageError(f"a program is made of one batch of at most {MOST} molecules, got {len(batches)} batches")
    return batches[0]


def _exported(program: nn.Module, inputs: dict[str, Tensor], sizes: str, model: str) -> torch.export.ExportedProgram:
    free = {name: {1 if name in _SECOND else 0: torch.export.Dim.AUTO} for name in inputs}
    try:
        written = torch.export.export(
            program, (inputs,), dynamic_shapes=(free,) if sizes == "dynamic" else None, strict=False
        )
    except Exception as error:  # torch raises errors of many kinds, and it is its reason that counts
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"torch cannot export {model} with {sizes} sizes: {reason}") from error
    if sizes == "dynamic":
        fixed = [
            name
            for name, place in ((node.name, node) for node in written.graph.nodes if node.op == "placeholder")
            if name.startswith("inputs_") and all(isinstance(size, int) for size in place.meta["val"].shape)
        ]
        if fixed:
            raise UsageError(
                f"torch cannot export {model} with dynamic sizes: it fixes the sizes of {', '.join(fixed)}"
            )
    return written


def _difference(program: nn.Module, written: nn.Module, inputs: dict[str, Tensor]) -> float:
    """Largest difference of the outputs, each over the largest of its level, or 1."""
    expected, found = program(inputs), written(inputs)
    return max(
        float((found[name] - value).abs().max() / value.abs().max().clamp(min=1.0)) for name, value in expected.items()
    )
