"""Geometries with what was computed of them, from the Parquet file of a verb to files that other programs read.

The Parquet file has a row for every row of the source; extended XYZ and SD files hold those that have a geometry and a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rdkit import Chem

from hooke.atoms.facts import Facts
from hooke.atoms.formats import sdf, stated_facts, xyz
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.atoms.spec import AtomsSpec
from hooke.modalities.atoms.source import FrameSource, Job

XYZ, SDF = (".extxyz", ".xyz"), (".sdf",)
_BLOCK = 1024  # rows
_SYSTEM = Keys(charge="charge", multiplicity="multiplicity", name="name", smiles="smiles")
Row = Mapping[str, Any]


def whole_file(output: Path) -> Path:
    """The Parquet file that has all rows of an output: itself, or one beside it."""
    return output if output.suffix.lower() == ".parquet" else output.with_name(output.name + ".parquet")


def write_predictions(predictions: Path, output: Path, source: FrameSource, spec: AtomsSpec) -> None:
    """Write the predicted frames of a source as extended XYZ: energies and properties in the comments, forces as columns.

    Args:
        predictions: Parquet with the rows of the source.
        output: .extxyz or .xyz.
        source: What was predicted.
        spec: Of the run.
    """
    there = pq.read_schema(predictions).names
    energies, properties, forces = (
        [label.name for label in some if label.name in there] for some in (spec.energies, spec.properties, spec.forces)
    )
    keys = replace(_SYSTEM, energies=_plain(energies), properties=_plain(properties), forces=_plain(forces))
    rows = table_rows(predictions)

    def blocks() -> Iterator[Frames]:
        for job in source.jobs():
            frames = _predicted(job, [next(rows) for _ in range(job.rows)], energies, properties, forces)
            if frames is not None:
                yield frames

    by = tuple(label.method for label in spec.energies if label.name in energies)
    pulled = tuple(label.method for label in spec.forces if label.name in forces)
    of_forces = ("eV/angstrom", "force") if pulled else ("", "")
    facts = Facts("eV", "angstrom", *of_forces, spec.energy_kind, by, pulled)
    xyz.write_blocks(output, blocks(), keys, stated_facts(asdict(facts)))


def write_results(
    results: Path, output: Path, records: Path | None, numbers: Sequence[str], stated: Mapping[str, Any]
) -> None:
    """Write the rows of a verb that makes geometries (columns z, pos, energy, forces) as extended XYZ or as an SD file.

    Args:
        results: Parquet.
        output: Its suffix says which.
        records: An SD file with a record for each row, whose bonds and tags are kept; without one records have atoms alone.
        numbers: Columns that are written beside the energy.
        stated: What the numbers are, by the names of `atoms.facts.Facts`.
    """
    keys = replace(_SYSTEM, energies=("energy",), forces=("forces",), properties=tuple(numbers))
    rows = table_rows(results)
    if output.suffix.lower() in XYZ:
        xyz.write_blocks(output, _made(rows, keys), keys, stated)
        return
    molecules: Iterable[Chem.Mol | None]
    if records is None:
        molecules = (
            None if row["z"] is None else sdf.atoms_alone(row["z"], row["charge"], row["name"])
            for row in table_rows(results)
        )
    else:
        molecules = sdf.records(records)
    sdf.write_molecules(
        output,
        (
            sdf.changed(
                molecule,
                np.array(row["pos"]).reshape(-1, 3),
                {name: row[name] for name in ("outcome", "energy", *numbers)},
            )
            for row, molecule in zip(rows, molecules, strict=True)
            if molecule is not None and row["pos"] is not None
        ),
    )


def table_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, one after the other."""
    for batch in pq.ParquetFile(path).iter_batches(_BLOCK):
        yield from batch.to_pylist()


def _made(rows: Iterator[Row], keys: Keys) -> Iterator[Frames]:
    """Frames of rows with geometries, in blocks."""
    collector = FrameCollector("results", len(keys.energies), len(keys.forces), len(keys.properties))
    for row in rows:
        if row["pos"] is None:
            continue
        repeats = row["cell"] is not None
        collector.add(
            np.array(row["z"]), np.array(row["pos"]).reshape(1, -1, 3), [[row["energy"]]], np.array(row["forces"]).reshape(1, -1, 3, 1),
            charge=row["charge"], multiplicity=row["multiplicity"], cell=np.array(row["cell"]).reshape(1, 3, 3) if repeats else None,
            periodic=[row["periodic"]] if repeats else None, properties=[[row[name] for name in keys.properties]], name=row["name"] or "",
        )  # fmt: skip
        if len(collector) >= _BLOCK and (block := collector.take()[0]) is not None:
            yield block
    if (block := collector.take()[0]) is not None:
        yield block


def _predicted(
    job: Job, rows: Sequence[Row], energies: Sequence[str], properties: Sequence[str], forces: Sequence[str]
) -> Frames | None:
    """The frames of a job that have a prediction, with it; None where none has."""
    readable = [place for place in range(job.rows) if place not in job.reasons]
    done = [(number, rows[place]) for number, place in enumerate(readable) if rows[place]["reason"] is None]
    if job.frames is None or not done:
        return None
    frames = job.frames.select(np.array([number for number, _ in done]))
    frame, more = (
        np.array(
            [[np.nan if row[name] is None else row[name] for name in names] for _, row in done], np.float64
        ).reshape(len(done), -1)
        for names in (energies, properties)
    )
    pulls = np.stack(
        [np.concatenate([np.array(row[name], np.float64).reshape(-1, 3) for _, row in done]) for name in forces], axis=-1
    ) if forces else np.zeros((len(frames.numbers), 3, 0))  # fmt: skip
    return replace(frames, energies=frame, properties=more, forces=pulls)


def _plain(names: Sequence[str]) -> tuple[str, ...]:
    """Names without spaces, as keys of a comment."""
    return tuple(name.replace(" ", "_") for name in names)
