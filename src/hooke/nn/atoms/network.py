"""A potential with its scale, and with what its energies are relative to."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.nn.atoms.energy_model import ELEMENTS, frame_sum


class EnergyNetwork(nn.Module):
    """An encoder whose outputs are energies.

    Attributes:
        scale: (M,) eV; buffers, as are
        offsets: (elements, M) float64 eV an atom: of the isolated atom plus what it adds on average.
    """

    scale: Tensor
    offsets: Tensor

    def __init__(self, encoder: nn.Module, spec: AtomsSpec) -> None:
        super().__init__()
        self.encoder = encoder
        methods = [label.method for label in spec.energies]
        self.register_buffer("scale", torch.tensor([spec.scale.get(method, 1.0) for method in methods]))
        table = torch.zeros(ELEMENTS, len(methods), dtype=torch.float64)
        for column, method in enumerate(methods):
            for each in (spec.e0, spec.shift):
                if method in each:
                    table[list(spec.elements), column] += torch.tensor(each[method], dtype=torch.float64)
        self.register_buffer("offsets", table)

    def forward(self, batch: AtomsBatch) -> Float[Tensor, "frames methods"]:
        """Energies less the offsets, eV."""
        return self.encoder(batch) * self.scale

    def embed(self, batch: AtomsBatch) -> Float[Tensor, "frames width"]:
        """Of the encoder."""
        return self.encoder.embed(batch)  # type: ignore[operator]

    def offsets_of(self, batch: AtomsBatch) -> Float[Tensor, "frames methods"]:
        """(F, M) float64 eV: the offsets of the atoms of each frame."""
        return frame_sum(self.offsets.index_select(0, batch.numbers), batch)
