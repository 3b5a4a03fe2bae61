"""Quantum labels: energy and forces of frames, or of conformers embedded from molecules, streamed and resumable; and isolated atoms.

The output is Parquet with a row a frame in the schema of QM1B (z, pos, energy), which `hooke data prepare frames` reads without being told
units or methods: they stand in its metadata. A frame that cannot be labelled keeps its row, with the reason. Extended XYZ is written from
it on demand.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hooke.atoms.elements import NUMBERS, SYMBOLS
from hooke.atoms.engines import Computed, Engine, Given, UnlabelledError, refuse_impossible
from hooke.atoms.engines import engine_of as external_engine
from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_contents, read_frames, resolve, xyz
from hooke.atoms.formats.parquet import holds_frames
from hooke.atoms.frames import FrameCollector
from hooke.atoms.ground_states import multiplicity_of
from hooke.atoms.keys import Keys
from hooke.atoms.store import FrameStore
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.files import replacing
from hooke.core.hashing import content_hash
from hooke.core.parallel import default_workers, ordered_map
from hooke.core.progress import progress
from hooke.core.types import Chunk
from hooke.core.units import factor
from hooke.core.writable import check_output
from hooke.inference.stream import StreamReport, stream
from hooke.modalities.atoms.export import table_rows, whole_file
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
    forces: bool = True,
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
        grid, density_fit, forces: See `engine_of`.
        workers: Processes; None takes all cores.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show frames, rate and time left.

    Raises:
        UsageError: An option that is none, or does not belong to the source or method.
        DataError: The source or the disk is at fault.
    """
    engine = engine_of(method, grid=grid, density_fit=density_fit, forces=forces)
    rows = _rows(source, engine, conformers, seed, smiles_column, charge, multiplicity)
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


def _rows(
    source: Path | FrameStore, engine: Engine, conformers: int | None, seed: int | None, smiles_column: str | None, charge: int | None,
    multiplicity: int | None,
) -> EmbeddedRows | StoredFrames:  # fmt: skip
    stated = ChargeAndSpin(charge, multiplicity)
    if multiplicity is not None and multiplicity < 1:
        raise UsageError(f"a multiplicity is 1 or more, got {multiplicity}")
    if isinstance(source, FrameStore):
        if (conformers, seed, smiles_column) != (None, None, None):
            raise UsageError(
                "conformers, their seed and a column of SMILES belong to tables of molecules, not to frames"
            )
        return StoredFrames(source, stated, engine.frames_a_job, engine.frames_a_part)
    count = 1 if conformers is None else conformers
    if count < 1:
        raise UsageError(f"the number of conformers is 1 or more, got {count}")
    table = TableRows.open(source, smiles_column)
    return EmbeddedRows(table, count, seed or 0, stated, engine.frames_a_job, engine.frames_a_part)


def engine_of(method: str, *, grid: int | None = None, density_fit: bool = False, forces: bool = True) -> Engine:
    """The engine of a method: the own one of "XC/BASIS", or a program's; see `atoms.engines.engine_of`.

    Args:
        method: Its name.
        grid: Level of the integration grid; None takes the engine's own.
        density_fit: Approximate two-electron integrals (PySCF).
        forces: Whether they are computed; without them labels of the own engine take a half to two thirds of the time.

    Raises:
        UsageError: The program is not installed, has no such option, or does not offer the method.
        UnknownNameError: There is no such method.
    """
    if "/" in method and not method.strip().lower().startswith("pyscf:"):
        from hooke.nn.atoms.scf.engine import ScfEngine

        return ScfEngine.of(method, grid, density_fit, forces)
    if not forces:
        raise UsageError(f"labels without forces are offered by XC/BASIS alone, not by {method!r}")
    return external_engine(method, grid=grid, density_fit=density_fit)


@dataclass(frozen=True)
class Estimate:
    """What a command would cost: `--dry-run`.

    Attributes:
        method, engine: Of the labels.
        frames: Of the source.
        sampled: Frames that were labelled to find out, and not kept.
        failed: How many of these have no label.
        seconds_a_frame: Processor seconds, embedding included.
        workers: Processes that would share the work.
        hours: Until all are labelled, if each process has a core to itself.
    """

    method: str
    engine: str
    frames: int
    sampled: int
    failed: int
    seconds_a_frame: float
    workers: int
    hours: float

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """A few lines for people."""
        return (
            f"{self.frames:,} frames by {self.method} ({self.engine}): about {self.hours:.2g} hours in {self.workers} processes\n"
            f"  {self.seconds_a_frame:.3g} CPU seconds a frame, from {self.sampled} of them, {self.failed} without a label\n"
            "  nothing is written"
        )


def estimate(
    source: Path | FrameStore, *, method: str, conformers: int | None = None, seed: int | None = None, smiles_column: str | None = None,
    charge: int | None = None, multiplicity: int | None = None, grid: int | None = None, density_fit: bool = False,
    forces: bool = True, workers: int | None = None,
) -> Estimate:  # fmt: skip
    """Label up to three jobs of a source, spread over it, to say what all would cost; see `label` for the options.

    Raises:
        UsageError: As `label`.
        DataError: The source cannot be read, or holds no rows.
    """
    engine = engine_of(method, grid=grid, density_fit=density_fit, forces=forces)
    rows = _rows(source, engine, conformers, seed, smiles_column, charge, multiplicity)
    columns = LabelColumns(engine)
    count = rows.row_count() if isinstance(rows, StoredFrames) else sum(map(len, rows.jobs()))
    if not count:
        raise DataError(f"{rows.name} holds no rows")
    jobs = -(-count // rows.rows_a_job)
    engine.load()
    with suppress(UnlabelledError):  # compiles what has to be
        engine.compute(np.array([1, 1], np.uint8), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]]), 0, 1)
    sampled, failed, spent = 0, 0, 0.0
    for skip in sorted({0, jobs // 2, jobs - 1}):
        for job in islice(rows.jobs(skip=skip), 1):
            started = time.process_time()
            chunk = rows.chunk(rows.prepare(job))  # type: ignore[arg-type]
            _, reasons = columns.compute(chunk)
            spent += time.process_time() - started
            sampled, failed = sampled + chunk.table.num_rows, failed + len(reasons) + len(chunk.reasons)
    each, processes = spent / sampled, max(1, default_workers() if workers is None else workers)
    hours = count * each / processes / 3600
    return Estimate(engine.method, engine.version, count, sampled, failed, each, processes, hours)


@dataclass(frozen=True)
class LabelColumns:
    """Energy and forces by an engine; see `inference.stream.Columns`."""

    engine: Engine
    on_gpu = False
    counted: Sequence[str] = ()

    @property
    def schema(self) -> pa.Schema:
        """See `Columns`."""
        vectors = [("forces", pa.list_(pa.float64()))] if self.engine.forces else []
        return pa.schema(
            [
                ("energy", pa.float64()),
                *vectors,
                *((name, pa.float64()) for name in ("homo", "lumo", "gap", "dipole")),
                ("converged", pa.bool_()),
                ("scf_steps", pa.int32()),
                ("last_change", pa.float64()),
                ("noise", pa.float64()),
                ("grid", pa.int32()),
                ("precision", pa.string()),
                ("method", pa.string()),
                ("engine", pa.string()),
            ]
        )

    @property
    def numbers(self) -> Facts:
        """What energies and forces are."""
        methods = (self.engine.method,)
        unit, derivative, pulled = ("eV/angstrom", "force", methods) if self.engine.forces else ("", "", ())
        return Facts("eV", "angstrom", unit, derivative, "total", methods, pulled, self.engine.properties)

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Columns`."""
        caution = {"caution": self.engine.caution} if self.engine.caution else {}
        return {"method": self.engine.method, "engine": self.engine.version, **caution}

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The columns of the rows with a geometry, and why some of them have no label."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        self.engine.load()
        failed: dict[int, str] = {}
        results: list[Computed | None] = [None] * len(chunk.rows)
        numbers, positions, charge, spin = (chunk.table[name] for name in ("z", "pos", "charge", "multiplicity"))
        places: list[int] = []
        systems: list[Given] = []
        for place, row in enumerate(chunk.rows.tolist()):
            system = (
                np.array(numbers[row].values), np.array(positions[row].values).reshape(-1, 3), charge[row].as_py(), spin[row].as_py(),
            )  # fmt: skip
            try:
                refuse_impossible(*system)
            except UnlabelledError as error:
                failed[place] = str(error)
            else:
                places.append(place)
                systems.append(system)
        with threadpool_limits(1):
            labels = self.engine.compute_all(systems)
        for place, result in zip(places, labels, strict=True):
            if isinstance(result, UnlabelledError):
                failed[place] = str(result)
            elif not np.isfinite(result.energy) or not (result.forces is None or np.isfinite(result.forces).all()):
                failed[place] = "its energy or forces are not finite"
            else:
                results[place] = result
        cells = {name: [self._cell(each, name) for each in results] for name in self.schema.names}
        return [pa.array(cells[field.name], field.type) for field in self.schema], failed

    def _cell(self, result: Computed | None, name: str) -> Any:
        if result is None:
            return None
        engine = self.engine
        own = {
            "forces": None if result.forces is None else result.forces.ravel(),
            "converged": True,
            "scf_steps": result.steps,
            "last_change": result.change,
            **{key: getattr(engine, key) for key in ("grid", "precision", "method")},
            "engine": engine.version,
        }
        return own[name] if name in own else getattr(result, name)


def export(labels: Path, output: Path) -> None:
    """Write the labelled frames of a Parquet file of labels as extended XYZ, which states units and method in each comment."""
    contents = read_contents(labels)
    keys = resolve(contents.keys, contents, labels.name)
    blocks = (frames for frames, _ in read_frames(labels, keys) if frames is not None)
    stated = {name: value for name, value in contents.stated.items() if name != "properties"}
    xyz.write_blocks(output, blocks, replace(_KEYS, forces=keys.forces, properties=keys.properties), stated)


def export_qm1b(labels: Path, output: Path) -> int:
    """Write the labelled frames of a Parquet file of labels in the schema of QM1B, which the data set `qm1b` reads; returns how many.

    Columns are smile, atoms (symbols in one text), z, energy, homo, lumo and y (the gap) in eV, N (basis functions of STO-3G), std (here
    the energy's last change, in eV) and pos in bohr. A frame without a SMILES has its name.

    Raises:
        DataError: The labels say no orbital energies.
    """
    kept = [row for row in table_rows(labels) if row["reason"] is None]
    if not kept or kept[0].get("gap") is None:
        raise DataError(f"{labels.name} holds no orbital energies, which the schema of QM1B needs")
    length = factor("angstrom", "bohr")
    functions = [sum(1 + 4 * (z > 2) + 4 * (z > 10) for z in row["z"]) for row in kept]
    columns = {
        "smile": [row["smiles"] or row["name"] or "" for row in kept],
        "atoms": ["".join(SYMBOLS[z] for z in row["z"]) for row in kept],
        "z": pa.array([row["z"] for row in kept], pa.list_(pa.int64())),
        **{name: [row[name] for row in kept] for name in ("energy", "homo", "lumo")},
        "N": pa.array(functions, pa.int64()),
        "std": pa.array([row["last_change"] for row in kept], pa.float64()),
        "y": [row["gap"] for row in kept],
        "pos": pa.array([[length * x for x in row["pos"]] for row in kept], pa.list_(pa.float64())),
    }
    with replacing(output) as temporary:
        pq.write_table(pa.table(columns), temporary)
    return len(kept)


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
