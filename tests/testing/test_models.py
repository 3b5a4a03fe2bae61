"""The kit finds what it is there to find: models of molecules, of images and of a third party that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import torch
from torch import nn

from hooke.core.label import Label
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.modalities import Modality, Sample, Symmetry
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import ContractError, ModelCase
from hooke.nn.graphs.molecule_model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.images.channels import in_order, standardise
from hooke.nn.images.encoder import ImageEncoder
from hooke.nn.images.output import ImageOutput
from hooke.nn.transformer import check_block
from hooke.testing import check_model
from hooke.testing.models import MODEL_CHECKS, model_case, model_checks, other_values


@dataclass(frozen=True)
class Config:
    width: int = 8


class OfMolecules(MoleculeModel):
    """Sum over atoms of an embedding of the element; `fault` breaks one promise."""

    fault = ""

    def __init__(self, config: Config, spec: MoleculeSpec) -> None:
        super().__init__()
        fault = self.fault
        self.node_width = self.graph_width = config.width
        self.edge_width = int(fault == "edges")
        self.table = nn.Parameter(torch.randn(120, config.width))
        self.unused = nn.Parameter(torch.zeros(1)) if fault == "unused" else None
        self.hidden = torch.randn(config.width).double() if fault == "hidden" else torch.zeros(config.width)
        if fault == "constant":
            self.table.data.fill_(1.0)

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        nodes = self.table[batch.atom_codes[:, 0]] + self.hidden.to(self.table.dtype)
        if self.fault == "atoms":
            nodes = nodes * torch.arange(len(nodes))[:, None]
        if self.fault == "batch":
            nodes = nodes - nodes.mean(0)
        if self.fault == "padding" and len(nodes) > 200:
            nodes = nodes + batch.num_graphs
        if self.fault == "random":
            nodes = nodes + torch.rand(nodes.shape)
        if self.fault == "large":
            nodes = nodes / (len(nodes) < 200)
        if self.fault == "precision" and torch.is_autocast_enabled("cpu"):
            nodes = nodes * 2
        graphs = torch.zeros(batch.num_graphs, nodes.shape[1], dtype=nodes.dtype).index_add(0, batch.node_graph, nodes)
        nodes = nodes[:, :-1] if self.fault == "nodes" else nodes
        return MoleculeOutput(nodes, None, graphs if self.fault != "shape" else graphs[:, :-1])


class OfImages(ImageEncoder):
    """Mean and spread of a random projection of each place; `fault` breaks one promise."""

    fault = ""

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__()
        self.channels, self.blocks, self.width = spec.channels, 1, config.width
        self.table = nn.Parameter(torch.randn(config.width, len(spec.channels)))

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        if self.fault != "block":
            check_block(block, 1)
        pixels = in_order(batch, self.channels) if self.fault not in ("order", "missing") else batch.pixels
        if self.fault == "missing":
            pixels = pixels[:, :1].expand(-1, len(self.channels), -1, -1)
        images = pixels.to(self.table.dtype)
        if self.fault != "brightness":
            images = standardise(images, self.table.dtype)
        if self.fault == "black":
            images = images / images.abs().sum((1, 2, 3), keepdim=True)
        places = (images.flatten(2).transpose(1, 2) @ self.table.T).tanh()
        height, width = batch.pixels.shape[2:]
        tokens = places[:, 1:] if self.fault == "tokens" else places
        return ImageOutput(places.square().mean(1), tokens, (int(height), int(width)))


def case_of(base: type, fault: str = "", config: type = Config, **members: object) -> ModelCase:
    model = type("Model", (base,), {"fault": fault, **members})
    module: Any = SimpleNamespace(__name__="toy", Config=config, PRESETS={"tiny": config()}, Model=model)
    return model_case(module)


@pytest.mark.parametrize("base", [OfMolecules, OfImages])
def test_a_sound_model_passes(base: type) -> None:
    check_model(case_of(base).module)


def test_a_registered_model_passes() -> None:
    check_model("gin")


@pytest.mark.parametrize(
    ("base", "fault", "check", "message"),
    [
        (OfMolecules, "shape", "interface", "not .items, width"),
        (OfMolecules, "atoms", "symmetries", "graph does not follow the order of atoms and bonds"),
        (OfMolecules, "batch", "items", "graph: item 0 alone differs"),
        (OfMolecules, "padding", "odd_items", "graph: item 2 alone differs"),
        (OfMolecules, "unused", "gradients", "from the embedding: unused"),
        (OfMolecules, "hidden", "state_round_trip", "state_dict does not contain"),
        (OfMolecules, "constant", "state_round_trip", "seed does not change"),
        (OfMolecules, "random", "determinism", "differ"),
        (OfMolecules, "large", "odd_items", "241: the output is not finite"),
        (OfMolecules, "precision", "half_precision", "bfloat16"),
        (OfMolecules, "nodes", "widths", "node_width"),
        (OfMolecules, "edges", "widths", "edge_width"),
        (OfImages, "block", "blocks", "not refused"),
        (OfImages, "tokens", "blocks", "the grid"),
        (OfImages, "order", "symmetries", "field does not follow the order of the channels"),
        (OfImages, "missing", "channels", "not refused"),
        (OfImages, "brightness", "brightness_and_contrast", r"a x \+ b"),
        (OfImages, "black", "odd_items", "not finite"),
    ],
)
def test_each_fault_is_found(base: type, fault: str, check: str, message: str) -> None:
    case = case_of(base, fault)
    with pytest.raises(ContractError, match=message):
        model_checks(case)[check](case)


def test_options_without_effect_are_found() -> None:
    @dataclass(frozen=True)
    class Idle:
        width: int = 4
        idle: Literal["a", "b"] = "a"

    with pytest.raises(ContractError, match=r"Config\.idle = 'b' changes nothing"):
        MODEL_CHECKS["options"](case_of(OfMolecules, config=Idle))


@pytest.mark.parametrize("used", [False, True])
def test_options_that_add_parameters(used: bool) -> None:
    @dataclass(frozen=True)
    class Optional:
        width: int = 4
        bias: bool = False

    class Biased(OfMolecules):
        def __init__(self, config: Any, spec: MoleculeSpec) -> None:
            super().__init__(config, spec)
            self.bias = nn.Parameter(torch.zeros(config.width)) if config.bias else None

        def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
            output = super().forward(batch)
            return output if self.bias is None or not used else replace(output, graphs=output.graphs + self.bias)

    case = case_of(Biased, config=Optional)
    if used:
        MODEL_CHECKS["options"](case)
        return
    with pytest.raises(ContractError, match=r"Config\.bias = True changes nothing"):
        MODEL_CHECKS["options"](case)


def test_presets_and_exemptions() -> None:
    case = case_of(OfMolecules, gradient_exempt={"table": "it does get one"})
    with pytest.raises(ContractError, match="excuses no parameter"):
        MODEL_CHECKS["gradients"](case)
    for change, message in (
        ({"PRESETS": {}}, "no 'tiny'"),
        ({"PRESETS": {"tiny": 3}}, "not a Config"),
        ({"Model": nn.Linear}, "not a MoleculeModel"),
    ):
        vars(case.module).update(change)
        with pytest.raises(ContractError, match=message):
            MODEL_CHECKS["interface"](case)
    for model in (nn.Linear, type("Model", (OfImages,), {"modality": "smells"})):
        case.module.Model = model
        with pytest.raises(ContractError, match="modality"):
            check_model(case.module)


def test_what_no_output_reaches_cannot_be_excused() -> None:
    case = case_of(OfMolecules, "unused", gradient_exempt={"unused": "nothing reads it"})
    with pytest.raises(ContractError, match="no gradient from any output: unused"):
        MODEL_CHECKS["gradients"](case)


def test_other_values() -> None:
    assert other_values("mode", "a", Literal["a", "b", "c"]) == ["b", "c"]
    assert other_values("bias", True, bool) == [False]
    assert other_values("depths", (1, 2), tuple[int, ...]) == [(1, 3)]
    values = {"depth": 2, "width": 16, "heads": 4, "rate": 0.5}
    assert [other_values(name, value, type(value)) for name, value in values.items()] == [[3], [32], [8], [0.75]]
    with pytest.raises(ContractError, match="cannot be varied"):
        other_values("name", "text", str)


class Points(Modality):
    """A third party's kind of thing: points in the plane, of which a mirror image is the same."""

    name, items, levels = "points", "points", ("point",)
    symmetries = (
        Symmetry("mirror", lambda batch, generator: (PointBatch(batch.rows, -batch.at), lambda level, rows: rows)),
    )

    def open(self, folder: Any) -> Any:
        raise NotImplementedError

    describe = open

    def sample(self, seed: int = 0) -> Sample:
        spec = SimpleNamespace(labels=(Label("mass", "point"),))
        return Sample(spec, 5, lambda places, spec: PointBatch.of(places, seed), {"at once": (1, 1)})


@dataclass(frozen=True)
class PointBatch:
    rows: torch.Tensor
    at: torch.Tensor

    @classmethod
    def of(cls, places: Sequence[int], seed: int) -> PointBatch:
        rows = torch.tensor(list(places))
        return cls(rows, torch.stack([1.0 + seed + rows, 0.5 - rows], dim=1))

    @property
    def num_items(self) -> int:
        return len(self.rows)


@pytest.mark.parametrize("fault", ["", "turned", "crowd"])
def test_a_model_with_nothing_but_embed(fault: str) -> None:
    """What a third party's model has is enough for all checks."""

    class Model(nn.Module):
        def __init__(self, config: Config, spec: Any) -> None:
            super().__init__()
            self.width, self.layer = config.width, nn.Linear(2, config.width, bias=False)

        def embed(self, batch: PointBatch) -> torch.Tensor:
            rows = self.layer(batch.at.to(self.layer.weight.dtype))
            rows = rows if fault == "turned" else rows.abs()
            return rows * batch.num_items if fault == "crowd" else rows

    module = SimpleNamespace(__name__="toy", Config=Config, PRESETS={"tiny": Config()}, Model=Model)
    case, failed = ModelCase(module, Points()), []
    for name, check in model_checks(case).items():
        try:
            check(case)
        except ContractError:
            failed.append(name)
    assert failed == {"": [], "turned": ["symmetries"], "crowd": ["items", "odd_items"]}[fault]
