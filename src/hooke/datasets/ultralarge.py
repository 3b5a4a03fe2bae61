"""UltraLarge: PM6_83M, 83 million molecules with 62 labels of molecules and 7 of atoms from PM6 calculations.

Graphium's documentation names the archive (doi:10.5281/zenodo.8370547) but not its files, columns or splits, and no
other source that could be read does. So nothing is guessed here: download the Parquet files from the archive and name
them (`files`), with the column patterns that they have; they are then prepared like LargeMix's PCQM4M, in constant
memory.

Source: Beaini et al. 2024; github.com/datamol-io/graphium, docs/datasets.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import UsageError
from hooke.core.how import How
from hooke.core.label import Label
from hooke.molecules.tables.description import Table

ARCHIVE = "https://doi.org/10.5281/zenodo.8370547"
CARD = Card(
    name="ultralarge",
    title="UltraLarge: PM6_83M, 83 million molecules with PM6 labels",
    description=(
        "62 graph and 7 node labels of four electronic states (S0, T0, cation, anion), from files that you download."
    ),
    modality="molecules",
    source=f"{ARCHIVE} (address: Graphium's documentation, github.com/datamol-io/graphium, docs/datasets.md)",
    licence="Graphium's documentation states none for the data (its code: Apache-2.0); PubChemQC has its own terms",
    citation="ultralarge",
    size="83 million molecules, 62 graph and 7 node labels",
    levels=("graph", "node"),
    split="not stated by a source that could be read; name a .pt file of row numbers (split), or split in the recipe",
    notes=(
        "File names and checksums are not stated by a source that could be read: download by hand, then "
        "files=a.parquet,b.parquet."
    ),
)


@dataclass(frozen=True)
class Config:
    """Which files, and what their columns are called (by default as in LargeMix's PCQM4M).

    Attributes:
        files: Parquet files, separated by commas or as a list.
        split: A `.pt` file of row numbers, counted through all files from 0, or nothing.
        smiles: SMILES column; its atom numbers, if it has any, order the labels of atoms.
        graph, node: Patterns of the label columns of molecules and of atoms; "" for none.
    """

    files: tuple[str, ...] | str = ()
    split: str = ""
    smiles: str = "ordered_smiles"
    graph: str = "graph_*"
    node: str = "node_*"


class Dataset(datasets.TableDataset[Config]):
    """The named files as a store."""

    def __init__(self, config: Config) -> None:
        columns = tuple(
            (pattern, label)
            for pattern, label in ((config.graph, Label("molecule")), (config.node, Label("atom", "node")))
            if pattern
        )
        files = (RemoteFile("twin.parquet"),)  # the real ones have the user's names
        counts = {config.graph: 62, config.node: 7}
        table = Table(
            columns, config.smiles, files, split_file=RemoteFile("twin.pt"), counts=counts, name="pm6", by_columns=True
        )
        super().__init__(config, CARD.name, {"pm6": table})

    def files(self, how: How = How()) -> list[Path]:
        """Not downloaded by Hooke: the named files are the user's."""
        return datasets.Dataset.files(self, how)

    def at_hand(self, folder: Path, how: How = How()) -> list[Table]:
        """The named files as one table.

        Raises:
            UsageError: No file is named.
        """
        names = self.config.files.split(",") if isinstance(self.config.files, str) else self.config.files
        files = tuple(Path(name.strip()) for name in names if name.strip())
        if not files:
            raise UsageError(
                f"download the Parquet files of {ARCHIVE} and name them: files=FIRST.parquet,SECOND.parquet"
            )
        split = Path(self.config.split) if self.config.split else None
        return [replace(self.tables["pm6"], paths=files, split_path=split)]
