"""Quantum data sets: one declarative file for each, with its card (what its numbers are) and the names under which its files keep them.

A fact that the card calls unconfirmed is asked for before anything is read. Files are those of the mirror or of the user: most sets are
too large or too scattered to be fetched here, and their cards say where they are published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hooke import datasets
from hooke.atoms.facts import STATED, QuantumCard
from hooke.atoms.keys import Keys
from hooke.core.cards import RemoteFile
from hooke.core.errors import UsageError
from hooke.core.how import QUIET, How
from hooke.core.options import choose

if TYPE_CHECKING:
    from hooke.atoms.facts import Facts
    from hooke.atoms.formats import Block, Contents
    from hooke.atoms.store import FrameStore, Source

ASKED = {
    "energy_unit": "hartree", "length_unit": "angstrom", "force_unit": "hartree/angstrom", "derivative": "force",
    "energy_kind": "total", "methods": ("other:twin",), "force_methods": ("other:twin",),
}  # what a twin states of facts that nobody confirmed  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Which files, and what is stated of facts that the card calls unconfirmed.

    Attributes:
        path: Files of yours, separated by commas; none takes those that the card names.
        parts: Which of the card's parts, "a,b" or names; "all" takes every one.
        isolated_atoms: A file with frames of one atom each: energies of formation refer to them.
        energy_unit, length_unit, force_unit: Units of the files: eV, hartree, kcal/mol; angstrom, bohr, nm; hartree/bohr.
        derivative: What the files call forces: force, or gradient (the opposite sign).
        energy_kind: total, formation, atomisation, heat_of_formation, relative or interaction.
        methods, force_methods: Of the columns, as "wb97m-d3(bj)/def2-tzvppd, gfn2", or "other:NAME".
        energy_keys, force_keys: Names of the columns in your files; "none" for no such numbers.
        charge_key, multiplicity_key: Names of a frame's charge and spin multiplicity in your files.
        atom_order: Of files that give atoms by mapped SMILES alone: map or smiles.
        precision: Of positions and forces.
    """

    path: str = ""
    parts: tuple[str, ...] | str = "all"
    isolated_atoms: str = ""
    energy_unit: str = ""
    length_unit: str = ""
    force_unit: str = ""
    derivative: str = ""
    energy_kind: str = ""
    methods: tuple[str, ...] | str = ()
    force_methods: tuple[str, ...] | str = ()
    energy_keys: tuple[str, ...] | str = ()
    force_keys: tuple[str, ...] | str = ()
    charge_key: str = ""
    multiplicity_key: str = ""
    atom_order: str = ""
    precision: Literal["float32", "float64"] = "float32"


class FrameDataset(datasets.Dataset[Config]):
    """A set of frames, as its file declares it.

    Attributes:
        card: What its numbers are.
        layout: Names under which its files keep them; see `atoms.keys.Keys`.
        suffix: Of its files, which is that of its twin.
        parts: Part → file, where files are known.
        isolated: The file of isolated atoms, where there is one.
    """

    card: ClassVar[QuantumCard]
    layout: ClassVar[Keys] = Keys()
    suffix: ClassVar[str] = ".extxyz"
    parts: ClassVar[Mapping[str, RemoteFile]] = {}
    isolated: ClassVar[RemoteFile | None] = None

    def files(self, how: How = How()) -> list[Path]:
        """The known files, from the mirror or downloaded; that of isolated atoms last.

        Raises:
            UsageError: None are known: the card says where the set is published.
        """
        if not self.parts:
            raise UsageError(
                f"no files of {self.card.name} are known here; get them from {self.card.source} and name them: path=..."
            )
        wanted = [*choose(f"part of {self.card.name}", self.config.parts, self.parts).values()]
        return [self._fetched(file, how) for file in (*wanted, *([self.isolated] if self.isolated else []))]

    def prepare(self, folder: Path, how: How = How()) -> FrameStore:
        """Read the files into a store below `folder`, or open the store if these files with these options are there already.

        Raises:
            UsageError: A fact is neither confirmed nor stated, or no file is named.
            DataError: A file cannot be read, or holds no usable frame.
        """
        from hooke.atoms.isolated_atoms import ReferenceEnergies
        from hooke.atoms.store import Source, prepared
        from hooke.core.hashing import file_sha256
        from hooke.core.progress import progress

        self._check_options()
        paths = self._paths(how)
        isolated = self._isolated(how)
        opened = [self._opened(path) for path in paths.values()]
        facts = self._facts(opened)
        name = self._name(paths)
        for path, (_, contents) in zip(paths.values(), opened, strict=True):
            _require_agreement(path, contents, facts)

        def sources() -> Iterator[Source]:
            for part, path, (keys, contents) in zip(paths, paths.values(), opened, strict=True):
                yield Source(part, self._blocks(path, keys, contents, facts))

        e0 = None
        if isolated is not None:
            keys, contents = self._opened(isolated, forces=False)
            _require_agreement(isolated, contents, facts)
            for frames, _ in self._blocks(
                isolated, replace(keys, forces=()), contents, replace(facts, force_methods=())
            ):
                own = ReferenceEnergies.of_frames(frames, facts.methods, facts.energy_unit, name) if frames else None
                e0 = own if e0 is None else replace(e0, atoms=(*e0.atoms, *(own.atoms if own else ())))
        content = [
            [[part, file_sha256(path)] for part, path in paths.items()], [keys for keys, _ in opened], self.config.precision,
            e0.to_json() if e0 else None,
        ]  # fmt: skip
        with progress(None, f"preparing {name}", "frames", show=how.show_progress) as bar:
            return prepared(
                folder, name, content, sources, facts, precision=self.config.precision, e0=e0, advance=bar.advance,
                description={"files": [path.name for path in paths.values()]},
            )  # fmt: skip

    def twin(self, folder: Path, seed: int = 0) -> FrameStore:
        """Made-up frames of small molecules, written in the layout of the set's own files and read like them."""
        from hooke.atoms.formats import format_of
        from hooke.atoms.twins import in_source_units, isolated_frames, made_frames

        stated: dict[str, Any] = {key: ASKED[key] for key in self.card.facts.unconfirmed}
        facts = self.card.facts.stated(self.card.name, **stated)
        keys = self._twin_keys(facts)
        path = Path(folder) / f"twin-{self.card.name}-{seed}{self.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        written = replace(facts, length_unit=format_of(path).LENGTH_UNIT or facts.length_unit)
        format_of(path).write(path, in_source_units(made_frames(facts, seed), written), keys, written)
        alone = ""
        if self.isolated is not None:
            alone = str(path.with_name(f"twin-{self.card.name}-{seed}-atoms.extxyz"))
            atoms = in_source_units(isolated_frames(facts.methods), replace(facts, force_unit=""))
            format_of(Path(alone)).write(Path(alone), atoms, replace(keys, forces=(), properties=()), facts)
        given: dict[str, Any] = {
            key: ",".join(value) if isinstance(value, tuple) else value for key, value in stated.items()
        }
        config = Config(
            path=str(path), isolated_atoms=alone, energy_keys=keys.energies or ("none",), force_keys=keys.forces or ("none",),
            precision="float64", **given,
        )  # fmt: skip
        return type(self)(config).prepare(folder, QUIET)

    def _twin_keys(self, facts: Facts) -> Keys:
        keys = self.layout
        energies = keys.energies or tuple(f"energy_{place}" for place in range(len(facts.methods)))
        forces = keys.forces or tuple(f"forces_{place}" for place in range(len(facts.force_methods)))
        properties = tuple(name for name, _ in facts.properties)
        keys = replace(keys, energies=energies, forces=forces, properties=keys.properties or properties)
        return (
            replace(keys, name=keys.name or "name", smiles=keys.smiles or "smiles")
            if self.suffix == ".extxyz"
            else keys
        )

    def _fetched(self, file: RemoteFile, how: How) -> Path:
        from hooke.core.download import fetch
        from hooke.core.paths import cache_folder

        return fetch(file, cache_folder() / "raw" / self.card.name, show_progress=how.show_progress)

    def _paths(self, how: How) -> dict[str, Path]:
        """Part → file."""
        if not self.config.path:
            wanted = self.files(how)  # says what to do where none are known
            return dict(zip(choose(f"part of {self.card.name}", self.config.parts, self.parts), wanted, strict=False))
        paths = [Path(text.strip()) for text in self.config.path.split(",") if text.strip()]
        named = {path.name.split(".")[0]: path for path in paths}
        return named if len(named) == len(paths) else {str(path): path for path in paths}

    def _isolated(self, how: How) -> Path | None:
        if self.config.isolated_atoms:
            return Path(self.config.isolated_atoms)
        return self._fetched(self.isolated, how) if self.isolated is not None and not self.config.path else None

    def _name(self, paths: Mapping[str, Path]) -> str:
        return self.card.name

    def _check_options(self) -> None:
        """Refuse, before a file is looked for, facts of the card that stay unconfirmed or are contradicted."""
        if not self.config.path:
            self._facts(())

    def _facts(self, opened: Sequence[tuple[Keys, Contents]]) -> Facts:
        """The facts of the card with those that are stated, by the user or, where the card knows none, by the files."""
        from hooke.atoms.formats import stated_units

        facts = self.card.facts
        for keys, contents in opened:
            units: dict[str, Any] = {
                key: unit for key, unit in stated_units(keys, contents).items() if unit and key in facts.unconfirmed
            }
            facts = replace(facts, **units)
        return facts.stated(self.card.name, **{key: getattr(self.config, key) for key in STATED})

    def _opened(self, path: Path, *, forces: bool = True) -> tuple[Keys, Contents]:
        """The keys of a file, and what is in it. Columns of the card that the file lacks stay in their place: they were not computed."""
        from hooke.atoms.formats import NONE, read_contents, resolve

        own = self.layout
        contents = read_contents(path, own)
        energies, vectors = names(self.config.energy_keys), names(self.config.force_keys) if forces else (NONE,)
        known = (
            own.energies if not energies and {*own.energies} & {*contents.scalars} else (),
            own.forces if not vectors and {*own.forces} & {*contents.vectors} else (),
        )
        given = replace(
            own, energies=energies or tuple(name for name in known[0] if name in contents.scalars),
            forces=vectors or tuple(name for name in known[1] if name in contents.vectors),
            charge=self.config.charge_key or own.charge, multiplicity=self.config.multiplicity_key or own.multiplicity,
            atom_order=self.config.atom_order or own.atom_order,
        )  # fmt: skip
        keys = resolve(given, contents, path.name)
        return replace(keys, energies=known[0] or keys.energies, forces=known[1] or keys.forces), contents

    def _matched(self, keys: Keys, facts: Facts, file: str) -> Keys:
        """Keys with one column a method; a file without any has none that were computed.

        Raises:
            UsageError: There are more or fewer columns than methods.
        """
        columns: dict[str, Any] = {}
        for what, there, methods in (
            ("energies", keys.energies, facts.methods),
            ("forces", keys.forces, facts.force_methods),
        ):
            if there and len(there) != len(methods):
                raise UsageError(
                    f"{file} has {len(there)} columns of {what} ({', '.join(there)}) for {len(methods)} methods "
                    f"({', '.join(methods) or 'none'}): state {what[:-1].replace('energie', 'energy')}_keys, or the methods in their order"
                )
            columns[what] = there or tuple(f"no {what} {number}" for number in range(len(methods)))
        properties = keys.properties or tuple(name for name, _ in facts.properties)
        return replace(keys, **columns, properties=properties)

    def _blocks(self, path: Path, keys: Keys, contents: Contents, facts: Facts) -> Iterator[Block]:
        """The frames of a file, in the units of the facts where the file itself states others."""
        import numpy as np

        from hooke.atoms.formats import format_of, read_frames, unit_of_column
        from hooke.core.units import factor, unit_name

        stated = (
            unit_name(contents.length_unit or self.config.length_unit or format_of(path).LENGTH_UNIT)
            or facts.length_unit
        )
        length = factor(stated, facts.length_unit)
        energies, forces = (
            np.array([factor(unit_of_column(name, what, contents) or unit, unit) if unit else 1.0 for name in some])
            for some, what, unit in (
                (keys.energies, "energy_unit", facts.energy_unit),
                (keys.forces, "force_unit", facts.force_unit),
            )
        )
        for frames, refused in read_frames(path, self._matched(keys, facts, path.name)):
            if frames is not None and not (length == 1 and (energies == 1).all() and (forces == 1).all()):
                frames = replace(
                    frames, positions=frames.positions * length, cell=frames.cell * length,
                    energies=frames.energies * energies if len(energies) else frames.energies,
                    forces=frames.forces * forces if len(forces) else frames.forces,
                )  # fmt: skip
            yield frames, refused


def _require_agreement(path: Path, contents: Contents, facts: Facts) -> None:
    """Refuse a file that states other methods or another kind of energy than the frames that it goes with.

    Raises:
        UsageError: It does.
    """
    for key in ("methods", "energy_kind"):
        own = contents.stated.get(key)
        if own and (not set(own) <= set(facts.methods) if key == "methods" else own != facts.energy_kind):
            shown, other = (", ".join(each) if isinstance(each, tuple) else each for each in (own, getattr(facts, key)))
            raise UsageError(
                f"{path.name} states {key.replace('_', ' ')} {shown}; the frames are {other or 'without energies'}"
            )


def mirrored(folder: str, parts: Mapping[str, tuple[str, int]], suffix: str = ".xyz.gz") -> dict[str, RemoteFile]:
    """Name of a part → its file, in a folder of the mirror; there is no address to fetch it from.

    Args:
        folder: "quantum/NAME".
        parts: Name → SHA-256 and bytes.
        suffix: Of the files' names.
    """
    return {
        name: RemoteFile(f"{name}{suffix}", "", sha256, f"{folder}/{name}{suffix}", size)
        for name, (sha256, size) in parts.items()
    }


def names(given: tuple[str, ...] | str) -> tuple[str, ...]:
    """Names as they are given, or separated by commas."""
    return tuple(part.strip() for part in (given.split(",") if isinstance(given, str) else given) if part.strip())
