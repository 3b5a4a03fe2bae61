"""Molecules: rows of tables as graphs, with labels of molecules, atoms, bonds and pairs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hooke.core import registry
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.loader import RowLoader
from hooke.core.options import plain
from hooke.core.recipe import Recipe
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.core.types import Chunk
from hooke.evaluate.splits import Split
from hooke.modalities import NONE, Candidate, Checks, Description, Readable, Sample, Symmetry, Trainable
from hooke.molecules.encodings.config import POSITIONS, EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.positions import stamped
from hooke.molecules.shares import SharedLoader, Shares, shares_of, table_counts
from hooke.molecules.source import (
    MemoryRows,
    MoleculeRows,
    Preparation,
    PreparedChunk,
    is_path,
    open_source,
    prepare_job,
)
from hooke.molecules.spec import (
    ATOM_PAIR_WIDTH,
    ATOM_PAIRS,
    DESCRIPTOR_WIDTH,
    DESCRIPTORS,
    EXTRAS,
    FEATURES,
    LEVELS,
    MORGAN,
    MORGAN_COUNT_WIDTH,
    MORGAN_COUNTS,
    MoleculeSpec,
)  # fmt: skip
from hooke.molecules.splitting import KINDS, MEANINGS, TIME_COLUMN, leak_report, split_store
from hooke.molecules.statistics import label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables import reading
from hooke.molecules.tables.ingest import ingest_notes, ingest_summary
from hooke.report.data import data_summary, label_summary
from hooke.report.data_schema import LabelSummary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hooke.molecules.batch import MoleculeBatch
    from hooke.nn.graphs.molecule_model import MoleculeModel

_LOG = logging.getLogger("hooke")
MIXTURES = {"toymix": 153_000, "largemix": 5_400_829, "ultralarge": 83_000_000}  # rows, as their cards state
_KERNELS = {"counts": (MORGAN_COUNT_WIDTH, ATOM_PAIR_WIDTH), "radial": (DESCRIPTOR_WIDTH,)}
_FOR_KERNELS = (MORGAN_COUNTS, ATOM_PAIRS, DESCRIPTORS)
CANDIDATES = {
    "gaussian_process": Candidate("gaussian_process", _KERNELS, _FOR_KERNELS, ("minimol",)),
    "support_vectors": Candidate("support_vectors", _KERNELS, _FOR_KERNELS, ("minimol",)),
    "ridge": Candidate("ridge", blocks=(MORGAN_COUNTS, DESCRIPTORS)),
    "probe": Candidate("gaussian_process", blocks=("tiny",)),
    "extra_trees": Candidate(
        "extra_trees", {"trees": 64, "feature_share": 0.1, "least_varied": 0.01}, (MORGAN_COUNTS, DESCRIPTORS)
    ),
}
_DESCRIBED, _LABELS_SHOWN = 50_000, 40
_EVALUATION_BATCH = 256  # at least so many molecules: no gradient needs memory


@dataclass(frozen=True)
class TableOptions:
    """How a table of molecules is read.

    Attributes:
        smiles_column: Name of the SMILES column; None recognises the usual names.
        positions: Where the coordinates come from, for a run that reads them: "rdkit", or an SD file; None as in training.
        layers: Of the encoder whose vectors are wanted: numbers from 1, or negative from the end, or "last" for what the heads read; none
            stands for that alone.
    """

    smiles_column: str | None = None
    positions: str | None = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class MoleculeSource:
    """A table, store or list of molecules as jobs; see `core.types.Source`."""

    rows: MoleculeRows
    how: Preparation
    batch_size: int
    jobs_a_part = 16
    unit = "rows"

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.rows.name

    @property
    def schema(self) -> pa.Schema:
        """The number of the row, and the given columns as texts."""
        return pa.schema([("row", pa.int64()), *((name, pa.string()) for name in self.rows.columns)])

    @property
    def rows_a_job(self) -> int:
        """See `Source`."""
        return reading.CHUNK_ROWS

    @property
    def parallel(self) -> bool:
        """Tables are parsed in worker processes; a store's molecules may be parsed already."""
        return self.rows.parallel(self.how)

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing beside the rows."""
        return {}

    def content_hash(self) -> str:
        """See `Source`."""
        return self.rows.content_hash()

    def row_count(self) -> int | None:
        """See `Source`."""
        return self.rows.row_count()

    def jobs(self, *, skip: int = 0) -> Iterator[Any]:
        """See `Source`."""
        return self.rows.jobs(self.how, skip=skip)

    def prepare(self, job: Any) -> PreparedChunk:
        """See `Source`."""
        return prepare_job(job)

    def chunk(self, prepared: PreparedChunk) -> Chunk:
        """See `Source`."""
        from hooke.molecules.batch import batches

        texts = [pa.array([cell or None for cell in cells], pa.string()) for cells in prepared.columns.values()]
        table = pa.Table.from_arrays([pa.array(prepared.rows, pa.int64()), *texts], schema=self.schema)
        arrays = prepared.arrays
        parts = {"node": arrays.atom_counts, "edge": arrays.bond_counts}
        found = list(batches(arrays, self.batch_size))
        return Chunk(table, found, (prepared.kept,), parts, prepared.reasons)


class Molecules(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "molecules"
    items = "molecules"
    unit = "molecules"
    spec_type = MoleculeSpec
    sections = {"encodings": EncodingConfig, "standardise": StandardiseConfig}  # noqa: RUF012
    levels = LEVELS
    draws_by_item = True
    reads_in_processes = True
    exports = (".sdf", ".xlsx")
    splits = dict.fromkeys(KINDS, split_store)
    split_meanings = MEANINGS
    estimators = ("mean", "ridge", "forest")
    candidates = CANDIDATES
    example = {  # noqa: RUF012
        "data": {"name": "pocketmix", "part": "all"},
        "model": {"name": "gine", "preset": "tiny"},
        "task": {"name": "multitask"},
        "train": {"batch_size": 8},
    }
    structures = True
    utilisation = 0.1  # gathering neighbours is bound by memory
    plan_options = ("molecules",)
    options = TableOptions
    listed = ("node", "edge")
    of_embeddings = ("layers",)

    @property
    def base(self) -> type[MoleculeModel]:
        """See `Modality.base`."""
        from hooke.nn.graphs.molecule_model import MoleculeModel

        return MoleculeModel

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Renumbered atoms."""
        from hooke.modalities.molecules.symmetries import permuted

        return (Symmetry("order of atoms and bonds", permuted),)

    def open(self, folder: Path) -> MoleculeStore:
        """See `Modality.open`."""
        return MoleculeStore.open(folder)

    def describe(self, store: MoleculeStore) -> Description:
        """Rows of the tables behind it, labels and rejected rows."""
        import polars as pl

        rows = store.read(np.arange(min(len(store), _DESCRIBED)))
        labels = []
        for level, values in rows.targets.items():
            bounds = rows.bounds.get(level, np.broadcast_to(np.int8(0), values.shape))
            shown = enumerate(store.level_labels(level)[:_LABELS_SHOWN])
            labels += [label_summary(label, values[:, place], bounds[:, place]) for place, label in shown]
        labels = [_counted(label, store) for label in labels]
        rejected = store.folder / "rejected.parquet"
        left_out = ingest_summary(store)
        fields = {
            "store": store.folder, "molecules": len(store), "labels": len(store.labels), "hash": store.content_hash,
            "rows": left_out or "not made from tables", "ingest": store.metadata.get("ingest"),
        }  # fmt: skip
        section = data_summary(
            str(store.metadata.get("source", "")),
            ingest=store.metadata.get("ingest") or {"rows_read": len(store), "rows_kept": len(store)},
            labels=labels,
            rejected=pl.read_parquet(rejected).to_dicts() if rejected.exists() else [],
            duplicates_rule=str(store.metadata.get("duplicates", "")),
            notes=ingest_notes(store),
        )
        return Description(fields, left_out, section)

    def sample(self, seed: int = 0) -> Sample:
        """Small molecules of all shapes with labels of all kinds and levels."""
        from hooke.modalities.molecules.samples import sample

        return sample(seed)

    def completed(self, batch: MoleculeBatch, model: type[Any]) -> MoleculeBatch:
        """With the encodings of nodes that the model reads besides."""
        from hooke.modalities.molecules.samples import with_node_inputs

        return with_node_inputs(batch, model.extra_encodings)

    def outputs(self, model: Any, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Molecules, nodes, and directed edges where the model has a stream of them."""
        output = model(batch)
        found = {"graph": output.graphs, "node": output.nodes}
        return found if output.edges is None else {**found, "directed_edge": output.edges}

    def checks(self) -> Checks:
        """Widths, saved statistics, labels of stores, edges of batches."""
        from hooke.modalities.molecules.checks import CHECKS

        return CHECKS

    def preparation(self, recipe: Recipe) -> dict[str, Any]:
        """Without the learned encoding, which a network computes; with the column that orders a time split."""
        encodings = recipe.sections["encodings"].computed
        return {**recipe.sections, "encodings": encodings, "time_column": recipe.split.time_column or None}

    def check(self, recipe: Recipe) -> None:
        """All options but that of splits by metadata apply."""
        if recipe.split.kind == "time" and not recipe.split.time_column:
            raise UsageError(f"a time split needs data.split.time_column, {TIME_COLUMN}")
        if recipe.task.name == "multitask" and recipe.task.config.tables:
            known = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config).table_names
            for name in recipe.task.config.tables:
                if name not in known:
                    raise UnknownNameError("table in task.tables", name, known)
        if recipe.split.column:
            raise UsageError(
                "data.split.column does not apply to molecules: name the column of train, valid and test with data.split_column"
            )

    def settled(self, recipe: Recipe) -> Recipe:
        """The learned encoding is the model of its own run, with that run's options; coordinates are read from the very file that is there.

        Raises:
            UsageError: Coordinates that no model reads, or a model that reads coordinates of molecules without any.
        """
        asked, reads = recipe.sections["encodings"].positions, getattr(recipe.model.config, POSITIONS, False)
        if asked and not reads:
            raise UsageError(
                f"encodings.positions = {asked!r} is read by models with positions = true alone (gps_plus_plus); leave it out"
            )
        if reads and not asked:
            raise UsageError(
                'model.positions = true reads coordinates, and the molecules carry none: set encodings.positions to "rdkit" or to '
                "an SD file, or model.positions=false"
            )
        if asked:
            recipe = recipe.with_section("encodings", positions=stamped(asked))
        if not recipe.train.learned_from:
            return recipe
        from hooke.nn.graphs.learned_encoding import source_name

        run = RunFolder.open(Path(recipe.train.learned_from))
        before = self._read_by(run)
        if before.node_widths or before.graph_widths or before.learned:
            raise UsageError(
                f"{run.folder} reads encodings itself: it cannot be the learned encoding of another encoder"
            )
        name = source_name(run.recipe["model"], recipe.sections["encodings"].learned)
        return recipe.with_section("encodings", learned=name)

    def spec(self, store: MoleculeStore, rows: np.ndarray, recipe: Recipe) -> MoleculeSpec:
        """Labels with their statistics over the measurements that training sees.

        Raises:
            UsageError: The store has codes of another version than the recipe.
        """
        asked, stored = recipe.sections["encodings"].features, store.encodings.features
        if asked != stored:
            raise UsageError(
                f"{store.folder.name} holds atom codes of version {stored}, the recipe asks for {asked}: "
                f"prepare the data again, or set encodings.features={stored}"
            )
        for name in ("atom_features", "bond_features", "explicit_hydrogens"):
            asked, stored = (getattr(each, name) for each in (recipe.sections["encodings"], store.encodings))
            if asked != stored:
                raise UsageError(
                    f"{store.folder.name} was prepared with encodings.{name} = {stored}, the recipe asks for {asked}: prepare the data again"
                )
        if store.encodings.positions and not (located := store.located()).all():
            _LOG.warning(
                "%s of %s molecules have no conformer: they are read without coordinates",
                f"{int((~located).sum()):,}", f"{len(store):,}",
            )  # fmt: skip
        return MoleculeSpec(
            store.labels,
            label_statistics(store, rows, share=recipe.split.label_share, seed=recipe.seed),
            recipe.sections["encodings"],
            recipe.sections["standardise"],
        )

    def released_recipe(self, recipe: Recipe, run: RunFolder) -> Recipe:
        """Codes of version 1, where the recipe names none."""
        return recipe.with_section("encodings", features=run.recipe.get("encodings", {}).get("features", 1))

    def read_spec(self, run: RunFolder) -> MoleculeSpec:
        """From spec.json, or from recipe and labels of the first release."""
        try:
            if run.path("spec.json").exists():
                return MoleculeSpec.from_json(run.read_json("spec.json"))
            recipe = run.recipe
            sections = {"encodings": recipe["encodings"], "standardise": recipe["standardise"]}
            return MoleculeSpec.from_json({"labels": run.read_json("labels.json"), "statistics": {}, **sections})
        except UsageError as error:
            made = run.info["versions"].get("hooke-bio")
            raise DataError(f"{run.folder} was made by Hooke {made}, which this Hooke cannot read: {error}") from error

    def usable(self, store: MoleculeStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """Without molecules that carry no label at all, where labels are learnt."""
        if not recipe.learns_labels:
            return rows
        if not store.labels:
            ignored = (store.metadata.get("ingest") or {}).get("ignored_columns", {})
            why = "; ".join(f"{name}: {reason}" for name, reason in list(ignored.items())[:5])
            raise UsageError(
                f"{store.folder.name} carries no label{f' ({why})' if why else ''}: name one with --targets, or check the table"
            )
        if any(label.level != "graph" for label in store.labels):
            return rows
        return rows[store.store.axis_counts("label")[rows] > 0]

    def encoder(self, model: Callable[[Any, Any], nn.Module], config: Any, spec: MoleculeSpec) -> nn.Module:
        """The encoder, which may read the node states of another one."""
        from hooke.nn.graphs.learned_encoding import with_learned

        return with_learned(model, config, spec)

    def start(self, network: Any, weights: dict[str, Tensor] | None, recipe: Recipe, number: int) -> None:
        """The pretrained encoder; the learned encoding comes from its own run, or with the pretrained encoder.

        Raises:
            UsageError: Nothing says where the weights of the learned encoding are.
            DataError: They do not fit.
        """
        from hooke.nn.weights import encoder_weights

        super().start(network, weights, recipe, number)
        name, folder = recipe.sections["encodings"].learned, recipe.train.learned_from
        if name and not folder and weights is None:
            raise UsageError(f"encodings.learned = {name!r} needs the run that trained it: train.learned_from=RUN")
        if folder:
            try:
                network.encoder.source.load_state_dict(encoder_weights(RunFolder.open(Path(folder)), number))
            except RuntimeError as error:
                raise DataError(f"the encoder of {folder} is not a {name}: {error}") from error

    def inherit(self, recipe: Recipe, pretrained: RunFolder) -> Recipe:
        """Encodings that the pretrained encoder reads, and how its molecules were standardised."""
        standardise, read = self.read_spec(pretrained).standardise, self._read_by(pretrained)
        positions = (
            recipe.sections["encodings"].positions or read.positions
        )  # from wherever the new molecules have them
        return replace(recipe, sections={"encodings": replace(read, positions=positions), "standardise": standardise})

    def _read_by(self, run: RunFolder) -> EncodingConfig:
        """The encodings that the encoder of a run reads."""
        before = run.recipe["task"]
        module = registry.module("tasks", before["name"])
        options = build(module.Config, {key: value for key, value in before.items() if key != "name"}, "task")
        spec = self.read_spec(run)
        return module.Task(options, spec).inputs(spec).encodings

    def loader(
        self, store: MoleculeStore, rows: np.ndarray, spec: MoleculeSpec, recipe: Recipe, *, part: str,
        seed: int | None = None, rank: int = 0, world: int = 1,
    ) -> RowLoader[MoleculeBatch]:  # fmt: skip
        """In training molecules with similarly many atoms share a batch."""
        from hooke.modalities.molecules.reader import BatchReader

        size, read = recipe.train.batch_size, BatchReader(store, spec, recipe, training=part == "train")
        if part == "train":
            shared = {"rank": rank, "world": world, "workers": recipe.train.loader_workers}
            sizes = store.store.axis_counts("atom", rows)
            if seed is not None and (shares := self.shares(store, rows, recipe)):
                return SharedLoader(read, rows, size, seed=seed, shares=shares, sizes=sizes, **shared)
            return RowLoader(read, rows, size, seed=seed, sizes=sizes, **shared)
        most = max(_EVALUATION_BATCH, size) if part == "valid" else _EVALUATION_BATCH
        return RowLoader(read, rows, most, seed=None, rank=rank, world=world)

    def shares(self, store: MoleculeStore, rows: np.ndarray, recipe: Recipe) -> Shares | None:
        """The draw of every epoch from the tables of a joined mixture; None where all rows are taken."""
        asked = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config).shares
        tables, shares = store.tables(rows), shares_of(store, asked)
        return Shares(tables, shares, recipe.seed) if tables is not None and shares else None

    def epoch_items(self, rows: np.ndarray, recipe: Recipe, store: MoleculeStore) -> int:
        """Of a mixture with shares those of the first epoch."""
        shares = self.shares(store, rows, recipe)
        return len(rows) if shares is None else len(shares.places(0))

    def facts(self, store: MoleculeStore, spec: MoleculeSpec, split: Split, recipe: Recipe) -> dict[str, Any]:
        """How many labels, how many molecules have coordinates where they are read, and what became of the rows of each joined table."""
        found: dict[str, Any] = {"labels": len(spec.labels)}
        if spec.encodings.positions:
            located = int(store.located().sum())
            found[POSITIONS] = {"with": located, "without": len(store) - located}
        counts = table_counts(store, split, self.shares(store, split.train, recipe))
        return {**found, **({"tables": counts} if counts else {})}

    def identify(self, store: MoleculeStore, rows: np.ndarray) -> dict[str, Any]:
        """SMILES."""
        return {"smiles": store.smiles(rows)}

    def bounds(self, store: MoleculeStore, rows: np.ndarray) -> np.ndarray | None:
        """See `Trainable.bounds`."""
        return store.graph_labels(rows)[1] if store.metadata.get("censored") else None

    def leaks(self, store: MoleculeStore, split: Split) -> dict[str, Any]:
        """Equal structures and scaffolds, and similarity."""
        return leak_report(store, split)

    def features(self, batch: MoleculeBatch) -> np.ndarray:
        """Morgan fingerprints and descriptors."""
        return batch.graph_encodings[FEATURES].double().numpy()

    def with_features(self, spec: MoleculeSpec) -> MoleculeSpec:
        """See `Trainable.with_features`."""
        return self.with_blocks(spec, (FEATURES,))

    def block(self, batch: MoleculeBatch, name: str) -> np.ndarray:
        """Fingerprints, descriptors, or vectors of an encoder."""
        return batch.graph_encodings[name].numpy()

    def with_blocks(
        self, spec: MoleculeSpec, names: Sequence[str], vectors: Mapping[str, Callable[[Any], np.ndarray]] = NONE
    ) -> MoleculeSpec:
        """See `Trainable.with_blocks`."""
        return replace(spec, extras={**spec.extras, **{name: EXTRAS[name] for name in names}, **vectors})

    def citations(self, recipe: Recipe) -> list[str]:
        """Fingerprints of the baselines, and the encodings."""
        encodings = (
            "random_walk",
            "laplacian",
            "heat_kernel",
            "electrostatic",
            "commute",
            "cycles",
            "functional_groups",
        )
        section = plain(recipe.sections["encodings"])
        return ["morgan", *(name for name in encodings if section.get(name))]

    def plan_sizes(self, options: Mapping[str, int]) -> dict[str, int]:
        """The published mixtures."""
        return {name: options.get("molecules") or rows for name, rows in MIXTURES.items()}

    def plan_sample(self, recipe: Recipe, data: str, options: Mapping[str, int]) -> Sample:
        """Molecules of pocketmix with the labels of a mixture."""
        from hooke.modalities.molecules.samples import drug_like

        module = registry.module("datasets", data)
        return drug_like(
            MoleculeSpec(module.Dataset(module.Config()).every_label, encodings=recipe.sections["encodings"])
        )

    def plan_tokens(self, recipe: Recipe, encoder: Any, batch: MoleculeBatch) -> tuple[float, float]:
        """Heavy atoms."""
        atoms = batch.num_nodes / batch.num_graphs
        return atoms, atoms

    def next_step(self, run: RunFolder, *, learns_labels: bool) -> tuple[str, str]:
        """Predict a table, or adapt to one."""
        if learns_labels:
            return "Predict new molecules", f"hooke predict {run.folder} new.csv -o predictions.parquet"
        return "Adapt to an assay", f"hooke finetune {run.folder} assay.csv"

    def source(
        self, given: Any, spec: Preparation, options: TableOptions, *, batch_size: int, workers: int = 0
    ) -> MoleculeSource:
        """A table, a store, or SMILES and molecules of RDKit; a text is a path where a file is there or its ending is a table's.

        Raises:
            UsageError: Coordinates are named for a run that reads none.
        """
        if options.positions is not None:
            if not isinstance(spec, MoleculeSpec) or not spec.encodings.positions:
                raise UsageError("positions are named, but this run reads no coordinates")
            spec = replace(spec, encodings=replace(spec.encodings, positions=stamped(options.positions)))
        if isinstance(given, Path | MoleculeStore) or (isinstance(given, str) and is_path(given)):
            return MoleculeSource(open_source(given, options.smiles_column), spec, batch_size)
        return MoleculeSource(MemoryRows.of(given, options.smiles_column), spec, batch_size)

    def parts(self, network: Any, source: Any, options: Any) -> dict[str, int]:
        """A vector for each layer that is asked for."""
        from hooke.nn.depth import layer_numbers

        encoder, asked = network.encoder, getattr(options, "layers", ())
        numbers = layer_numbers(encoder, asked)
        if len(numbers) < 2:
            return {"embedding": encoder.layer_width(*numbers) if numbers else int(encoder.width)}
        return {f"embedding_{name}": encoder.layer_width(number) for name, number in zip(asked, numbers, strict=True)}

    def vectors(self, network: Any, batch: MoleculeBatch, options: TableOptions) -> Tensor:
        """Of the layers, side by side."""
        if not options.layers:
            return network.embed(batch)
        import torch

        from hooke.nn.depth import layer_numbers

        encoder = network.encoder
        return torch.cat(encoder.embed_layers(batch, layer_numbers(encoder, options.layers)), dim=1)

    def export(self, predictions: Path, output: Path, source: Any, spec: MoleculeSpec) -> None:
        """An SD file with the predictions as properties, or an Excel workbook; see `modalities.molecules.export`."""
        from hooke.modalities.molecules.export import write_predictions

        write_predictions(predictions, output, getattr(source.rows, "smiles", "smiles"))

    def comparable(self, spec: MoleculeSpec) -> MoleculeSpec:
        """With Morgan bits beside the encodings."""
        return self.with_blocks(spec, (MORGAN,))

    def fingerprints(self, batch: MoleculeBatch) -> np.ndarray | None:
        """Morgan bits, radius 2."""
        found = batch.graph_encodings.get(MORGAN)
        return None if found is None else found.byte().cpu().numpy()


def _counted(label: LabelSummary, store: MoleculeStore) -> LabelSummary:
    """A label of molecules with the counts of all rows, where they were counted when the store was made."""
    counts = store.metadata.get("ingest") or {}
    if label.level != LEVELS[0]:
        return label
    if counts.get("measured"):
        found = (counts[name].get(label.name, 0) for name in ("measured", "censored", "unreadable"))
        label = replace(label, **dict(zip(("count", "censored", "unreadable"), found, strict=True)))
    return (
        replace(label, unlabelled=len(store) - label.count)
        if counts.get("measured") or len(store) <= _DESCRIBED
        else label
    )


MODALITY = Molecules()
