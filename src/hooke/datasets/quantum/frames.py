"""Your own frames: XYZ, SD, HDF5, npz, Parquet, LMDB, ASE databases, with units, methods and kind of energy as you state them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.atoms.facts import STATED, UNCONFIRMED, QuantumCard
from hooke.core.errors import UsageError
from hooke.datasets.quantum import Config, FrameDataset

__all__ = ["CARD", "Config", "Dataset"]

if TYPE_CHECKING:
    from hooke.atoms.facts import Facts
    from hooke.atoms.formats import Contents
    from hooke.atoms.keys import Keys

CARD = QuantumCard(
    name="frames",
    title="Your own frames",
    description=(
        "Geometries with energies and forces in files of yours. Units, methods and the kind of energy are asked for, never guessed; "
        "isolated atoms are frames of one atom in the same files, or isolated_atoms=FILE."
    ),
    modality="atoms",
    source="a file of yours",
    licence="yours",
    citation="",
    size="as large as your disk",
    levels=("frame", "atom"),
    layout=(
        "XYZ, extended XYZ, SD (V2000, V3000), HDF5 in groups, npz, Parquet, ASE databases, LMDB of plain arrays, QM9's archive; packed by "
        "gzip, bzip2 or xz where it is text"
    ),
    e0="frames of one atom",
    charges="stated per frame",
    spins="stated per frame",
)


class Dataset(FrameDataset):
    """The files as a store."""

    card = CARD

    def _check_options(self) -> None:
        if not self.config.path:
            raise UsageError("data.path is missing: name the file, for example path=frames.extxyz energy_unit=eV")

    def _facts(self, opened: Sequence[tuple[Keys, Contents]]) -> Facts:
        """What is stated, and what the files and their formats say; all that is missing is asked for at once."""
        from hooke.atoms.formats import format_of, stated_units

        if not opened:  # of the twin
            return super()._facts(())
        keys, contents = next((each for each in opened if each[0].forces), opened[0])
        path, units = Path(self.config.path.split(",")[0].strip()), stated_units(keys, contents)
        facts = replace(
            CARD.facts, length_unit=units["length_unit"] or format_of(path).LENGTH_UNIT or UNCONFIRMED,
            energy_unit=units["energy_unit"] or UNCONFIRMED,
        )  # fmt: skip
        if not keys.energies:
            facts = replace(facts, energy_unit="", energy_kind="total", methods=())
        if keys.forces:
            usual = set(keys.forces) <= {"forces", "F"} and "derivative" not in contents.stated
            facts = replace(
                facts, force_unit=units["force_unit"] or UNCONFIRMED,
                derivative="force" if usual and not self.config.derivative else UNCONFIRMED,
                force_methods=(UNCONFIRMED,),
            )  # fmt: skip
        own = dict(contents.stated)
        if len(keys.forces) == len(keys.energies):
            own.setdefault("force_methods", own.get("methods", ()))
        confirmed: dict[str, Any] = {key: value for key, value in own.items() if value and key in facts.unconfirmed}
        facts = replace(facts, **confirmed)
        if keys.properties and keys.properties == tuple(name for name, _ in own.get("properties", ())):
            facts = replace(facts, properties=own["properties"])
        given = {key: getattr(self.config, key) for key in STATED}
        if len(keys.forces) == len(keys.energies) and keys.forces and not self.config.force_methods:
            given["force_methods"] = self.config.methods
        if (
            self.config.length_unit and not contents.length_unit
        ):  # what is stated is worth more than what a format is meant to hold
            facts = replace(facts, length_unit=UNCONFIRMED)
        return facts.stated(path.name, **given)

    def _name(self, paths: Mapping[str, Path]) -> str:
        return next(iter(paths.values())).name.split(".")[0]
