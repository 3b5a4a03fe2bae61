"""shelfmix: seventeen public tables learned together, without the molecules that the suites test on.

Members are named, and come through the registry: ten tables of `moleculenet`, five of `shelf`, the counts of `l1000`, and `pocketmix` (its part
"pretrain"), whose GFN2-xTB charges are labels of atoms; its bond orders stay out, since a mixture has no labels of bonds. `zinc250k` of
`shelf` has no labels: its molecules are learnt from by their computed descriptors (`descriptors`) or another encoder's vectors (`vectors`).

A molecule is left out when the first block of its InChIKey (its connectivity) is that of a test molecule of `held_out`: their published
test rows, else the scaffolds of `molecules.held_out`. How many rows that took is in the store's metadata ("held_out") and each of them in
`rejected.parquet`.

Labels are called `tox21/NR-AR`, `chembl/CHEMBL1075051`, ... QM7 and QM9 energies grow with the molecule; all regression labels are
standardised by their training rows in `multitask`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke import datasets
from hooke.core import registry
from hooke.core.cards import Card
from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET, How
from hooke.core.options import choose, later
from hooke.molecules.tables.description import Table

if TYPE_CHECKING:
    from hooke.molecules.store import MoleculeStore

MEMBERS: dict[str, str] = {
    **dict.fromkeys(
        ("tox21", "toxcast", "muv", "sider", "clintox", "qm7", "qm8", "freesolv", "esol", "lipophilicity"),
        "moleculenet",
    ),
    **dict.fromkeys(("chembl", "qm9", "pcqm4mv2", "zinc", "zinc250k"), "shelf"),
    "l1000": "l1000",
    "pocketmix": "pocketmix",
}
# What the encoder "tiny" was made of: origins that let anyone use and share what is learned; one more would change its recipe.
PERMISSIVE = ("tox21", "toxcast", "muv", "freesolv", "qm9", "pcqm4mv2", "zinc250k")
SUITES: dict[str, str] = {name: name for name in ("admet", "moleculeace", "moleculenet")}
_NOT_AT_HAND = ("bace", "hiv")  # tables of moleculenet that no mirror holds and no suite here tests on
CARD = Card(
    name="shelfmix",
    title="shelfmix: 17 public tables, about 1,400 sparse labels, evaluation molecules left out",
    description=f"tables=all, permissive, or some of {','.join(MEMBERS)}; held_out=all, none, or some of {','.join(SUITES)}.",
    modality="molecules",
    source="the data sets moleculenet, shelf, l1000 and pocketmix; see their cards",
    licence=(
        "MIT and Apache-2.0 repositories; ChEMBL CC BY-SA 3.0; LINCS L1000 CC BY 4.0; pocketmix CC BY 4.0, BSD-3-Clause, CC0 and "
        "Apache-2.0; the underlying sources have their own terms"
    ),
    citation="shelfmix",
    size="218,000 rows before molecules are left out; 1,414 labels of molecules, 1 of atoms, most of them unmeasured",
    levels=("graph", "node"),
    split="none: choose one in the recipe",
    notes=(
        "Two tables may hold the same molecule: it is then two rows, each with its own labels. With pocketmix molecules are kept as they "
        "are (no `standardise`), since their atoms carry labels."
    ),
)


@dataclass(frozen=True)
class Config:
    """Which tables, and the test molecules of which data sets are left out.

    Attributes:
        tables: Names in `MEMBERS`; "permissive" for those of `PERMISSIVE`.
        held_out: Names in `SUITES`.
        muv_share: Of MUV's rows that is taken: they are more than half of all, and hardly a five-hundredth is active.
        descriptors: Whether every molecule also carries its computed descriptors as labels (`molecules.descriptors.quick_descriptors`).
        vectors: A file of `hooke embed` with vectors of these molecules by another encoder, to be learnt as labels (distillation); "" for none.
        components: Principal components of these vectors that are learnt in place of the numbers themselves; 0 for the numbers.
        vectors_weight: Mean weight of these labels; components weigh as their standard deviation (`molecules.tables.vectors`).
    """

    tables: tuple[str, ...] | str = "all"
    held_out: tuple[str, ...] | str = "all"
    muv_share: float = later(1.0)
    descriptors: bool = later(False)
    vectors: str = later("")
    components: int = later(0)
    vectors_weight: float = later(1.0)

    def __post_init__(self) -> None:
        _chosen(self.tables)
        if not 0 < self.muv_share <= 1:
            raise ValueError(f"muv_share must lie in (0, 1], got {self.muv_share}")
        if self.components < 0:
            raise ValueError(f"components must be 0 or a number of principal components, got {self.components}")
        if not self.vectors_weight > 0:
            raise ValueError(f"vectors_weight must be above 0, got {self.vectors_weight}")
        if self.held_out != "none":
            choose("data set that is held out", self.held_out, SUITES)


class Dataset(datasets.Dataset[Config]):
    """The mixture as a store."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.tables = _chosen(config.tables)
        chosen = {} if config.held_out == "none" else choose("data set that is held out", config.held_out, SUITES)
        self.held_out = tuple(chosen)

    @property
    def table_names(self) -> tuple[str, ...]:
        """See `datasets.Dataset.table_names`."""
        return tuple(MEMBERS)

    def files(self, how: How = How()) -> list[Path]:
        """The raw files of all members, from the mirror or downloaded."""
        return [path for name, home in self.tables.items() for path in table_of(home, name).files(how)]

    def prepare(self, folder: Path, how: How = How()) -> MoleculeStore:
        """Make the store below `folder`, or open it; files are downloaded first if need be."""
        files = Path(folder) / "files"
        tables = [_named(name, *table_of(home, name).at_hand(files, how)) for name, home in self.tables.items()]
        tables = [replace(table, share=self.config.muv_share if table.name == "muv" else 1.0) for table in tables]
        blocks = [held_out_blocks(home, how) for home in self.held_out]
        return self._mix(tables, folder, how, frozenset().union(*blocks))

    def twin(self, folder: Path, seed: int = 0) -> MoleculeStore:
        """Twins of five members, one with labels of atoms and one without any; none of the molecules that `molecules.held_out` tests on."""
        from hooke.molecules.held_out import blocks_of
        from hooke.molecules.tables.rows import held_out_smiles

        files = Path(folder) / "files"
        members = {name: table_of(MEMBERS[name], name) for name in ("tox21", "esol", "qm9", "zinc250k", "pocketmix")}
        tables = [_named(name, *member.twins(files, seed)) for name, member in members.items()]
        blocks = blocks_of(text for table in tables for text in held_out_smiles(table))
        return self._mix(tables, folder, QUIET, blocks)

    def _mix(self, tables: list[Table], folder: Path, how: How, excluded: frozenset[str]) -> MoleculeStore:
        from hooke.molecules.tables.ingest import IngestOptions, prepare_tables

        vectors = Path(self.config.vectors) if self.config.vectors else None
        options = IngestOptions(
            excluded, self.config.descriptors, vectors, self.config.components, self.config.vectors_weight
        )
        return prepare_tables(tables, Path(folder), CARD.name, how, options)


def _named(name: str, table: Table) -> Table:
    """A table as a part of the mixture, which has no split of its own; lines of SMILES have no columns to read by."""
    return replace(table, name=name, by_columns=bool(table.columns), parts=(), split_column=None)


def _chosen(tables: tuple[str, ...] | str) -> dict[str, str]:
    """Table -> the data set that holds it."""
    return choose("table of shelfmix", PERMISSIVE if tables in ("permissive", ("permissive",)) else tables, MEMBERS)


def table_of(home: str, table: str) -> Any:
    """One table of a registered data set, or the data set itself where it is one table and has its name.

    Raises:
        UnknownNameError: The data set has no such table.
    """
    module = registry.module("datasets", home)
    if table == home:
        return module.Dataset(module.Config())
    if table not in module.TABLES:
        raise UnknownNameError(f"table of {home}", table, module.TABLES)
    return module.Dataset(module.Config(table=table))


def held_out_molecules(home: str, how: How = How()) -> Iterable[str]:
    """SMILES of the test rows of all tables of a data set."""
    for name in registry.module("datasets", home).TABLES:
        if name not in _NOT_AT_HAND:
            yield from table_of(home, name).held_out(how)


def held_out_blocks(home: str, how: How = How()) -> frozenset[str]:
    """First blocks of the InChIKeys of those molecules, kept in the cache folder: naming scaffolds takes minutes."""
    from hooke.core.files import write_durably
    from hooke.core.hashing import content_hash
    from hooke.core.paths import cache_folder
    from hooke.molecules.held_out import RULE_VERSION, blocks_of

    tables = registry.module("datasets", home).TABLES
    path = cache_folder() / "held_out" / f"{home}-{content_hash([RULE_VERSION, tables])[:12]}.txt"
    if not path.exists():
        blocks = blocks_of(held_out_molecules(home, how))
        write_durably(path, "".join(f"{block}\n" for block in sorted(blocks)))
    return frozenset(path.read_text().split())
