"""What the contract kit asks of molecules alone; see `hooke.modalities.Checks`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hooke.core.types import labels_of
from hooke.modalities import Checks
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.store import MoleculeStore
from hooke.nn.contract import ModelCase, TaskCase, built, require, require_equal
from hooke.nn.graphs.output import MoleculeOutput


def widths(case: ModelCase) -> None:
    """Nodes, directed edges and molecules of the declared widths, with encodings and without any."""
    places = range(case.sample.items)
    for encodings in (EncodingConfig(), case.sample.spec.encodings):
        spec = replace(case.sample.spec, encodings=encodings)
        batch = case.modality.completed(case.sample.batch(places, spec), case.module.Model)
        model = built(case.module, spec)
        output = model(batch)
        require(isinstance(output, MoleculeOutput), "forward does not return a MoleculeOutput")
        require(output.nodes.shape == (batch.num_nodes, model.node_width), "nodes do not have shape (V, node_width)")
        require(output.graphs.shape == (batch.num_graphs, model.graph_width), "graphs do not have (B, graph_width)")
        require((output.edges is None) == (model.edge_width == 0), "edges and edge_width do not fit")
        if output.edges is not None:
            edges = (batch.edge_index.shape[1], model.edge_width)
            require(output.edges.shape == edges, "edges do not have shape (E, edge_width)")


def statistics_are_saved(case: TaskCase) -> None:
    """A task without statistics and a loaded network predict what the trained ones predict."""
    task, network = case.build()
    batch = case.batch()
    bare, other = case.build(spec=replace(case.sample.spec, statistics={}), seed=1)
    other.load_state_dict(network.state_dict())
    expected = task.predict(network, batch)
    for level, rows in bare.predict(other, batch).items():
        require_equal(rows, expected[level], f"{level} predictions after loading", tolerance=0.0)


def sorted_edges(batch: MoleculeBatch) -> None:
    """Sorted destinations, true reverses, each bond twice, offsets that fit, a row of targets an item."""
    source, destination = batch.edge_index
    require(bool((destination[1:] >= destination[:-1]).all()), "edges are not sorted by destination")
    require(bool((source[batch.edge_reverse] == destination).all()), "edge_reverse does not swap the ends")
    require(bool((batch.edge_bond[batch.edge_reverse] == batch.edge_bond).all()), "a reverse edge is of another bond")
    require(bool((batch.edge_codes[batch.edge_reverse] == batch.edge_codes).all()), "a reverse edge has other codes")
    require(bool((batch.node_graph[source] == batch.node_graph[destination]).all()), "an edge joins two molecules")
    sizes = torch.bincount(batch.node_graph, minlength=batch.num_graphs)
    require(bool((batch.node_offsets.diff() == sizes).all()), "node_offsets do not fit node_graph")
    items = {
        "graph": batch.num_graphs, "node": batch.num_nodes, "edge": batch.num_bonds, "pair": batch.pair_index.shape[1],
    }  # fmt: skip
    for level, values in batch.targets.items():
        require(len(values) == items[level], f"{len(values)} rows of {level} targets for {items[level]} items")


def item_keys(batch: MoleculeBatch) -> None:
    """The row of the molecule that each thing belongs to, and another place for each thing of a molecule."""
    edges = batch.node_graph[batch.edge_index[1]]
    graphs = {
        "graphs": torch.arange(batch.num_graphs), "nodes": batch.node_graph, "edges": edges,
        "bonds": edges.sort().values[::2], "pairs": batch.node_graph[batch.pair_index[0]],
    }  # fmt: skip
    for axis, graph in graphs.items():
        rows, places = batch.item_keys(axis)
        require(torch.equal(rows, batch.rows[graph]), f"item_keys: {axis} of other rows")
        require((places is None) == (axis == "graphs"), f"item_keys: places of {axis}")
        keys = graph if places is None else torch.stack([graph, places], dim=1)
        require(len(keys.unique(dim=0)) == len(graph), f"item_keys: two {axis} have one key")


def labelled(store: MoleculeStore) -> None:
    """Labels of all levels, classes that count from 0, and SMILES."""
    require(len(store.labels) > 0, "the twin has no labels")
    rows = np.unique(np.linspace(0, len(store) - 1, 256).astype(np.int64))  # mixtures store one table after another
    batch = collate(store.read(rows))
    sorted_edges(batch)
    for level in sorted({label.level for label in store.labels}):
        labels = labels_of(MoleculeSpec(store.labels), level)
        require(level in batch.targets, f"the twin has no {level} targets")
        values = batch.targets[level].numpy()
        require(values.shape[1] == len(labels), f"{values.shape[1]} columns for {len(labels)} labels of level {level}")
        require(bool(np.isfinite(values).any()), f"no {level} label of the twin is measured")
        for column, label in enumerate(labels):
            measured = values[:, column][np.isfinite(values[:, column])]
            if label.kind != "regression":
                allowed = np.arange(max(label.classes, 2))
                require(bool(np.isin(measured, allowed).all()), f"label {label.name!r} has values that are no classes")
    require(len(store.smiles(rows)) == len(rows), "the twin does not keep its SMILES")


CHECKS = Checks(
    models={"widths": widths},
    tasks={"statistics_are_saved": statistics_are_saved},
    stores={"labelled": labelled},
    batches={"sorted_edges": sorted_edges, "item_keys": item_keys},
)
