"""Quantum labels: energy and forces of frames, or of conformers embedded from molecules, streamed and resumable; and isolated atoms.

The output is Parquet with a row a frame in the schema of QM1B (z, pos, energy), which `hooke data prepare frames` reads without being told
units or methods: they stand in its metadata. A frame that cannot be labelled keeps its row, with the reason. Extended XYZ is written from
it on demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.atoms.elements import NUMBERS, SYMBOLS
from hooke.atoms.engines import Engine, UnlabelledError, engine_of, refuse_impossible
from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_contents, read_frames, resolve, xyz
from hooke.atoms.formats.parquet import holds_frames
from hooke.atoms.frames import FrameCollector
from hooke.atoms.ground_states import multiplicity_of
from hooke.atoms.keys import Keys
from hooke.atoms.store import FrameStore
from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.types import Chunk
from hooke.core.writable import check_output
from hooke.inference.stream import StreamReport, stream
from hooke.modalities.atoms.export import whole_file
from hooke.molecules.source import TableRows
from hooke.workflows._label_sources import ChargeAndSpin, EmbeddedRows, StoredFrames

SUFFIXES = (".parquet", ".extxyz")
ATOMS_SUFFIXES = (".extxyz",)
ELEMENTS = ("H", "C", "N", "O")
ATOMS_GRID = 4
_KEYS = Keys(("energy",), ("forces",), charge="charge", multiplicity="multiplicity", name="name", smiles="smiles")
_TABLES = (".csv", ".tsv", ".txt", ".smi", ".smiles")


def takes_molecules(source: Path, conformers: int | None) -> bool:
    """Whether a file's molecules are embedded: tables, and SD files and Parquet with geometries where conformers are asked for.

    Args:
        source: The file.
        conformers: None where none are asked for.

    Raises:
        DataError: A Parquet file cannot be read.
    """
    suffixes = [suffix.lower() for suffix in source.suffixes if suffix.lower() != ".gz"]
    last = suffixes[-1] if suffixes else ""
    if last in (".parquet", ".pq"):
        return conformers is not None or not holds_frames(source)
    return last in _TABLES or (last in (".sdf", ".sd") and conformers is not None)


def label(
    source: Path | FrameStore,
    output: Path,
    *,
    method: str,
    conformers: int | None = None,
    seed: int | None = None,
    smiles_column: str | None = None,
    charge: int | None = None,
    multiplicity: int | None = None,
    grid: int | None = None,
    density_fit: bool = False,
    workers: int | None = None,
    resume: bool = True,
    show_progress: bool = True,
) -> StreamReport:
    """Label every frame of a store, or so many conformers of every molecule of a table.

    Args:
        source: A table of molecules, or a store of frames.
        output: .parquet; or .extxyz, which holds the labelled frames and has all rows in `<output>.parquet` beside it.
        method: See `atoms.engines.engine_of`.
        conformers: Of each molecule of a table; one by default.
        seed: Of the embedding; 0 by default.
        smiles_column: Of a table, if it is not recognised.
        charge, multiplicity: Of all frames; None takes those that molecules or frames state.
        grid, density_fit: See `atoms.engines.engine_of`.
        workers: Processes; None takes all cores.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show frames, rate and time left.

    Raises:
        UsageError: An option that is none, or does not belong to the source or method.
        DataError: The source or the disk is at fault.
    """
    engine = engine_of(method, grid=grid, density_fit=density_fit)
    stated = ChargeAndSpin(charge, multiplicity)
    if multiplicity is not None and multiplicity < 1:
        raise UsageError(f"a multiplicity is 1 or more, got {multiplicity}")
    rows: EmbeddedRows | StoredFrames
    if isinstance(source, FrameStore):
        if (conformers, seed, smiles_column) != (None, None, None):
            raise UsageError(
                "conformers, their seed and a column of SMILES belong to tables of molecules, not to frames"
            )
        rows = StoredFrames(source, stated, engine.frames_a_job)
    else:
        count = 1 if conformers is None else conformers
        if count < 1:
            raise UsageError(f"the number of conformers is 1 or more, got {count}")
        table = TableRows.open(source, smiles_column)
        rows = EmbeddedRows(table, count, seed or 0, stated, engine.frames_a_job)
    output = Path(output)
    whole = whole_file(output)
    columns = LabelColumns(engine)
    report = stream(
        rows, whole, columns, {"model_hash": content_hash([engine]), "frames": asdict(columns.numbers)}, {"verb": "label"},
        workers=workers, resume=resume, show_progress=show_progress, doing="labelling", suffixes=(".parquet",),
    )  # fmt: skip
    if whole != output:
        export(whole, output)
        return replace(report, output=str(output), facts={**report.facts, "all rows": str(whole)})
    return replace(report, following=f"hooke data prepare frames path={output}")


@dataclass(frozen=True)
class LabelColumns:
    """Energy and forces by an engine; see `inference.stream.Columns`."""

    engine: Engine
    on_gpu = False
    counted: Sequence[str] = ()
    schema = pa.schema(
        [
            ("energy", pa.float64()),
            ("forces", pa.list_(pa.float64())),
            ("converged", pa.bool_()),
            ("scf_steps", pa.int32()),
            ("method", pa.string()),
            ("engine", pa.string()),
        ]
    )

    @property
    def numbers(self) -> Facts:
        """What energies and forces are."""
        methods = (self.engine.method,)
        return Facts("eV", "angstrom", "eV/angstrom", "force", "total", methods, methods)

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Columns`."""
        caution = {"caution": self.engine.caution} if self.engine.caution else {}
        return {"method": self.engine.method, "engine": self.engine.version, **caution}

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The columns of the rows with a geometry, and why some of them have no label."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        self.engine.load()
        energies, forces, steps, failed = [], [], [], {}
        numbers, positions, charge, spin = (chunk.table[name] for name in ("z", "pos", "charge", "multiplicity"))
        with threadpool_limits(1):
            for place, row in enumerate(chunk.rows.tolist()):
                system = (
                    np.array(numbers[row].values), np.array(positions[row].values).reshape(-1, 3), charge[row].as_py(), spin[row].as_py(),
                )  # fmt: skip
                try:
                    refuse_impossible(*system)
                    computed = self.engine.compute(*system)
                    if not np.isfinite(computed.energy) or not np.isfinite(computed.forces).all():
                        raise UnlabelledError("its energy or forces are not finite")
                except UnlabelledError as error:
                    failed[place] = str(error)
                    computed = None
                energies.append(computed and computed.energy)
                forces.append(computed and computed.forces.ravel())
                steps.append(computed and computed.steps)
        count = len(energies)
        columns = (
            energies, forces, [energy is not None for energy in energies], steps, [self.engine.method] * count, [self.engine.version] * count
        )  # fmt: skip
        return [pa.array(values, field.type) for values, field in zip(columns, self.schema, strict=True)], failed


def export(labels: Path, output: Path) -> None:
    """Write the labelled frames of a Parquet file of labels as extended XYZ, which states units and method in each comment."""
    contents = read_contents(labels)
    keys = resolve(contents.keys, contents, labels.name)
    blocks = (frames for frames, _ in read_frames(labels, keys) if frames is not None)
    xyz.write_blocks(output, blocks, _KEYS, contents.stated)


@dataclass(frozen=True)
class AtomEnergy:
    """The energy of an isolated atom.

    Attributes:
        element: Symbol.
        multiplicity: Of its ground state.
        energy: In eV.
        steps: Of the self-consistent field.
    """

    element: str
    multiplicity: int
    energy: float
    steps: int


def label_atoms(
    method: str,
    elements: Sequence[str] = ELEMENTS,
    output: Path | None = None,
    *,
    grid: int | None = None,
    density_fit: bool = False,
    workers: int | None = None,
    show_progress: bool = True,
) -> list[AtomEnergy]:
    """Energies of neutral isolated atoms in their ground states, which become E0 by `isolated_atoms=FILE`.

    Args:
        method: See `atoms.engines.engine_of`.
        elements: Symbols.
        output: An extended XYZ file with a frame an atom; none is written without.
        grid: Level of PySCF's grid, 4 by default.
        density_fit: See `atoms.engines.engine_of`.
        workers: Processes; None takes all cores.
        show_progress: Show progress.

    Raises:
        UsageError: The method offers no such option, or an element is none or not known to have a ground state.
        HookeError: An atom cannot be computed.
    """
    if output is not None:
        check_output(output, suffixes=ATOMS_SUFFIXES)
    if grid is None and method.strip().lower().startswith("pyscf:"):
        grid = ATOMS_GRID
    engine = engine_of(method, grid=grid, density_fit=density_fit)
    for element in elements:
        if element not in NUMBERS:
            raise UnknownNameError("element", element, NUMBERS)
    numbers = [NUMBERS[element] for element in dict.fromkeys(elements)]
    if not numbers:
        raise UsageError("name at least one element")
    for number in numbers:
        multiplicity_of(number)
    atoms = []
    with progress(len(numbers), f"labelling atoms by {engine.method}", "atoms", show=show_progress) as bar:
        for atom in ordered_map(partial(_atom, engine), numbers, workers=workers if len(numbers) > 1 else 0):
            atoms.append(atom)
            bar.advance(1)
    if output is not None:
        collector = FrameCollector(output.name, 1, 0)
        for atom in atoms:
            collector.add(
                np.array([NUMBERS[atom.element]]), np.zeros((1, 1, 3)), [[atom.energy]], multiplicity=atom.multiplicity
            )
        frames, _ = collector.take()
        assert frames is not None
        stated = {"energy_unit": "eV", "energy_kind": "total", "methods": (engine.method,), "engine": engine.version}
        xyz.write_blocks(output, [frames], replace(_KEYS, forces=(), name="", smiles=""), stated)
    return atoms


def _atom(engine: Engine, number: int) -> AtomEnergy:
    """In a worker."""
    from threadpoolctl import threadpool_limits

    engine.load()
    multiplicity = multiplicity_of(number)
    with threadpool_limits(1):
        try:
            computed = engine.compute(np.array([number], np.uint8), np.zeros((1, 3)), 0, multiplicity)
        except UnlabelledError as error:
            raise HookeError(f"the atom {SYMBOLS[number]} (multiplicity {multiplicity}): {error}") from error
    return AtomEnergy(SYMBOLS[number], multiplicity, computed.energy, computed.steps)
