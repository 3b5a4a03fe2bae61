"""A simulated screen with known truth: guides and compounds in gene modules, with the nuisances of real screens."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.how import QUIET, How
from hooke.images.simulated.config import ScreenConfig

if TYPE_CHECKING:
    from hooke.images.store import ImageStore

CARD = Card(
    name="screen",
    title="A simulated screen with known truth",
    description=(
        "Simulated: no microscope took these images. Cells in 5 or 6 channels, perturbed by guides and compounds whose gene "
        "modules are known, across experiments and plates that differ in staining, light, focus, density and edges. "
        "style=jump_cp or style=rxrx1; any size, any seed. relations.csv in the store holds the true relations."
    ),
    modality="images",
    source="rendered by Hooke itself (hooke.images.simulated.screen)",
    licence="Apache-2.0, like Hooke",
    citation="",
    size="by default 816 fields of 64 x 64 pixels",
    levels=("field",),
    split="by experiment; style=rxrx1 also as in the RxRx1 task (hooke.images.reading.published.wilds_split)",
    notes="Numbers measured on it compare methods under known conditions; they say nothing about biology.",
)


@dataclass(frozen=True)
class Config(ScreenConfig):
    """How large and how strong; see `ScreenConfig`. The defaults render in under a minute on two cores."""

    size: int = 64
    modules: int = 10
    lone_genes: int = 8
    compounds: int = 0
    experiments: int = 6
    coverage: float = 0.5
    tile: int = 64


class Dataset(datasets.Dataset[Config]):
    """The screen as a store."""

    @property
    def screen(self) -> ScreenConfig:
        """What is rendered."""
        values = asdict(self.config)
        del values["tile"]
        return ScreenConfig(**values)

    def prepare(self, folder: Path, how: How = How()) -> ImageStore:
        """Render the screen into a store below `folder`, or open it if it is already there; a killed run continues."""
        from hooke.core.hashing import content_hash
        from hooke.images.simulated.screen import SCREEN_VERSION, write_screen

        name = f"{CARD.name}-{content_hash([SCREEN_VERSION, self.config])[:12]}"
        return write_screen(
            Path(folder) / name,
            self.screen,
            tile=self.config.tile,
            workers=how.workers,
            show_progress=how.show_progress,
        )

    def twin(self, folder: Path, seed: int = 0) -> ImageStore:
        """A small screen."""
        small = Config(
            seed=seed, size=48, modules=2, genes_per_module=2, lone_genes=1, inactive_genes=1, guides=2, compounds=2,
            experiments=2, coverage=1.0, controls=3, sites=1, tile=48,
        )  # fmt: skip
        return Dataset(small).prepare(folder, QUIET)
