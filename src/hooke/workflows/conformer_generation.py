"""Conformers of the molecules of a table: sampled, relaxed, checked, ranked and pruned, streamed and resumable.

The output is Parquet with a row a conformer in the schema of QM1B (z, pos, energy), which `hooke data prepare frames` reads; an SD file with
bonds and tags is written from it on demand. A molecule without conformers has one row, with the reason. Of each molecule

    conformers asked for = conformers written + lost (each with why) + pruned

No conformer with another stereo than the molecule states is written: `lost` counts those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rdkit import Chem

from hooke.atoms.conformers.admission import refusal
from hooke.atoms.conformers.rdkit_conformers import distances_among, spread, with_positions, without_hydrogens
from hooke.atoms.conformers.stereo import StereoElements
from hooke.atoms.conformers.validity import Checks
from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError
from hooke.atoms.facts import Facts
from hooke.atoms.formats import sdf
from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash
from hooke.core.types import Chunk
from hooke.inference.stream import StreamReport, read_stamp, stream
from hooke.modalities.atoms.export import SDF, table_rows, whole_file
from hooke.molecules.parse import ParseError, parse
from hooke.molecules.source import TableRows
from hooke.workflows import _table_rows as rows_of_table
from hooke.workflows._conformer_relaxation import Relaxation, Relaxer
from hooke.workflows._conformer_sampling import Sampler, Samples
from hooke.workflows._label_sources import GEOMETRY

SUFFIXES = (".parquet", *SDF)
NUMBER, SEED = 20, 0
WRONG_STEREO = "wrong stereo"
MOST_CONFORMERS = 10_000
_JOBS_A_PART = 16
_GEOMETRY = (
    *zip(GEOMETRY.names, GEOMETRY.types, strict=True),
    ("energy", pa.float64()),
    ("source", pa.string()),
    ("relaxation", pa.string()),
    ("asked", pa.int32()),
    ("lost", pa.int32()),
    ("pruned", pa.int32()),
    ("why_lost", pa.string()),
    ("stereo_elements", pa.int32()),
)
_OWN = ("row", "conformer", *(name for name, _ in _GEOMETRY), "valid", "failed_checks", "reason")
_TITLES = ("name", "title", "id", "_name")


@dataclass(frozen=True)
class Settings:
    """What is made of each molecule.

    Attributes:
        number: Conformers asked for.
        seed: Seed of all random numbers.
        rank: Order conformers by the energy of the relaxation.
        prune: Å: conformers nearer than this to one before are left out; 0 keeps all.
        any_stereo: Take molecules whose stereo is undefined, with whatever stereo comes.
    """

    number: int = NUMBER
    seed: int = SEED
    rank: bool = False
    prune: float = 0.0
    any_stereo: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MOST_CONFORMERS:
            raise UsageError(f"the number of conformers is 1 to {MOST_CONFORMERS}, got {self.number}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"the seed is 0 to 2147483647, got {self.seed}")
        if not 0 <= self.prune < np.inf:
            raise UsageError(f"prune is 0 Å or more, got {self.prune:g}")


@dataclass(frozen=True)
class GenerationReport:
    """Where every row and every conformer went.

    Attributes:
        output: The file written.
        rows: Rows of the source = with_conformers + rejected.
        with_conformers: Of them.
        rejected: Rows without any, each with its reason.
        reasons: Reason → rows.
        asked: Conformers asked for of the rows with conformers = conformers + lost + pruned.
        conformers: Written.
        lost: Why → conformers that could not be made.
        pruned: Conformers left out because they are near another.
        short: Rows with fewer conformers than asked for, before pruning.
        valid: Conformers that pass all checks of geometry.
        sources: What made them → conformers.
        relaxations: How their relaxation ended → conformers.
        seconds: Wall time of this call.
        resumed: Rows of the output taken from a call that was stopped.
        facts: Method, relaxation, seed.
    """

    output: str
    rows: int
    with_conformers: int
    rejected: int
    reasons: Mapping[str, int]
    asked: int
    conformers: int
    lost: Mapping[str, int]
    pruned: int
    short: int
    valid: int
    sources: Mapping[str, int]
    relaxations: Mapping[str, int]
    seconds: float
    resumed: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"{self.rows:,} rows: {self.with_conformers:,} with conformers, {self.rejected:,} rejected, written to {self.output}",
            *(f"  {count:,} × {reason}" for reason, count in self.reasons.items()),
            f"{self.asked:,} conformers asked for: {self.conformers:,} written, {sum(self.lost.values()):,} lost, {self.pruned:,} pruned",
            *(f"  {count:,} × {why}" for why, count in self.lost.items()),
            *([f"  {self.short:,} rows have fewer conformers than asked for"] if self.short else []),
            f"  {self.valid:,} of {self.conformers:,} pass all checks of geometry",
        ]
        for name, counts in (("source", self.sources), ("relaxation", self.relaxations)):
            lines.append(f"  {name}: {', '.join(f'{count:,} {text}' for text, count in counts.items()) or 'none'}")
        return "\n".join(lines)


def generate_file(
    source: Path,
    output: Path,
    *,
    sampler: Sampler,
    relaxer: Relaxer,
    settings: Settings,
    identity: Mapping[str, Any],
    smiles_column: str | None = None,
    workers: int | None = None,
    resume: bool = True,
    show_progress: bool = True,
) -> GenerationReport:
    """Make conformers of every molecule of a table.

    Args:
        source: CSV, Parquet, SMILES or SD file.
        output: .parquet; or .sdf, which holds the conformers and has all rows in `<output>.parquet` beside it.
        sampler, relaxer: How they are made.
        settings: See `Settings`.
        identity: Of sampler and relaxer: an output of others is not continued.
        smiles_column: If it is not recognised.
        workers: Processes; None takes all cores.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show rows, rate and time left.

    Raises:
        UsageError: Ranking without energies.
        DataError: The source or the disk is at fault.
    """
    if settings.rank and not relaxer.method:
        raise UsageError("--rank needs the energy of a relaxation: state --relax mmff, gfn2 or a run")
    table = TableRows.open(source, smiles_column)
    molecules = Molecules(table, sampler, relaxer, settings)
    columns = CheckColumns(sampler.on_gpu or relaxer.on_gpu, relaxer.method)
    whole = whole_file(output)
    stamp = {"model_hash": content_hash(dict(identity)), "frames": asdict(columns.numbers)}
    done = stream(
        molecules, whole, columns, stamp, {"verb": "conformers"}, workers=workers, resume=resume, show_progress=show_progress,
        doing="conformers of", suffixes=(".parquet",),
    )  # fmt: skip
    if whole != output:
        write_sdf(whole, output)
    return report_of(whole, output, done)


class Molecules:
    """The molecules of a table as jobs; see `core.types.Source`. A chunk holds their conformers, however many there are.

    Args:
        table: Where the SMILES are.
        sampler, relaxer, settings: See `generate_file`.
    """

    parallel = True
    jobs_a_part = _JOBS_A_PART
    unit = "conformers"

    def __init__(self, table: TableRows, sampler: Sampler, relaxer: Relaxer, settings: Settings) -> None:
        self.table, self._sampler, self._relaxer, self._settings = table, sampler, relaxer, settings
        self.rows_a_job = relaxer.rows_a_job
        self.name = table.name
        self._names = rows_of_table.output_names(table.columns, _OWN)
        self.facts = {**asdict(settings), "relaxed by": relaxer.method or "none"}

    @cached_property
    def schema(self) -> pa.Schema:
        """See `Source`."""
        cells = [(name, pa.string()) for name in self._names.values()]
        return pa.schema([("row", pa.int64()), ("conformer", pa.int32()), *cells, *_GEOMETRY])

    def content_hash(self) -> str:
        """See `Source`."""
        versions = [self._relaxer.version, self._sampler.version]
        return content_hash([self.table.content_hash(), self.table.smiles, self._settings, versions])

    def row_count(self) -> int | None:
        """At most so many conformers, where that is quick to know; rejected rows have none."""
        rows = self.table.row_count()
        return None if rows is None else rows * self._settings.number

    def jobs(self, *, skip: int = 0) -> Iterator[list[tuple[int, dict[str, str], str]]]:
        """Lists of (row, cells, why the row is none)."""
        rows = rows_of_table.table_rows(self.table, skip * self.rows_a_job)
        while job := list(islice(rows, self.rows_a_job)):
            yield job

    def prepare(self, job: Any) -> list[tuple[dict[str, Any], EmbeddedMolecule | str]]:
        """See `Source`: molecules are parsed."""
        prepared = []
        for row, cells, broken in job:
            title = next((cells[name] for name in cells if name.lower() in _TITLES and cells[name]), None)
            common = {"row": row, **rows_of_table.cells_of(self._names, cells), "name": title}
            prepared.append((common, broken or self._molecule(cells[self.table.smiles])))
        return prepared

    def _molecule(self, smiles: str) -> EmbeddedMolecule | str:
        try:
            molecule = parse(smiles)
            if why := refusal(molecule, any_stereo=self._settings.any_stereo):
                return why
            return EmbeddedMolecule.of(molecule, several=True)
        except (ParseError, NoGeometryError) as error:
            return str(error)

    def chunk(self, prepared: list[tuple[dict[str, Any], EmbeddedMolecule | str]]) -> Chunk:
        """See `Source`: the conformers stand in the table itself."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        self._relaxer.load()
        molecules = [molecule for _, molecule in prepared if isinstance(molecule, EmbeddedMolecule)]
        with threadpool_limits(1):
            samples = self._sampler(molecules, self._settings.number, self._settings.seed)
            relaxed = self._relaxer(molecules, [each.positions for each in samples])
        made = iter(zip(samples, relaxed, strict=True))
        rows: list[dict[str, Any]] = []
        reasons: dict[int, str] = {}
        for common, molecule in prepared:
            if isinstance(molecule, str):
                reasons[len(rows)] = molecule
                rows.append(common)
                continue
            new, why = self._kept(molecule, *next(made))
            if not new:
                reasons[len(rows)] = f"no conformer could be made: {why}"
                rows.append(common)
            rows += [{**common, **each} for each in new]
        columns = [pa.array([each.get(field.name) for each in rows], field.type) for field in self.schema]
        places = np.array([place for place in range(len(rows)) if place not in reasons], np.int64)
        return Chunk(pa.Table.from_arrays(columns, schema=self.schema), (), (places,), reasons=reasons)

    def _kept(
        self, molecule: EmbeddedMolecule, samples: Samples, relaxed: Relaxation
    ) -> tuple[list[dict[str, Any]], str]:
        """Rows of the conformers that are written, and why others were lost."""
        elements = StereoElements.of(molecule.molecule)
        right = elements.right(relaxed.positions).all(axis=1)
        lost = samples.lost + Counter({WRONG_STEREO: int((~right).sum())})
        order = np.flatnonzero(right)
        if self._settings.rank:
            order = order[np.argsort(relaxed.energies[order], kind="stable")]  # NaN last
        kept = order
        if self._settings.prune and len(order):
            heavy = without_hydrogens(with_positions(molecule.molecule, relaxed.positions[order]))
            kept = order[spread(distances_among(heavy), self._settings.prune)]
        why = ", ".join(f"{count} {what}" for what, count in sorted(lost.items()) if count)
        common = {
            "smiles": molecule.smiles, "z": molecule.numbers,
            "charge": molecule.charge, "multiplicity": molecule.multiplicity, "asked": self._settings.number,
            "lost": self._settings.number - len(order), "pruned": len(order) - len(kept), "why_lost": why, "stereo_elements": len(elements),
        }  # fmt: skip
        return [
            {
                **common, "conformer": number, "pos": relaxed.positions[place].ravel(),
                "energy": None if np.isnan(relaxed.energies[place]) else float(relaxed.energies[place]),
                "source": samples.sources[place], "relaxation": relaxed.outcomes[place],
            }
            for number, place in enumerate(kept.tolist())
        ], why  # fmt: skip


@dataclass(frozen=True)
class CheckColumns:
    """Validity of the conformers of a chunk; see `inference.stream.Columns`.

    Attributes:
        on_gpu: Whether the chunks are made on a GPU.
        method: Of the energies; "" for none.
    """

    on_gpu: bool
    method: str
    counted: Sequence[str] = ("source", "relaxation")
    schema = pa.schema([("valid", pa.bool_()), ("failed_checks", pa.string())])

    @property
    def numbers(self) -> Facts:
        """What the energies are."""
        methods = (self.method,) if self.method and self.method != "mmff94" else ()
        return Facts("eV" if methods else "", "angstrom", "", "", "total" if methods else "", methods, ())

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Columns`."""
        return {}

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """See `Columns`."""
        valid: list[bool] = []
        failed: list[str] = []
        smiles, positions = chunk.table["smiles"], chunk.table["pos"]
        rows = chunk.rows.tolist()
        start = 0
        while start < len(rows):
            text = smiles[rows[start]].as_py()
            stop = start
            while stop < len(rows) and smiles[rows[stop]].as_py() == text:
                stop += 1
            places = np.array([np.array(positions[row].values) for row in rows[start:stop]]).reshape(
                stop - start, -1, 3
            )
            checked = Checks(molecule_with_hydrogens(text)).of(places)
            valid += checked.valid.tolist()
            failed += checked.failures()
            start = stop
        return [pa.array(valid, pa.bool_()), pa.array(failed, pa.string())], {}


def molecule_with_hydrogens(smiles: str) -> Chem.Mol:
    """The molecule of a row, whose atoms are in the order of its positions."""
    return Chem.AddHs(Chem.MolFromSmiles(smiles))


def write_sdf(conformers: Path, output: Path) -> None:
    """Write the conformers of a Parquet file as an SD file; the tags are the columns."""
    sdf.write_molecules(output, _records(conformers))


def _records(conformers: Path) -> Iterator[Chem.Mol]:
    smiles, molecule = "", Chem.Mol()
    for row in table_rows(conformers):
        if row["pos"] is None:
            continue
        if row["smiles"] != smiles:
            smiles, molecule = row["smiles"], molecule_with_hydrogens(row["smiles"])
            Chem.Kekulize(molecule, clearAromaticFlags=True)
        molecule.SetProp("_Name", row["name"] or row["smiles"])
        tags = {
            name: value for name, value in row.items() if name not in ("name", "z", "pos", "reason") and value not in (None, "")
        }  # fmt: skip
        yield sdf.changed(molecule, np.array(row["pos"]).reshape(-1, 3), tags)


def report_of(whole: Path, output: Path, done: StreamReport) -> GenerationReport:
    """Count what stands in a finished output.

    Args:
        whole: The Parquet file.
        output: What the user asked for.
        done: Of the stream that wrote it.
    """
    found = pq.read_table(
        whole,
        columns=["row", "conformer", "asked", "lost", "pruned", "why_lost", "valid", "source", "relaxation", "reason"],
    )
    firsts = found.filter(pc.equal(found["conformer"], 0))
    rejected = found.filter(pc.is_null(found["conformer"]))
    lost: Counter[str] = Counter()
    for why in firsts["why_lost"].to_pylist():
        for part in why.split(", ") if why else ():
            count, _, what = part.partition(" ")
            lost[what] += int(count)

    def counted(table: pa.Table, column: str) -> dict[str, int]:
        return dict(Counter(value for value in table[column].to_pylist() if value is not None).most_common())

    stamp = read_stamp(whole) or {}
    return GenerationReport(
        str(output), len(firsts) + len(rejected), len(firsts), len(rejected), counted(rejected, "reason"),
        pc.sum(firsts["asked"]).as_py() or 0, len(found) - len(rejected), dict(lost), pc.sum(firsts["pruned"]).as_py() or 0,
        pc.sum(pc.greater(firsts["lost"], 0)).as_py() or 0, pc.sum(found["valid"]).as_py() or 0, counted(found, "source"),
        counted(found, "relaxation"), done.seconds, done.resumed_rows, stamp.get("facts", {}),
    )  # fmt: skip
