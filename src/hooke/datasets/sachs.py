"""Sachs 2005: eleven signalling proteins in single T cells, with and without inhibitors, and the network that is taken for true.

A row is a cell, a read-out the abundance of a phosphorylated protein or lipid (arbitrary units, positive). `perturbation` names the stimulus
and the inhibitor. `read_network` reads the consensus network of the repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hooke import datasets
from hooke.core.cards import Card, RemoteFile
from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.how import How

if TYPE_CHECKING:
    from hooke.cells.profiles import Profiles
    from hooke.cells.store import ProfileStore

PROTEINS = ("raf", "mek", "plc", "pip2", "pip3", "erk", "akt", "pka", "pkc", "p38", "jnk")
STIMULUS = "cd3_cd28"
INHIBITORS = {"aktinhib": "akt", "g0076": "pkc", "psitect": "pip2", "u0126": "mek"}  # what each of them inhibits
_REAGENTS = (STIMULUS, "icam2", "aktinhib", "g0076", "psitect", "u0126", "ly", "pma", "b2camp")
_ADDRESS = "https://raw.githubusercontent.com/cmu-phil/example-causal-datasets/a23adc349a23fc34d258193b45c60522ca6355b4/real/sachs/"
_EDGE = re.compile(r"^\d+\. (\w+) --> (\w+)$", re.MULTILINE)
_FILES = (
    RemoteFile(
        "sachs.2005.with.jittered.experimental.continuous.txt", _ADDRESS + "data/sachs.2005.with.jittered.experimental.continuous.txt",
        "f02ea69c335519ba59f442f47ff5d5130b60a63edec9ffb88f179c48f951e293", "relationships/causal/sachs_2005_interventions.txt.gz", 870_430,
    ),
    RemoteFile(
        "sachs.2005.ground.truth.graph.txt", _ADDRESS + "ground.truth/sachs.2005.ground.truth.graph.txt",
        "2406ec0f9cd34bcbcd33fb74282386232330a630dba68c0f2d01a0d985a652b9", "relationships/causal/sachs_2005_ground_truth.txt.gz", 391,
    ),
)  # fmt: skip
CARD = Card(
    name="sachs",
    title="Sachs 2005: signalling proteins under inhibitors",
    description="Abundances of 11 phosphorylated proteins and lipids in 7,466 single T cells under nine conditions, with the consensus network.",
    modality="cells",
    source="github.com/cmu-phil/example-causal-datasets (real/sachs), from Sachs et al. 2005",
    licence="CC0-1.0 (repository); the underlying publication has its own terms",
    citation="sachs",
    size="7,466 cells, 11 read-outs, 9 conditions, a network of 20 edges",
    levels=("profile",),
    files=_FILES,
    split="none: `hooke benchmark explanations --tasks sachs` ranks the children of what is inhibited",
    notes="the columns of reagents are jittered 0 and 1 in the file; above 1/2 counts as given",
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Dataset(datasets.Dataset[Config]):
    """Cells as rows."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files (cells, network), from the mirror or downloaded."""
        return datasets.fetched(CARD.name, _FILES, how)

    def prepare(self, folder: Path, how: How = How()) -> ProfileStore:
        """Read the cells into a store below `folder`, or open it if it is already there."""
        from hooke.cells.store import prepared

        return prepared(folder, CARD.name, [_FILES[0].sha256], lambda: read_cells(self.files(how)[0]))

    def twin(self, folder: Path, seed: int = 0) -> ProfileStore:
        """The same kind of file for 20 made-up cells under each of the nine conditions."""
        import numpy as np

        from hooke.cells.store import prepared
        from hooke.core.hashing import file_sha256

        generator = np.random.default_rng(seed)
        given = [(STIMULUS,), *((STIMULUS, name) for name in _REAGENTS[1:7]), ("pma",), ("b2camp",)]
        lines = ["\t".join((*PROTEINS, *_REAGENTS))]
        for condition in given:
            for _ in range(20):
                levels = [
                    float(level) * (0.3 if protein in {INHIBITORS.get(name) for name in condition} else 1.0)
                    for protein, level in zip(PROTEINS, generator.lognormal(3.0, 0.5, len(PROTEINS)), strict=True)
                ]
                reagents = [float(name in condition) + generator.normal(scale=0.01) for name in _REAGENTS]
                lines.append("\t".join(f"{value:.4f}" for value in (*levels, *reagents)))
        path = Path(folder) / f"twin-{CARD.name}-{seed}.txt"
        write_durably(path, "\n".join(lines) + "\n")
        return prepared(folder, CARD.name, [file_sha256(path)], lambda: read_cells(path))


def read_cells(path: Path) -> Profiles:
    """Read cells with the reagents that they were given.

    Raises:
        DataError: It is not such a table, a level is not above zero, or a cell was given nothing.
    """
    import numpy as np
    import polars as pl

    from hooke.cells.profiles import Profiles
    from hooke.core.reading import reading

    with reading(path, "cells of Sachs et al."):
        table = pl.read_csv(path, separator="\t", infer_schema_length=None)
        table = (
            table.rename({name: name.strip() for name in table.columns}).select(*PROTEINS, *_REAGENTS).cast(pl.Float64)
        )
    values, given = table.select(PROTEINS).to_numpy(), table.select(_REAGENTS).to_numpy() > 0.5
    if not (np.isfinite(values) & (values > 0)).all() or not given.any(axis=1).all():
        raise DataError(f"{path} has levels that are not above zero, or cells that were given nothing")
    names = ["+".join(name for name, there in zip(_REAGENTS, row, strict=True) if there) for row in given]
    metadata = pl.DataFrame({"perturbation": names, "perturbation_type": ["compound"] * len(names)})
    return Profiles(values, metadata, PROTEINS)


def read_network(path: Path) -> list[tuple[str, str]]:
    """The edges (parent, child) of the network.

    Raises:
        DataError: There are none, or a name is none of the proteins.
    """
    from hooke.core.reading import read_bytes, reading

    with reading(path, "the network of Sachs et al."):
        text = read_bytes(path).decode()
    edges = _EDGE.findall(text)
    unknown = {name for edge in edges for name in edge} - {*PROTEINS}
    if not edges or unknown:
        raise DataError(
            f"{path} holds {len(edges)} edges, and names that are no protein: {', '.join(sorted(unknown)) or 'none'}"
        )
    return edges
