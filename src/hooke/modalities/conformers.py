"""Conformers: molecules with bonds and geometries, from which networks learn to make geometries.

A store is one of frames whose atoms are in the order of the canonical SMILES of their molecule (`datasets.own_conformers`); rows are conformers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from rdkit import Chem

from hooke.atoms.conformers.clustering import clustered
from hooke.atoms.conformers.force_field import minimise
from hooke.atoms.conformers.rdkit_conformers import distances, with_positions, without_hydrogens
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.store import REJECTED, FrameStore
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.label import Label
from hooke.core.loader import BoundedLoader
from hooke.core.recipe import Recipe, SplitSection
from hooke.core.runs import RunFolder
from hooke.core.types import LabelledSpec
from hooke.evaluate import splits
from hooke.evaluate.conformers import EnsembleScores, ensemble_scores, summarise
from hooke.evaluate.moments import Moments
from hooke.evaluate.splits import Split, evenly_spaced
from hooke.modalities import Checks, Description, Follow, Sample, Symmetry, Trainable
from hooke.report import build
from hooke.report.schema import DataSummary, ResultTable

if TYPE_CHECKING:
    from torch import Tensor

    from hooke.atoms.conformers.batch import ConformerBatch
    from hooke.atoms.conformers.graph import MoleculeGraph

LEVEL = "conformer"
_LABEL = Label("energy", LEVEL, unit="eV")
_EVALUATION_BATCH = 32
_TESTED, _MOST_SAMPLES, _STEPS = 30, 10, 25  # molecules, samples of each, and steps of a flow in the report
_THRESHOLDS = (0.75,)  # Å
_BASELINES = ("etkdg", "etkdg + mmff", "etkdg x 10, clustered")
_SAMPLE = ("CCO", "CC(=O)N", "C[C@H](F)Cl", "C/C=C/O", "c1ccoc1", "CN")
_ODD: Mapping[str, tuple[str, ...]] = {
    "one atom": ("[He]",), "a salt": ("C[NH3+].[Cl-]",), "two atoms": ("[H][H]",), "together": ("O.[Na+].[Cl-]", "C#C"),
}  # fmt: skip


@dataclass(frozen=True)
class ConformersSection:
    """What networks that make conformers start from.

    Attributes:
        starts: Embedded conformers of each molecule that paths begin at (a refiner); 0 begins at draws of the task's prior.
        most_pairs: Squares of atoms of a molecule, summed over a batch.
    """

    starts: int = 0
    most_pairs: int = 200_000

    def __post_init__(self) -> None:
        if self.starts < 0 or self.most_pairs < 1:
            raise ValueError("starts is 0 or more, most_pairs 1 or more")


MEANINGS = {
    "random": "optimistic, other conformers of the same molecules are trained on",
    "molecule": "whole molecules are tested on",
}


def conformer_split(store: FrameStore, section: SplitSection) -> Split:
    """Rows of train, valid and test.

    Raises:
        UnknownNameError: No such kind.
        DataError: There are too few molecules to keep them apart.
    """
    generator = np.random.default_rng(section.seed)
    if section.kind == "random":
        return splits.random_split(len(store), generator=generator, fractions=section.fractions)
    if section.kind != "molecule":
        raise UnknownNameError("kind of split", section.kind, MEANINGS)
    keys: list[object] = store.molecule().tolist()
    if len(set(keys)) < sum(fraction > 0 for fraction in section.fractions):
        raise DataError(
            f"{store.name} holds {len(set(keys))} molecules, too few to keep them apart; take data.split.kind=random"
        )
    return splits.group_split(keys, generator=generator, fractions=section.fractions)


class Conformers(Trainable):
    """See `hooke.modalities`."""

    name = "conformers"
    items = "conformers"
    unit = "conformers"
    sections = {"conformers": ConformersSection}  # noqa: RUF012
    levels = (LEVEL,)
    example = {  # noqa: RUF012
        "data": {"name": "own_conformers"},
        "model": {"name": "et_flow", "preset": "tiny"},
        "task": {"name": "flow_matching"},
        "train": {"batch_size": 4},
    }
    splits = dict.fromkeys(MEANINGS, conformer_split)
    split_meanings = MEANINGS

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Rotation, place, and another order of atoms; not reflection, which networks may notice."""
        return (
            Symmetry("rotation of conformers", _turned), Symmetry("place of conformers", _moved), Symmetry("order of atoms", _reordered),
        )  # fmt: skip

    def open(self, folder: Path) -> FrameStore:
        """See `Modality.open`."""
        return FrameStore.open(folder)

    def describe(self, store: FrameStore) -> Description:
        """Conformers, molecules, and what was left out."""
        counts = dict(store.description["counts"])
        fields = {
            "store": store.folder, "conformers": len(store), "molecules": counts["molecules"], "subsets": ", ".join(store.subsets),
            "hash": store.content_hash, "ingest": counts,
        }  # fmt: skip
        section = DataSummary(
            store.folder.name, rows_read=len(store) + counts["refused"], rows_kept=len(store), rows_rejected=counts["refused"],
            notes=(f"{len(store):,} conformers of {counts['molecules']:,} molecules",),
        )  # fmt: skip
        left = f"{counts['refused']:,} conformers left out: {store.folder / REJECTED}" if counts["refused"] else ""
        return Description(fields, left, section)

    def sample(self, seed: int = 0) -> Sample:
        """Embedded conformers of six small molecules; odd ones, salts among them. Halfway from the prior."""
        import torch

        from hooke.atoms.conformers.batch import conformer_batch
        from hooke.atoms.conformers.graph import MoleculeGraph

        odd = [smiles for group in _ODD.values() for smiles in group]
        graphs = [
            MoleculeGraph.of(EmbeddedMolecule.of(Chem.MolFromSmiles(smiles), several=True))
            for smiles in (*_SAMPLE, *odd)
        ]
        positions = [graph.molecule.conformers(1, seed + 1)[0] for graph in graphs]
        spec = LabelledSpec((_LABEL,), {LEVEL: Moments.of(np.arange(6.0)[:, None]).statistics()})

        def batch(places: Sequence[int], wanted: Any) -> ConformerBatch:
            chosen = list(places)
            made = conformer_batch(
                [graphs[place] for place in chosen],
                [positions[place] for place in chosen],
                np.array(chosen),
                dtype=torch.float64,
            )
            targets = {LEVEL: torch.tensor(chosen, dtype=torch.float64)[:, None]} if wanted.labels else {}
            return replace(made, time=torch.full_like(made.time, 0.5), targets=targets)

        starts = np.cumsum([len(_SAMPLE), *(len(group) for group in _ODD.values())])
        groups = {
            name: list(range(start, stop)) for name, start, stop in zip(_ODD, starts[:-1], starts[1:], strict=True)
        }
        return Sample(spec, len(_SAMPLE), batch, groups)

    def outputs(self, model: Any, batch: ConformerBatch) -> dict[str, Tensor]:
        """See `Modality.outputs`: embeddings, and velocities of atoms."""
        return {LEVEL: model.embed(batch), "velocity": model(batch)}

    def checks(self) -> Checks:
        """What stores of conformers hold."""
        return Checks(stores={"conformers": _check_store})

    def spec(self, store: FrameStore, rows: np.ndarray, recipe: Recipe) -> LabelledSpec:
        """Energies, where the data have some; the flow does not read them."""
        return LabelledSpec((_LABEL,), {LEVEL: Moments.of(store.energies(np.asarray(rows))[:, :1]).statistics()})

    def loader(
        self, store: FrameStore, rows: np.ndarray, spec: LabelledSpec, recipe: Recipe, *, part: str, seed: int | None = None,
        rank: int = 0, world: int = 1,
    ) -> BoundedLoader[ConformerBatch]:  # fmt: skip
        """Batches of a bounded sum of squared sizes."""
        import torch

        from hooke.atoms.conformers.batch import conformer_batch
        from hooke.atoms.conformers.graph import graph_of_smiles

        section: ConformersSection = recipe.sections["conformers"]
        smiles = store.molecules["smiles"].to_list()

        def load(chosen: np.ndarray) -> ConformerBatch:
            frames = store.gather(chosen)
            graphs = [graph_of_smiles(smiles[molecule]) for molecule in store.molecule(chosen)]
            positions = np.split(np.asarray(frames.positions, np.float64), frames.offsets[1:-1])
            starts = [_starts(graph.molecule, section.starts) for graph in graphs] if section.starts else []
            batch = conformer_batch(graphs, positions, chosen, starts=starts)
            return replace(
                batch, targets={LEVEL: torch.from_numpy(frames.energies[:, :1].copy())} if spec.labels else {}
            )

        size = recipe.train.batch_size if part == "train" else max(recipe.train.batch_size, _EVALUATION_BATCH)
        costs = np.maximum(1, store.store.axis_counts("atom", np.asarray(rows)).astype(np.int64) ** 2)
        return BoundedLoader(
            load, rows, size, seed=seed if part == "train" else None, costs=costs, most=section.most_pairs, rank=rank, world=world
        )  # fmt: skip

    def identify(self, store: FrameStore, rows: np.ndarray) -> dict[str, Any]:
        """Molecule, and number of the conformer in the store."""
        return {"smiles": store.molecules["smiles"][store.molecule(rows)].to_list(), "conformer": np.asarray(rows)}

    def report(self, loaded: Any, store: FrameStore) -> dict[str, Any]:
        """Conformers of held-out molecules by the flow, as a refiner where it was trained so, and by embedding, against those of the store."""
        rows = loaded.run.path("split.parquet")
        if loaded.recipe.has_estimator or loaded.recipe.task.name != "flow_matching" or not rows.exists():
            return {}
        parts = pl.read_parquet(rows)
        held_out = parts.filter(pl.col("split") == "test")["row"].to_numpy()
        return {"results": flow_tables(loaded, store, held_out)} if len(held_out) else {}

    def next_step(self, run: RunFolder, *, learns_labels: bool) -> tuple[str, str]:
        """See `Trainable.next_step`."""
        return (
            "Make conformers",
            f"hooke conformers generate NEW.csv --method flow --run {run.folder} -o conformers.sdf",
        )


def flow_tables(loaded: Any, store: FrameStore, rows: np.ndarray) -> tuple[ResultTable, ...]:
    """COV and AMR of at most `_TESTED` molecules, equally many conformers by each way: two for each of the store's, at most `_MOST_SAMPLES`."""
    from hooke.atoms.conformers.graph import graph_of_smiles
    from hooke.nn.atoms.conformer_flow import Flow

    trained = loaded.recipe.task.config.prior
    ways: dict[str, Flow] = {}
    if trained != "etkdg":
        ways["flow"] = Flow(loaded.network.eval(), "harmonic" if trained == "mixed" else trained, _STEPS)
    if trained in ("etkdg", "mixed"):
        ways["flow_refine"] = Flow(loaded.network.eval(), "etkdg", _STEPS)
    smiles = store.molecules["smiles"].to_list()
    scores: dict[str, list[EnsembleScores]] = {name: [] for name in (*ways, *_BASELINES)}
    sources: Counter[str] = Counter()
    of_rows = store.molecule(rows)
    molecules = np.unique(of_rows)[evenly_spaced(len(np.unique(of_rows)), _TESTED)]
    for molecule in molecules.tolist():
        graph = graph_of_smiles(smiles[molecule])
        frames = store.gather(rows[of_rows == molecule])
        known = heavy_conformers(graph, np.asarray(frames.positions, np.float64).reshape(len(frames), -1, 3))
        number = min(2 * len(frames), _MOST_SAMPLES)
        made: dict[str, np.ndarray] = {}
        for name, flow in ways.items():
            [found] = flow.conformers([graph], number, [int(molecule)])
            made[name] = found.positions
            sources.update(f"{name}: {source}" for source in found.sources)
        pool = graph.molecule.conformers(10 * number, 1)
        relaxed = minimise(graph.molecule.molecule, pool[:number]) if len(pool) else None
        made |= {
            _BASELINES[0]: pool[:number], _BASELINES[1]: pool[:number] if relaxed is None else relaxed.positions,
            _BASELINES[2]: pool[clustered(graph.molecule.molecule, pool, number, 0)] if len(pool) else pool,
        }  # fmt: skip
        for name, positions in made.items():
            apart = (
                distances(known, heavy_conformers(graph, positions))
                if len(positions)
                else np.zeros((known.GetNumConformers(), 0))
            )
            scores[name].append(ensemble_scores(apart, _THRESHOLDS, missing=number - len(positions)))
    summaries = {name: summarise(each, _THRESHOLDS) for name, each in scores.items()}
    labels = [Label(name) for name in ("AMR-R", "AMR-P", f"COV-R {_THRESHOLDS[0]}", f"COV-P {_THRESHOLDS[0]}")]
    columns = {
        name: [each.recall, each.precision, each.coverage_recall[0], each.coverage_precision[0]] for name, each in summaries.items()
    }  # fmt: skip
    names = [label.name for label in labels]
    table = build.result_table(
        "Conformers of held-out molecules, against those of the data", labels,
        dict(zip(names, ("RMSD (Å)", "RMSD (Å)", "share", "share"), strict=True)),
        columns, higher_is_better=dict(zip(names, (False, False, True, True), strict=True)), baselines=_BASELINES,
        intervals="95 % over molecules", note=f"{len(molecules)} molecules; {', '.join(f'{n} {source}' for source, n in sources.items())}",
    )  # fmt: skip
    return (table,)


def heavy_conformers(graph: MoleculeGraph, positions: np.ndarray) -> Chem.Mol:
    """Conformers (n, atoms, 3) of a molecule without hydrogens."""
    return without_hydrogens(with_positions(graph.molecule.molecule, positions))


_EMBEDDED: dict[tuple[str, int], np.ndarray] = {}


def _starts(molecule: EmbeddedMolecule, count: int) -> np.ndarray:
    """(count, atoms, 3) embedded conformers; those of a molecule are made once in a process, and repeated where fewer can be.

    Raises:
        DataError: None can be embedded.
    """
    key = (molecule.smiles, count)
    if key not in _EMBEDDED:
        made = molecule.conformers(count, 1)
        if not len(made):
            raise DataError(f"{molecule.smiles} cannot be embedded, so that no path can begin there")
        _EMBEDDED[key] = made[np.arange(count) % len(made)]
    return _EMBEDDED[key]


def _check_store(store: FrameStore) -> None:
    """Atoms are those of the SMILES, in its order."""
    from hooke.atoms.conformers.graph import graph_of_smiles
    from hooke.nn.contract import require

    frames, smiles = store.gather(np.arange(len(store))), store.molecules["smiles"].to_list()
    for row, molecule in enumerate(store.molecule().tolist()):
        own = frames.numbers[frames.offsets[row] : frames.offsets[row + 1]]
        expected = graph_of_smiles(smiles[molecule]).molecule.numbers
        require(np.array_equal(own, expected), f"the atoms of conformer {row} are not those of {smiles[molecule]}")


def _turned(batch: ConformerBatch, generator: np.random.Generator) -> tuple[ConformerBatch, Follow]:
    import torch

    any_turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    turn = torch.from_numpy(any_turn * np.linalg.det(any_turn)).to(batch.positions)

    def follow(level: str, values: Tensor) -> Tensor:
        return values @ turn if level == "velocity" else values

    return replace(batch, positions=batch.positions @ turn), follow


def _moved(batch: ConformerBatch, generator: np.random.Generator) -> tuple[ConformerBatch, Follow]:
    import torch

    shift = torch.from_numpy(generator.normal(size=(batch.num_items, 3)) * 5).to(batch.positions)
    return replace(batch, positions=batch.positions + shift[batch.frame]), lambda level, values: values


def _reordered(batch: ConformerBatch, generator: np.random.Generator) -> tuple[ConformerBatch, Follow]:
    """Atoms of each molecule in another order, with their bonds."""
    import torch

    offsets = batch.offsets.tolist()
    pieces = [start + generator.permutation(stop - start) for start, stop in pairwise(offsets)]
    order = torch.from_numpy(np.concatenate(pieces))
    where = torch.empty_like(order)
    where[order] = torch.arange(len(order))
    inside = order - batch.offsets[batch.frame]
    blocks = batch.padded(inside[:, None].double() + 1)[..., 0].long() - 1
    beyond = torch.arange(blocks.shape[1]).expand_as(blocks)
    blocks = torch.where(blocks < 0, beyond, blocks)
    factors = batch.factors.gather(1, blocks[:, :, None].expand_as(batch.factors))
    factors = factors.gather(2, blocks[:, None].expand_as(factors))
    changed = replace(
        batch, numbers=batch.numbers[order], features=batch.features[order], positions=batch.positions[order],
        fragment=batch.fragment[order], bonds=where[batch.bonds], factors=factors, starts=batch.starts[:, order],
    )  # fmt: skip
    return changed, lambda level, values: values[order] if level == "velocity" else values


MODALITY = Conformers()
