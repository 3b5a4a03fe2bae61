"""A simulated screen with known truth: images of cells that no microscope took, for tests, tuning and teaching.

It has the plan of real screens: a library of perturbations in known gene modules, in wells on plates in experiments, with the
nuisances of real ones. It knows the right answer: `relations()` says which genes and compounds truly belong together,
`batch_truth` what each experiment did. Every store made from it says that it is simulated. The same config gives the same
bytes, field by field, in any order and on any number of processes.

Numbers measured on it say how methods compare under known conditions; they are no measurements of biology.
"""

from __future__ import annotations

import functools
import io
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.hashing import content_hash
from hooke.images.reading.building import Done, Header, build_store
from hooke.images.reading.metadata import complete
from hooke.images.simulated.cells import draw_cells
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.library import NONE, Library, make_library
from hooke.images.simulated.optics import photograph
from hooke.images.simulated.plates import batch_truth, make_experiments, make_wells, plate_shape_for, well_conditions
from hooke.images.store import DEFAULT_TILE, ImageStore

SCREEN_VERSION = 1  # raise it when the same config would give other pixels
RELATIONS, EFFECTS, BATCHES = "relations.csv", "effects.parquet", "batch_effects.parquet"
STATEMENT = "simulated by Hooke: not taken by a microscope"
POSITIVE_CONTROLS = 4


class Screen:
    """One simulated screen.

    Attributes:
        config: Its size and strengths.
        library: Its perturbations and their true effects.
        fields: One row a field, with the standard columns of `images.reading.metadata`; the truth is not in it.
    """

    def __init__(self, config: ScreenConfig) -> None:
        self.config = config
        self.library: Library = make_library(config)
        self._wells = make_wells(config, self.library)
        self._experiments = make_experiments(config)
        self._shape = plate_shape_for(int(self._wells.group_by("experiment_number", "plate_number").len()["len"].max()))  # type: ignore[arg-type]
        self.fields = self._fields()

    def __len__(self) -> int:
        """Number of fields."""
        return len(self.fields)

    def relations(self) -> pl.DataFrame:
        """The true relations; see `Library.relations`."""
        return self.library.relations()

    def batch_truth(self) -> pl.DataFrame:
        """What each experiment truly does."""
        return batch_truth(self.config)

    def render(self, row: int) -> np.ndarray:
        """The pixels of one field: (C, size, size) uint8 or uint16."""
        well = self._wells.row(row // self.config.sites, named=True)
        experiment = self._experiments[well["experiment_number"]]
        numbers = well["experiment_number"], well["plate_number"]
        conditions = well_conditions(self.config, experiment, numbers, (well["row"], well["column"]), self._shape)
        traits = conditions.traits + experiment.response * self.library.effects[well["perturbation_number"]]
        generator = np.random.default_rng((self.config.seed, 7, row))
        light = draw_cells(traits, self.config.size, generator)
        return photograph(light, self.config.channels, conditions, self.config.dtype, generator)

    def _fields(self) -> pl.DataFrame:
        perturbations = self.library.table.drop("module").with_row_index("perturbation_number")
        wells = (
            self._wells.with_row_index("place")
            .join(
                perturbations.with_columns(pl.col("perturbation_number").cast(pl.Int64)),
                on="perturbation_number",
                how="left",
            )
            .sort("place")
        )
        names = [experiment.name for experiment in self._experiments]
        kinds = [experiment.cell_type for experiment in self._experiments]
        wells = wells.with_columns(
            pl.col("experiment_number").replace_strict(dict(enumerate(names))).alias("experiment"),
            pl.col("experiment_number").replace_strict(dict(enumerate(kinds))).alias("cell_type"),
            self._control(),
        )
        plate = pl.col("plate_number").cast(pl.String)
        wells = wells.with_columns(
            (plate if self.config.style == "rxrx1" else pl.concat_str("experiment", pl.lit("_P"), plate)).alias("plate")
        )
        fields = wells.join(pl.DataFrame({"site": range(1, self.config.sites + 1)}), how="cross")
        return complete(fields.drop("place", "experiment_number", "plate_number", "perturbation_number"))

    def _control(self) -> pl.Expr:
        """Untreated wells are negative controls; the strongest few perturbations positive ones, as screens choose them."""
        strength = np.linalg.norm(self.library.effects, axis=1)
        strongest = self.library.table["perturbation"][
            np.argsort(-strength, kind="stable")[:POSITIVE_CONTROLS]
        ].to_list()
        name = pl.col("perturbation")
        negative = pl.when(name == NONE).then(pl.lit("negative"))
        return negative.when(name.is_in(strongest)).then(pl.lit("positive")).otherwise(pl.lit("")).alias("control")


def write_screen(
    folder: Path,
    config: ScreenConfig,
    *,
    tile: int = DEFAULT_TILE,
    workers: int | None = None,
    show_progress: bool = True,
) -> ImageStore:
    """Render a whole screen into a store, or open it if it is already there; a killed run continues.

    Beside the images lie the truth: `relations.csv`, `effects.parquet` and `batch_effects.parquet`.
    """
    screen = _screen(config)
    content = [SCREEN_VERSION, asdict(config), tile]
    files = {
        RELATIONS: screen.relations().write_csv().encode(),
        EFFECTS: _parquet(screen.library.truth()),
        BATCHES: _parquet(screen.batch_truth()),
    }
    description = {"simulated": True, "statement": STATEMENT, "screen": asdict(config), "version": SCREEN_VERSION}
    header = Header(content_hash(content), config.channels, config.dtype, min(tile, config.size), description)
    jobs = [(config, start) for start in range(0, len(screen), config.sites)]
    return build_store(
        folder, header, screen.fields, jobs, _render_well, files=files, workers=workers, description="simulating a screen",
        show_progress=show_progress,
    )  # fmt: skip


def _render_well(job: tuple[ScreenConfig, int]) -> Done:
    """In a worker: all fields of a well."""
    config, start = job
    screen = _screen(config)
    rows = tuple(range(start, start + config.sites))
    return Done(rows, tuple(screen.render(row) for row in rows))


@functools.lru_cache(maxsize=2)
def _screen(config: ScreenConfig) -> Screen:
    return Screen(config)


def _parquet(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_parquet(buffer)
    return buffer.getvalue()
