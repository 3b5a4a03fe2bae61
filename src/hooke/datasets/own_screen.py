"""A user's own screen of perturbed cells: AnnData, or a table of wells; one condition a row, as its change from control."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.cells.response_store import MeasuredResponses, ResponseStore

CARD = Card(
    name="own_screen",
    title="Your own screen of perturbed cells",
    description=(
        "Cells (.h5ad, streamed) or wells under sets of genes or compounds, with controls; read into the mean change of each perturbation in "
        "each context from the controls of its own batches."
    ),
    modality="perturbations",
    source="a file of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("response",),
    split="by perturbation: whole genes and compounds",
)


@dataclass(frozen=True)
class Config:
    """Which file, and which of its columns say what; what is not named is guessed and said, as in `hooke response check`.

    Attributes:
        path: The screen.
        scale: "counts", "log1p" or "z-score"; "" takes the file's own word.
        layer: A layer instead of X.
        perturbation, context, batch: Columns; "" guesses.
        control: Texts of controls, separated by commas.
        compounds: Whether perturbations are compounds; then `smiles` is needed.
        smiles: A table with the columns compound and smiles.
        dose, unit, hours: Of compounds: the column of doses, their unit, the column of times.
    """

    path: str = ""
    scale: str = ""
    layer: str = ""
    perturbation: str = ""
    context: str = ""
    batch: str = ""
    control: str = ""
    compounds: bool = False
    smiles: str = ""
    dose: str = ""
    unit: str = ""
    hours: str = ""


class Dataset(datasets.Dataset[Config]):
    """The screen as a store of responses."""

    def check(self) -> None:
        """The files are named, and are there."""
        if not self.config.path:
            raise UsageError("data.path is missing: name the screen, for example data.path=screen.h5ad")
        if self.config.compounds and not self.config.smiles:
            raise UsageError("data.compounds needs data.smiles: a table with the columns compound and smiles")
        for name in (self.config.path, self.config.smiles):
            if name and not Path(name).exists():
                raise DataError(f"there is no file {name}")

    def prepare(self, folder: Path, how: How = How()) -> ResponseStore:
        """One pass over the screen into a store below `folder`, or the one that is there; a stopped pass goes on.

        Raises:
            UsageError: No file is named, or no scale is declared.
            DataError: The file is at fault.
        """
        from dataclasses import asdict

        from hooke.cells.files import file_hash
        from hooke.cells.response_store import prepared

        self.check()
        path = Path(self.config.path)
        hashes = [file_hash(path), *([file_hash(Path(self.config.smiles))] if self.config.smiles else [])]
        options = {name: value for name, value in asdict(self.config).items() if name not in ("path", "smiles")}
        return prepared(
            folder, path.resolve().name.split(".")[0], [hashes, options], lambda: self._read(folder, how),
            description={"source": path.name},
        )  # fmt: skip

    def _read(self, folder: Path, how: How) -> MeasuredResponses:
        from hooke.cells.expression import open_expression
        from hooke.cells.files import read_structures
        from hooke.cells.pseudobulk import measured_responses
        from hooke.cells.screen import Columns, Scale
        from hooke.core.hashing import content_hash

        config, path = self.config, Path(self.config.path)
        columns = Columns(
            config.perturbation or None, config.context or None, config.batch or None,
            tuple(text.strip() for text in config.control.split(",") if text.strip()), "compounds" if config.compounds else None,
            config.dose, config.unit, config.hours,
        )  # fmt: skip
        passed = Path(folder) / f"pass-{content_hash([str(path.resolve()), config.layer])[:12]}"
        with open_expression(path, config.layer or None) as expression:
            return measured_responses(
                expression, columns, Scale(config.scale) if config.scale else None, passed,
                smiles=read_structures(Path(config.smiles)) if config.smiles else {},
                show_progress=how.show_progress,
            )  # fmt: skip

    def twin(self, folder: Path, seed: int = 0) -> ResponseStore:
        """Simulated cells, written and read like any other screen."""
        from hooke.cells.simulated_response import SimulationConfig, simulate

        path = Path(folder) / f"screen-{seed}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        config = SimulationConfig(seed=seed, modules=3, genes_a_module=2, readouts=20, cells=6, controls=10, pairs=3)
        simulate(config).profiles.write(path)
        return Dataset(Config(str(path), scale="log1p")).prepare(folder, QUIET)
