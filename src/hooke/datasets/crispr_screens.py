"""Genome-wide CRISPR screens as a map: each gene's effects in nine read-outs of six screens.

Interferon-gamma and interleukin-2 in primary T cells of two donors (log fold changes), tau in neurons (RSA scores and quartiles), and host
factors of SARS-CoV-2 (minus log10 of the score). Genes measured in all of them are kept; every read-out is standardised over
genes. A handful of read-outs is a poor map, which the recall shows.
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
from hooke.core.options import choose

if TYPE_CHECKING:
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

_ADDRESS = "https://raw.githubusercontent.com/genedisco/genedisco/f2ee622cddbe25e0e24b111fe18aeae238e56314/genedisco/datasets/screens/"


@dataclass(frozen=True)
class Screen:
    """One file: its gene column and read-outs; those in `logs` are scores between 0 and 1, taken as -log10."""

    file: RemoteFile
    gene: str
    readouts: tuple[str, ...]
    logs: bool = False


def _file(name: str, sha256: str, size_bytes: int) -> RemoteFile:
    return RemoteFile(name, _ADDRESS + name, sha256, f"perturbation/crispr_screens/{name}.gz", size_bytes)


SCREENS: dict[str, Screen] = {
    "ifng_d1": Screen(
        _file("schmidt_ifng_d1.gene_summary.txt", "a294aa3197c8634c3fa9665cd57f5e3451dc5531b54028a0592e6e8b51bb506d", 1_548_373),
        "id", ("pos|lfc",),
    ),
    "ifng_d2": Screen(
        _file("schmidt_ifng_d2.gene_summary.txt", "f545a6b6a2eb5d28483cb8577b9d7d66857da8279793dd089c314043c4a04c1a", 1_557_504),
        "id", ("pos|lfc",),
    ),
    "il2_d1": Screen(
        _file("schmidt_il2_d1.gene_summary.txt", "d74983a627673a96077e04a7a5bce0d1aa66e3c5fb0ca8182a7166ef88522391", 1_562_708),
        "id", ("pos|lfc",),
    ),
    "il2_d2": Screen(
        _file("schmidt_il2_d2.gene_summary.txt", "c860efa684b6ac0b44c61bd3c984e05ea7b3b2279726f4ef477611380c6ca9fd", 1_556_934),
        "id", ("pos|lfc",),
    ),
    "tau": Screen(
        _file("sanchezetal2021_21days.csv", "b3136deda3dfa74a808065edecc12ef8a7d1008b20f4695c01a26d43a3fa5af3", 1_052_849),
        "Symbol", ("RSA_Down", "RSA_Up", "Q1", "Q3"),
    ),
    "sars_cov_2": Screen(
        _file("zhu_2021_sarscov2_host_factors.csv", "3e58fae3184a5df44acf40023b16dc2939fda7721b5158992165d22fc2ff4116", 648_796),
        "id", ("pos|score",), logs=True,
    ),
}  # fmt: skip
CARD = Card(
    name="crispr_screens",
    title="Six genome-wide CRISPR screens, nine read-outs a gene",
    description="One vector a gene: " + ", ".join(SCREENS) + "; choose some with screens=a,b.",
    modality="cells",
    source="github.com/genedisco/genedisco (genedisco/datasets/screens, commit f2ee622)",
    licence="Apache-2.0 (repository); the underlying publications have their own terms",
    citation="crispr_screens",
    size="about 17,900 genes, 9 read-outs",
    levels=("profile",),
    files=tuple(screen.file for screen in SCREENS.values()),
    split="none: it is a map, to be compared with known relations",
    notes="gene-level summaries without replicate batches: relationship recall compares raw with whitened profiles",
)


@dataclass(frozen=True)
class Config:
    """Which screens: "all", "a,b" or names."""

    screens: tuple[str, ...] | str = "all"

    def __post_init__(self) -> None:
        choose("screen", self.screens, SCREENS)


class Dataset(datasets.Dataset[Config]):
    """Genes measured in all the chosen screens, as profiles."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.screens = choose("screen", config.screens, SCREENS)

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded."""
        return datasets.fetched(CARD.name, (screen.file for screen in self.screens.values()), how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the screens into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        content = [[name, screen.file.sha256] for name, screen in self.screens.items()]
        return prepared(folder, CARD.name, content, lambda: self._read(self.files(how)))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """Files of the same layout for 60 made-up genes in 15 modules, each screen with a few genes of its own."""
        import numpy as np
        import polars as pl

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        paths = []
        for name, screen in self.screens.items():
            effects = np.repeat(generator.normal(size=(15, len(screen.readouts))), 4, axis=0)
            effects = effects + 0.4 * generator.normal(size=effects.shape)
            if screen.logs:
                effects = 10 ** -np.abs(effects)
            rows = {screen.gene: [f"TWIN{gene:02d}" for gene in range(60)] + [f"ONLY_{name}"]}
            columns = {readout: [*effects[:, place], 0.5] for place, readout in enumerate(screen.readouts)}
            path = Path(folder) / f"twin-{seed}-{screen.file.name}"
            separator = "\t" if path.suffix == ".txt" else ","
            write_durably(path, pl.DataFrame({**rows, **columns}).write_csv(separator=separator))
            paths.append(path)
        content = [[name, file_sha256(path)] for name, path in zip(self.screens, paths, strict=True)]
        return prepared(folder, CARD.name, content, lambda: self._read(paths))

    def _read(self, paths: list[Path]) -> Profiles:
        import polars as pl

        from hooke.cells.profiles import Profiles

        joined: pl.DataFrame | None = None
        for (name, screen), path in zip(self.screens.items(), paths, strict=True):
            table = _read_screen(name, screen, path)
            joined = table if joined is None else joined.join(table, on="gene", how="inner")
        assert joined is not None
        joined = joined.sort("gene")
        features = tuple(column for column in joined.columns if column != "gene")
        values = joined.select(features).to_numpy()
        values = (values - values.mean(axis=0)) / values.std(axis=0)
        metadata = joined.select("gene", pl.col("gene").alias("entity"), pl.lit("gene").alias("kind"))
        return Profiles(values, metadata, features)


def _read_screen(name: str, screen: Screen, path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        table = pl.read_csv(path, separator="\t" if ".txt" in path.name else ",", infer_schema_length=None)
        table = table.select(
            pl.col(screen.gene).cast(pl.String).alias("gene"),
            *(pl.col(readout).cast(pl.Float64).alias(f"{name}/{readout}") for readout in screen.readouts),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} is not the screen {name}: {error}") from error
    table = table.drop_nulls().unique("gene", keep="first", maintain_order=True)
    if screen.logs:
        table = table.with_columns(
            -pl.col(column).clip(1e-15, 1.0).log10() for column in table.columns if column != "gene"
        )
    return table
