"""A simulated screen of perturbed cells with known truth: made on this machine, for trying out models of responses and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.cells.store import ProfileStore

CARD = Card(
    name="simulated_response",
    title="Simulated responses of cells to perturbations",
    description=(
        "Cells under single and paired perturbations in a strong and a weak context; effects follow modules of a gene graph, pairs add up "
        "but for a small interaction; one row a cell, log1p of counts per 10,000."
    ),
    modality="cells",
    source="simulated by Hooke",
    licence="none needed",
    citation="",
    size="8,000 cells of 200 read-outs by default",
    levels=("profile",),
    split="by perturbation: hooke response fit",
)


@dataclass(frozen=True)
class Config:
    """Sizes and strengths; see `hooke.cells.simulated_response.SimulationConfig`."""

    seed: int = 0
    modules: int = 12
    genes_a_module: int = 5
    readouts: int = 200
    cells: int = 40
    controls: int = 200
    pairs: int = 30


class Dataset(datasets.Dataset[Config]):
    """The simulated cells as a store."""

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Simulate the screen into a store below `folder`, or open it if it is already there."""
        from dataclasses import asdict

        from hooke.cells.simulated_response import SimulationConfig, simulate
        from hooke.cells.store import prepared

        config = SimulationConfig(**asdict(self.config))
        return prepared(folder, CARD.name, [asdict(config)], lambda: simulate(config).profiles)

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """The same kind of screen, small."""
        config = Config(seed=seed, modules=3, genes_a_module=2, readouts=20, cells=6, controls=10, pairs=3)
        return Dataset(config).prepare(folder, QUIET)
