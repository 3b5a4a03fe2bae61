"""Genome-wide CRISPR screens that discovery loops are simulated on: one score a gene, in the form that BioDiscoveryAgent and GeneDisco publish.

Interferon-gamma and interleukin-2 in primary T cells (one study), tau in neurons up and down (one study), host factors of SARS-CoV-2 (minus
log10 of the score).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.how import How

if TYPE_CHECKING:
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_AGENT = "https://raw.githubusercontent.com/snap-stanford/BioDiscoveryAgent/19673c7371c542cfa155ffaa9047c53525f9fe2e/datasets/"
_GENEDISCO = "https://raw.githubusercontent.com/genedisco/genedisco/f2ee622cddbe25e0e24b111fe18aeae238e56314/genedisco/datasets/screens/"


@dataclass(frozen=True)
class Screen:
    """One screen: its file, columns and study; of `logs` minus log10 is taken."""

    file: RemoteFile
    study: str
    gene: str = "Gene"
    score: str = "Score"
    logs: bool = False


def _file(address: str, name: str, sha256: str, size_bytes: int) -> RemoteFile:
    return RemoteFile(name, address + name, sha256, f"perturbation/crispr_screens/{name}.gz", size_bytes)


SCREENS: dict[str, Screen] = {
    "ifng": Screen(
        _file(_AGENT, "ground_truth_IFNG.csv", "89c363b196976bd5d4574c0edb3447e1f93c3075ccff94f031066d2aa4cdb333", 295_721), "Schmidt 2022"
    ),
    "il2": Screen(
        _file(_AGENT, "ground_truth_IL2.csv", "40b27104ea01f9e38d42822a1021cee00529dca34fcf2c9cca7bd4bd79622503", 293_457), "Schmidt 2022"
    ),
    "sanchez21": Screen(
        _file(_AGENT, "ground_truth_Sanchez21.csv", "e86b3cf2bcadce16d57621acd86fa3834153a4130e48e2a8a4e016964c197a41", 392_798),
        "Sanchez 2021",
    ),
    "sanchez21_down": Screen(
        _file(_AGENT, "ground_truth_Sanchez21_down.csv", "901fa303cd6002464f6e32d75f7883e677b541b8586fedc381254895a72de7cc", 357_268),
        "Sanchez 2021",
    ),
    "sars_cov_2": Screen(
        _file(
            _GENEDISCO, "zhu_2021_sarscov2_host_factors.csv", "3e58fae3184a5df44acf40023b16dc2939fda7721b5158992165d22fc2ff4116", 648_796
        ),
        "Zhu 2021", "id", "pos|score", logs=True,
    ),
}  # fmt: skip
CARD = Card(
    name="discovery_screens",
    title="Five genome-wide screens for simulated discovery",
    description="One score a gene and screen: " + ", ".join(SCREENS) + ".",
    modality="cells",
    source="github.com/snap-stanford/BioDiscoveryAgent (commit 19673c7) and github.com/genedisco/genedisco (commit f2ee622)",
    licence="MIT and Apache-2.0 (repositories); the underlying publications have their own terms",
    citation="crispr_screens",
    size="about 93,400 scores of five screens",
    levels=("profile",),
    files=tuple(screen.file for screen in SCREENS.values()),
    split="none: `hooke discover simulate` hides the scores and reveals them round by round",
    notes="screens of one study share cells and libraries: as earlier knowledge of each other they are labelled",
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """Genes in screens as rows."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, (screen.file for screen in SCREENS.values()), how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the screens into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        return prepared(
            folder, CARD.name, [screen.file.sha256 for screen in SCREENS.values()], lambda: _read(self.files(how))
        )

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Files of the same layout for 60 made-up genes."""
        import numpy as np
        import polars as pl

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        shared, paths = generator.normal(size=60), []
        for screen in SCREENS.values():
            scores = shared + 0.5 * generator.normal(size=60)
            scores = 10 ** -np.abs(scores) if screen.logs else scores
            path = Path(folder) / f"twin-{seed}-{screen.file.name}"
            write_durably(
                path,
                pl.DataFrame({screen.gene: [f"TWIN{row:02d}" for row in range(60)], screen.score: scores}).write_csv(),
            )
            paths.append(path)
        return prepared(folder, CARD.name, [file_sha256(path) for path in paths], lambda: _read(paths))


def read_screen(screen: Screen, path: Path) -> pl.DataFrame:
    """Columns gene and score, one row a gene; rows without a name or a finite score are left out, the first of two of a gene counts.

    Raises:
        DataError: It is not such a table.
    """
    import polars as pl

    try:
        table = pl.read_csv(path, infer_schema=False).select(
            pl.col(screen.gene).alias("gene"), pl.col(screen.score).cast(pl.Float64, strict=False).alias("score")
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is no screen of genes and scores: {error}") from error
    table = table.filter(pl.col("gene").is_not_null() & pl.col("score").is_finite()).unique(
        "gene", keep="first", maintain_order=True
    )
    return table.with_columns(-pl.col("score").clip(1e-15, 1.0).log10()) if screen.logs else table


def _read(paths: list[Path]) -> Profiles:
    import polars as pl

    from hooke.cells.profiles import Profiles

    tables = []
    for (name, screen), path in zip(SCREENS.items(), paths, strict=True):
        tables.append(
            read_screen(screen, path).with_columns(screen=pl.lit(name), study=pl.lit(screen.study)).sort("gene")
        )
    table = pl.concat(tables)
    metadata = table.select(
        "gene", pl.concat_str("screen", "gene", separator="/").alias("entity"), "screen", "study", kind=pl.lit("gene")
    )
    return Profiles(table.select("score").to_numpy(), metadata, ("score",))
