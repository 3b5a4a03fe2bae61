"""A user's own table of profiles: Parquet (also what `hooke embed` writes of images), AnnData, CellProfiler, DeepProfiler, or a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

CARD = Card(
    name="profiles",
    title="Your own table of profiles",
    description=(
        "One vector a cell, well or perturbation: Parquet, AnnData, CellProfiler tables, DeepProfiler folders, or a store; "
        "target names the metadata columns that are to be predicted."
    ),
    modality="cells",
    source="a file of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("profile",),
    split="random by default (whole wells); plate, experiment, batch, group or a column of your own",
)
_TWIN_PERTURBATIONS, _TWIN_PLATES, _TWIN_FEATURES = 8, 3, 12


@dataclass(frozen=True)
class Config:
    """Which table and how it is read.

    Attributes:
        path: The file or folder; see `hooke.cells.files.read_profiles`.
        metadata: A table that is joined by the columns that both have.
        target: Columns that are to be predicted, "a,b" or names: texts are classes, numbers a regression, 0 and 1 a yes or no.
        groups: Further columns of numbers that are no features: what belongs together (for data.split.kind=group), counts.
    """

    path: str = ""
    metadata: str = ""
    target: tuple[str, ...] | str = ()
    groups: tuple[str, ...] | str = ()


class Dataset(datasets.Dataset[Config]):
    """The table as a store."""

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the table into a store below `folder`, or open the store if these files with these options are there already.

        Raises:
            UsageError: No file is named, or a target is no label.
            UnknownNameError: No such column.
            DataError: A file cannot be read.
        """
        from hooke.cells.files import file_hash
        from hooke.cells.store import prepared

        if not self.config.path:
            raise UsageError("data.path is missing: name the table, for example data.path=wells.parquet")
        path, targets, groups = Path(self.config.path), _names(self.config.target), _names(self.config.groups)
        tables = [file_hash(path), file_hash(Path(self.config.metadata)) if self.config.metadata else ""]
        return prepared(
            folder, path.resolve().name.split(".")[0], [tables, targets, groups], lambda: self._read([*targets, *groups]),
            targets=targets, description={"source": path.name},
        )  # fmt: skip

    def _read(self, described: list[str]) -> Profiles:
        from hooke.cells.files import read_profiles

        metadata = Path(self.config.metadata) if self.config.metadata else None
        return read_profiles(Path(self.config.path), metadata).features_as_metadata(described)

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Made-up wells of some perturbations and controls on plates that differ, written and read like any other table."""
        import numpy as np
        import polars as pl

        from hooke.cells.profiles import Profiles

        generator = np.random.default_rng(seed)
        effects = 2 * generator.normal(size=(_TWIN_PERTURBATIONS, _TWIN_FEATURES))
        rows, values = [], []
        for plate in range(_TWIN_PLATES):
            shift = generator.normal(size=_TWIN_FEATURES)
            for number in range(2 * _TWIN_PERTURBATIONS + 4):
                treated = number < 2 * _TWIN_PERTURBATIONS
                effect = effects[number // 2] if treated else np.zeros(_TWIN_FEATURES)
                values.append(effect + shift + generator.normal(size=_TWIN_FEATURES))
                rows.append({
                    "plate": f"P{plate}", "well": f"{'ABCD'[number // 6]}{number % 6 + 1:02d}", "batch": f"day{plate}",
                    "perturbation": f"twin{number // 2}" if treated else "none", "control": "" if treated else "negative",
                    "viability": float(1 - 0.1 * np.abs(effect).mean() + 0.01 * generator.normal()),
                })  # fmt: skip
        path = Path(folder) / f"twin-{seed}.parquet"
        Profiles.of_embeddings(np.array(values), pl.DataFrame(rows)).write(path)
        return Dataset(Config(str(path), target=("perturbation", "viability"))).prepare(folder, QUIET)


def _names(given: tuple[str, ...] | str) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given
    return [part.strip() for part in parts if part.strip()]
