"""Wells of the simulated screen as profiles: hand-crafted features of its images, with the perturbation of each well to be predicted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core import registry
from hooke.core.cards import Card
from hooke.core.how import QUIET, How
from hooke.images.simulated.config import ScreenConfig

if TYPE_CHECKING:
    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore
    from hooke.images.store import ImageStore

CARD = Card(
    name="screen_profiles",
    title="Profiles of a simulated screen",
    description=(
        "Simulated: no microscope took the images. One profile a well, the mean over its fields of intensity, texture, shape and "
        "correlation features; target names what is to be predicted: gene, perturbation, perturbation_type ..."
    ),
    modality="cells",
    source="measured by Hooke on its own simulated screen (hooke.images.simulated)",
    licence="Apache-2.0, like Hooke",
    citation="",
    size="by default 224 wells, 193 features",
    levels=("profile",),
    split="by experiment, or whole wells",
    notes="Numbers measured on it compare methods under known conditions; they say nothing about biology.",
)


@dataclass(frozen=True)
class Config(ScreenConfig):
    """The screen, see `ScreenConfig`, and what is to be predicted.

    Attributes:
        target: A metadata column.
    """

    size: int = 64
    modules: int = 4
    lone_genes: int = 4
    inactive_genes: int = 0
    compounds: int = 0
    experiments: int = 4
    sites: int = 1
    target: str = "gene"


class Dataset(datasets.Dataset[Config]):
    """The wells as a store."""

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Render the screen and measure it into a store below `folder`, or open the store if it is already there."""
        from hooke.cells.store import prepared
        from hooke.images.simulated.screen import SCREEN_VERSION, STATEMENT

        return prepared(
            folder, CARD.name, [SCREEN_VERSION, self.config], lambda: _measured(self._images(folder, how), how),
            targets=(self.config.target,), description={"simulated": True, "statement": STATEMENT},
        )  # fmt: skip

    def _images(self, folder: Path, how: How) -> ImageStore:
        screen = registry.module("datasets", "screen")
        options = {field.name: getattr(self.config, field.name) for field in fields(ScreenConfig)}
        return screen.Dataset(screen.Config(**options)).prepare(folder, how)

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """A small screen."""
        small = Config(
            seed=seed, size=32, modules=2, genes_per_module=2, lone_genes=1, guides=1, experiments=2, controls=3,
        )  # fmt: skip
        return Dataset(small).prepare(folder, QUIET)


def _measured(images: ImageStore, how: How) -> Profiles:
    from hooke.cells.profiles import Profiles
    from hooke.images.features import store_features
    from hooke.images.wells import Wells

    values, names = store_features(images, workers=how.workers, show_progress=how.show_progress)
    wells = Wells.of(images)
    return Profiles(wells.means(values), wells.table, names)
