"""A user's own conformers: SD files with bonds and hydrogens, or Parquet of `hooke conformers generate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke import datasets
from hooke.core.cards import Card
from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET, How

if TYPE_CHECKING:
    from hooke.atoms.formats import Block
    from hooke.atoms.store import FrameStore

CARD = Card(
    name="own_conformers",
    title="Your own conformers of molecules",
    description="SD files with bonds and all hydrogens (GEOM exported so, crystal structures), or Parquet of `hooke conformers generate`.",
    modality="conformers",
    source="files of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("conformer",),
    split="by molecule",
)
_METHOD = "other:stated"
_TWINS = ("CCO", "CC(=O)N", "C[C@H](F)Cl", "O", "C/C=C/O", "C[NH3+].[Cl-]")
_A_MOLECULE = 3


@dataclass(frozen=True)
class Config:
    """Which files.

    Attributes:
        path: Files, separated by commas.
        smiles: Without a file: molecules of which three conformers each are embedded by ETKDGv3.
        most: Conformers of a molecule that are taken, the first in the files; 0 takes all.
        energy_key: Tag or column of energies in eV; "" takes those of `hooke conformers generate`, and none of SD files.
    """

    path: str = ""
    smiles: tuple[str, ...] = ()
    most: int = 30
    energy_key: str = ""


class Dataset(datasets.Dataset[Config]):
    """The conformers as a store of frames whose atoms are in the order of their canonical SMILES, hydrogens last."""

    def check(self) -> None:
        """A file is named, and is there."""
        if bool(self.config.path) == bool(self.config.smiles):
            both = "data.path and data.smiles are both set" if self.config.path else "data.path is missing"
            raise UsageError(f"{both}: name the conformers, for example data.path=conformers.sdf")
        for path in self._paths():
            if not path.is_file():
                raise DataError(f"there is no file {path}")

    def prepare(self, folder: Path, how: How = How()) -> FrameStore:
        """Read the files into a store below `folder`, or open the one that is there already.

        Raises:
            UsageError: No file is named.
            DataError: A file cannot be read, or holds no usable conformer.
        """
        from hooke.atoms.facts import Facts
        from hooke.atoms.store import Source, prepared
        from hooke.core.hashing import file_sha256
        from hooke.core.progress import progress

        self.check()
        paths = self._paths()
        if self.config.smiles:
            paths = [_embedded(Path(folder), self.config.smiles, 0)]
        content = [[path.name, file_sha256(path)] for path in paths], self.config.most, self.config.energy_key

        def sources() -> Iterator[Source]:
            counts: dict[str, int] = {}
            for path in paths:
                yield Source(path.name.split(".")[0], self._blocks(path, counts))

        facts = Facts("eV", "angstrom", "", "", "relative", (_METHOD,))
        with progress(None, f"preparing {paths[0].name}", "conformers", show=how.show_progress) as bar:
            return prepared(
                Path(folder), "conformers", content, sources, facts, advance=bar.advance, description={"files": [path.name for path in paths]}
            )  # fmt: skip

    def twin(self, folder: Path, seed: int = 0) -> FrameStore:
        """Embedded conformers of six small molecules, one a salt, written as an SD file and read like any other."""
        path = _embedded(Path(folder), _TWINS, seed)
        return type(self)(Config(path=str(path), energy_key="energy")).prepare(folder, QUIET)

    def _paths(self) -> list[Path]:
        return [Path(text.strip()) for text in self.config.path.split(",") if text.strip()]

    def _blocks(self, path: Path, counts: dict[str, int]) -> Iterator[Block]:
        """Frames in canonical order of atoms; records beyond `most` of a molecule are left out, with the reason."""
        from hooke.atoms.conformers.records import ordered, read_records
        from hooke.atoms.formats import BLOCK
        from hooke.atoms.frames import FrameCollector

        frames = FrameCollector(path.name, 1, 0)
        for molecule, energy, reason in read_records(path, self.config.energy_key):
            found: Any = reason or ordered(molecule)
            if isinstance(found, str):
                frames.refuse(found)
                continue
            embedded, positions = found
            if self.config.most and counts.get(embedded.smiles, 0) >= self.config.most:
                frames.refuse(f"beyond the first {self.config.most} conformers of its molecule")
                continue
            counts[embedded.smiles] = counts.get(embedded.smiles, 0) + 1
            frames.add(
                embedded.numbers, positions[None], [[energy]], charge=embedded.charge, multiplicity=embedded.multiplicity,
                name=embedded.smiles, smiles=embedded.smiles,
            )  # fmt: skip
            if len(frames) >= BLOCK:
                yield frames.take()
        yield frames.take()


def _embedded(folder: Path, smiles: Sequence[str], seed: int) -> Path:
    """An SD file of embedded conformers of these molecules, with made-up energies; the same file for the same molecules and seed."""
    from rdkit import Chem

    from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError
    from hooke.atoms.formats import sdf
    from hooke.core.hashing import content_hash

    path = folder / f"embedded-{content_hash([list(smiles), seed])[:12]}.sdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    records = []
    for text in smiles:
        parsed = Chem.MolFromSmiles(text)
        if parsed is None:
            raise UsageError(f"data.smiles: not a valid SMILES: {text!r}")
        try:
            molecule = EmbeddedMolecule.of(parsed, several=True)
            positions_of_each = molecule.conformers(_A_MOLECULE, seed + 1)
        except NoGeometryError as error:
            raise UsageError(f"data.smiles: {text!r}: {error}") from error
        plain = Chem.Mol(molecule.molecule)
        Chem.Kekulize(plain, clearAromaticFlags=True)
        for number, positions in enumerate(positions_of_each):
            records.append(sdf.changed(plain, positions, {"energy": 0.01 * number + seed}))
    sdf.write_molecules(path, records)
    return path
