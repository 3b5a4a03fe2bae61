"""Perturbations: what was done to which cells, from which networks learn the change of every read-out against control.

A store (`cells.response_store`) holds a row for each condition: a set of genes, or a compound with dose and time, in a context. Networks know
genes by a graph of known relations and compounds by an encoder of molecules. `modalities.cells` is about the profiles themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from hooke.cells.graph import DEFAULT_SOURCES, known_graph
from hooke.cells.response_spec import LEVEL, ResponseSpec, without_edges
from hooke.cells.response_store import ResponseStore
from hooke.core import registry
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.core.reading import reading
from hooke.core.recipe import Recipe, SplitSection
from hooke.core.runs import RunFolder
from hooke.estimators.responses import Knowledge, response_model
from hooke.evaluate import splits
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.metrics import pearson
from hooke.evaluate.moments import Moments
from hooke.evaluate.splits import Split
from hooke.modalities import Checks, Description, Readable, Sample, Symmetry, Trainable
from hooke.modalities.perturbations._samples import reordered, sample
from hooke.modalities.perturbations.source import AskedOptions, AskedPerturbations, batch_of
from hooke.report import build
from hooke.report.data_schema import DataSummary

if TYPE_CHECKING:
    from hooke.cells.batch import ResponseBatch

MEANINGS = {
    "perturbation": "whole genes and compounds are tested on, with everything that they are part of",
    "random": "optimistic, the same perturbations in other contexts and combinations are trained on",
    "context": "whole contexts are tested on, as a new cell line is met",
}
OF_DATA = "data"
_BASELINES = ("no_change", "global_mean", "context_mean", "additive", "graph_kernel_ridge")
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class PerturbationsSection:
    """What is known of perturbations beforehand.

    Attributes:
        graph: Sources of known relations and files of edges, separated by commas; "data" for relations that come with the data, "" for none.
            Only models that read a graph take it.
        library: Further genes that will be asked for, separated by commas, or a file with one a line.
        non_commercial: Whether sources for non-commercial use alone may be taken.
        compounds: Encoder of compounds and its preset, any model of molecules; it is trained with the rest.
    """

    graph: str = ",".join(DEFAULT_SOURCES)
    library: str = ""
    non_commercial: bool = False
    compounds: str = "gine:tiny"


def response_split(store: ResponseStore, section: SplitSection) -> Split:
    """Rows of train, valid and test.

    With "perturbation" genes and compounds are drawn; a condition belongs to the most held-out part that any of its genes belongs to, so that
    nothing of a tested gene is trained on.

    Raises:
        UnknownNameError: No such kind.
        DataError: There is too little to keep apart.
    """
    generator, fractions = np.random.default_rng(section.seed), section.fractions
    if section.kind == "random":
        return splits.random_split(len(store), generator=generator, fractions=fractions)
    if section.kind == "context":
        keys: list[object] = list(store.conditions.contexts)
        if len(set(keys)) < sum(fraction > 0 for fraction in fractions):
            raise DataError(f"{len(set(keys))} contexts are too few to keep apart; take data.split.kind=perturbation")
        return splits.group_split(keys, generator=generator, fractions=fractions)
    if section.kind != "perturbation":
        raise UnknownNameError("kind of split", section.kind, MEANINGS)
    names = store.conditions.names
    if len(names) < sum(fraction > 0 for fraction in fractions):
        raise DataError(f"{len(names)} genes and compounds are too few to keep apart; take data.split.kind=random")
    parts = splits.random_split(len(names), generator=generator, fractions=fractions)
    rank = {names[place]: number for number, part in enumerate(_PARTS) for place in getattr(parts, part).tolist()}
    of_row = np.array([max(rank[name] for name in each) for each in store.conditions.parts])
    return Split(*(np.flatnonzero(of_row == number) for number in range(3)))


class Perturbations(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "perturbations"
    items = "conditions"
    unit = "conditions"
    spec_type = ResponseSpec
    sections = {"perturbations": PerturbationsSection}  # noqa: RUF012
    levels = (LEVEL,)
    example = {  # noqa: RUF012
        "data": {"name": "simulated_response", "split": {"kind": "perturbation"}},
        "model": {"name": "txpert", "preset": "tiny"},
        "task": {"name": "response", "hidden": 16},
        "perturbations": {"graph": "data"},
        "train": {"batch_size": 8},
    }
    splits = dict.fromkeys(MEANINGS, response_split)
    split_meanings = MEANINGS
    estimators = ("mean", "ridge")
    options = AskedOptions

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """The order of the genes of a set means nothing."""
        return (Symmetry("order of genes", reordered),)

    def open(self, folder: Path) -> ResponseStore:
        """See `Modality.open`."""
        return ResponseStore.open(folder)

    def describe(self, store: ResponseStore) -> Description:
        """Conditions, genes and compounds, contexts, read-outs, and what was left out."""
        treated = store.table["compound"] != ""
        genes = len(
            {name for parts, other in zip(store.conditions.parts, treated, strict=True) for name in parts if not other}
        )
        fields = {
            "store": store.folder, "conditions": len(store), "genes": genes, "compounds": store.table.filter(treated)["compound"].n_unique(),
            "contexts": ", ".join(store.contexts), "readouts": len(store.readouts), "scale": store.scale, "simulated": store.simulated,
            "hash": store.content_hash, "ingest": dict(store.description["counts"]),
        }  # fmt: skip
        notes = [
            f"{len(store):,} conditions of {genes:,} genes, {len(store.contexts)} contexts, {len(store.readouts):,} read-outs"
        ]
        notes += [
            f"left out of the screen: {count:,} × {reason}" for reason, count in store.description["left_out"].items()
        ]
        if store.simulated:
            notes.insert(0, "The screen is simulated: numbers compare methods, and say nothing about biology.")
        section = DataSummary(
            store.folder.name, rows_read=len(store) + store.refused, rows_kept=len(store), rows_rejected=store.refused,
            notes=tuple(notes),
        )  # fmt: skip
        return Description(fields, store.left_out, section)

    def sample(self, seed: int = 0) -> Sample:
        """Genes alone and in pairs, compounds with and without a dose, in two contexts; odd ones: a gene that nobody knows, three genes."""
        return sample(seed)

    def checks(self) -> Checks:
        """What stores of responses hold."""
        return Checks(stores={"responses": _check_store})

    def spec(self, store: ResponseStore, rows: np.ndarray, recipe: Recipe) -> ResponseSpec:
        """Read-outs with statistics, contexts with their controls, and genes with their graph, where the model reads one.

        Raises:
            UsageError: A source of the graph may not be taken.
            DataError: A file of edges or genes cannot be read.
        """
        section: PerturbationsSection = recipe.sections["perturbations"]
        conditions, treated = store.conditions, (store.table["compound"] != "").to_numpy()
        genes = {name for parts, other in zip(conditions.parts, treated, strict=True) for name in parts if not other}
        chosen = np.asarray(rows, np.int64)
        trained = {name for row in chosen.tolist() if not treated[row] for name in conditions.parts[row]}
        nodes = sorted(genes | _library(section.library))
        graph = without_edges(nodes)
        if section.graph and nodes and not recipe.has_estimator and _reads_graph(recipe.model.name):
            asked = section.graph
            if asked == OF_DATA:
                if store.edges is None:
                    raise UsageError(
                        "perturbations.graph=data: no relations of genes come with these data; name sources or files"
                    )
                asked = str(store.edges)
            known = known_graph(asked, non_commercial=section.non_commercial, show_progress=False)
            graph = known.over(nodes)
        return ResponseSpec(
            tuple(Label(name, LEVEL) for name in store.readouts),
            {LEVEL: Moments.of(store.changes(chosen).astype(np.float64)).statistics()},
            graph, tuple(sorted(trained)), store.contexts, store.controls, store.scale, section.compounds if treated.any() else "",
        )  # fmt: skip

    def usable(self, store: ResponseStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """All of them: what is not measured at all is not in the store."""
        return rows

    def inherit(self, recipe: Recipe, pretrained: RunFolder) -> Recipe:
        """The genes and encoder of compounds of the pretrained run, as far as a recipe can say them."""
        spec: ResponseSpec = self.read_spec(pretrained)
        section: PerturbationsSection = recipe.sections["perturbations"]
        library = ",".join(sorted({*spec.graph.genes} | _library(section.library)))
        return recipe.with_section("perturbations", library=library, compounds=spec.compounds or section.compounds)

    def loader(
        self, store: ResponseStore, rows: np.ndarray, spec: ResponseSpec, recipe: Recipe, *, part: str, seed: int | None = None,
        rank: int = 0, world: int = 1,
    ) -> RowLoader[ResponseBatch]:  # fmt: skip
        """Shuffled conditions to train on; conditions in the order of `rows` otherwise."""
        conditions, smiles = store.conditions, store.smiles

        def load(chosen: np.ndarray) -> ResponseBatch:
            return batch_of(
                conditions.take(chosen), spec, chosen, [smiles[row] for row in chosen], store.changes(chosen) if spec.labels else None
            )  # fmt: skip

        size, training = recipe.train.batch_size, part == "train"
        most = size if training else max(size, self.batch_size)
        return RowLoader(load, rows, most, seed=seed if training else None, rank=rank, world=world)

    def facts(self, store: ResponseStore, spec: ResponseSpec, split: Split, recipe: Recipe) -> dict[str, Any]:
        """Read-outs, genes, edges and contexts, and whether the screen is simulated."""
        return {
            "readouts": len(spec.labels), "genes": len(spec.graph), "edges": len(spec.graph.first), "contexts": len(spec.contexts),
            "sources": [f"{each.name} ({each.licence})" for each in spec.graph.sources], "simulated": store.simulated,
        }  # fmt: skip

    def identify(self, store: ResponseStore, rows: np.ndarray) -> dict[str, Any]:
        """What was done, and to which cells."""
        table = store.table[np.asarray(rows)]
        return {"perturbation": table["perturbation"].to_list(), "context": table["context"].to_list()}

    def features(self, batch: ResponseBatch) -> np.ndarray:
        """Which genes are perturbed, and the exposure to a compound."""
        nodes, offsets = batch.nodes.numpy(), batch.offsets.numpy()
        width = int(batch.genes)
        found = np.zeros((batch.num_items, width + 5))
        np.add.at(found, (np.repeat(np.arange(batch.num_items), np.diff(offsets)), nodes), 1.0)
        found[:, width:] = batch.exposure.double().numpy()
        return found

    def plan_sample(self, recipe: Recipe, data: str, options: Mapping[str, int]) -> Sample:
        """The sample: a step costs the same whatever the number of conditions in the screen."""
        return self.sample()

    def source(
        self, given: Any, spec: ResponseSpec, options: AskedOptions, *, batch_size: int, workers: int = 0
    ) -> AskedPerturbations:
        """A table, texts, or a store."""
        return AskedPerturbations(given, spec, options, batch_size)

    def report(self, loaded: Any, store: ResponseStore) -> dict[str, Any]:
        """The correlation of predicted with measured changes of test conditions, beside models in closed form fitted to the same rows."""
        rows, predictions = loaded.run.path("split.parquet"), loaded.run.path("predictions_test.parquet")
        if not rows.exists() or not predictions.exists():
            return {}
        parts, found = pl.read_parquet(rows), pl.read_parquet(predictions)
        train = parts.filter(pl.col("split") == "train")["row"].to_numpy()
        test = found["row"].to_numpy()
        names = [label.name for label in loaded.spec.labels]
        values = {"network": found.select(names).to_numpy()}
        conditions, changes = store.conditions, store.changes().astype(np.float64)
        knowledge = Knowledge(graph=loaded.spec.graph if len(loaded.spec.graph.first) else None)
        for name in _BASELINES:
            try:
                model = response_model(name, knowledge=knowledge)
                model.fit(conditions.take(train), changes[train])
                values[name] = model.predict(conditions.take(test)).values
            except HookeError:  # it needs what is not there
                continue
        scores = {name: pearson(each.T, changes[test].T) for name, each in values.items()}
        columns = {name: [_mean(each)] for name, each in scores.items() if np.isfinite(each).any()}
        if "network" not in columns:
            return {}
        table = build.result_table(
            "Changes of test conditions: correlation over read-outs", [Label("pearson_delta")], "pearson", columns, higher_is_better=True,
            baselines=[name for name in columns if name != "network"], intervals="95 % bootstrap over conditions", counts=[len(test)],
            split=loaded.recipe.split.kind,
            note="training and test share the controls of a context, whose noise favours what knows the context: compare with context_mean",
        )  # fmt: skip
        return {"results": (table,)}


def _mean(values: np.ndarray) -> Interval:
    known = values[np.isfinite(values)]
    draws = known[np.random.default_rng(0).integers(0, len(known), (1000, len(known)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high))


def _reads_graph(model: str) -> bool:
    return bool(registry.module("models", model).Model.reads_graph)


def _library(text: str) -> set[str]:
    """Genes of an option: a file with one a line, or names."""
    if text and Path(text).is_file():
        with reading(Path(text), "a list of genes"):
            return {line.strip() for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip()}
    return {name.strip() for name in text.split(",") if name.strip()}


def _check_store(store: ResponseStore) -> None:
    """Every condition has a measured change and a context with controls."""
    from hooke.nn.contract import require

    require(
        isinstance(store, ResponseStore), f"the twin is {type(store).__name__}, not cells.response_store.ResponseStore"
    )
    changes = store.changes()
    require(bool(np.isfinite(changes).any(axis=1).all()), "a condition of the twin has no measured read-out")
    require(not np.isinf(changes).any(), "a change of the twin is infinite")
    require(
        set(store.conditions.contexts) <= set(store.contexts),
        "a condition of the twin is in a context without controls",
    )
    require(store.controls.shape == (len(store.contexts), len(store.readouts)), "controls are not one row a context")


MODALITY = Perturbations()
