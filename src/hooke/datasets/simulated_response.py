"""A simulated screen of perturbed cells with known truth: made on this machine, for trying out models of responses and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.cells.response_store import MeasuredResponses, ResponseStore
    from hooke.cells.simulated_response import SimulationConfig

CARD = Card(
    name="simulated_response",
    title="Simulated responses of cells to perturbations",
    description=(
        "Cells under single and paired perturbations in a strong and a weak context; effects follow modules of a gene graph, pairs add up "
        "but for a small interaction; one row a condition, its mean change of log1p counts per 10,000; the graph comes with it."
    ),
    modality="perturbations",
    source="simulated by Hooke",
    licence="none needed",
    citation="",
    size="8,000 cells of 200 read-outs by default",
    levels=("response",),
    split="by perturbation: whole genes",
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
    """The responses of the simulated cells as a store, with the planted graph."""

    def prepare(self, folder: Path, how: How = How()) -> ResponseStore:
        """Simulate the screen into a store below `folder`, or open it if it is already there."""
        from dataclasses import asdict

        from hooke.cells.response_store import prepared
        from hooke.cells.simulated_response import SimulationConfig

        config = SimulationConfig(**asdict(self.config))
        return prepared(
            folder, CARD.name, [asdict(config)], lambda: _responses(config), description={"simulated": True}
        )

    def twin(self, folder: Path, seed: int = 0) -> ResponseStore:
        """The same kind of screen, small."""
        config = Config(seed=seed, modules=3, genes_a_module=2, readouts=20, cells=6, controls=10, pairs=3)
        return Dataset(config).prepare(folder, QUIET)


def _responses(config: SimulationConfig) -> MeasuredResponses:
    from dataclasses import replace

    from hooke.cells.expression import TableExpression
    from hooke.cells.pseudobulk import measured_responses
    from hooke.cells.screen import Columns, Scale
    from hooke.cells.simulated_response import TARGET_SUM, simulate

    simulated = simulate(config)
    found = measured_responses(
        TableExpression(Path(CARD.name), simulated.profiles), Columns(), Scale("log1p", TARGET_SUM), show_progress=False
    )
    return replace(found, edges=simulated.edges)
