"""What models of a fitted screen know beforehand: a graph of genes, or structures of compounds with their kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.files import read_structures
from hooke.cells.graph import EdgeSource, Graph, known_graph
from hooke.core.checked import read_arrays, write_arrays
from hooke.core.errors import DataError, UsageError
from hooke.core.runs import RunFolder
from hooke.estimators.responses import Knowledge, Named, text_array, texts_of
from hooke.evaluate.response_splits import FOLDS

MOST = 10_000  # compounds of a kernel, which takes 800 MB then
_GRAPH, _COMPOUNDS = "graph.npz", "compounds.npz"


def screen_knowledge(
    conditions: Conditions, *, graph: str, library: Sequence[str], smiles: Path | str | None, non_commercial: bool, show_progress: bool
) -> Knowledge:  # fmt: skip
    """What can be known of what a screen perturbs.

    Args:
        conditions: Of the screen: genes, or compounds.
        graph: Sources and files of relations of genes; "" for none.
        library: Further genes that will be asked for.
        smiles: A table with the columns compound and smiles, of compounds that were measured or will be asked for.
        non_commercial: Whether sources for non-commercial use alone may be taken.
        show_progress: Show downloads.

    Raises:
        UsageError: Structures of a screen of genes, or of too many compounds.
        DataError: The table is at fault, or holds no structure of a measured compound.
    """
    compounds = _compounds(conditions)
    if not compounds:
        if smiles is not None:
            raise UsageError("structures belong to screens of compounds (--kind compounds)")
        if not graph:
            return Knowledge()
        genes = sorted({*conditions.names, *library})
        return Knowledge(known_graph(graph, non_commercial=non_commercial, show_progress=show_progress).over(genes))
    if smiles is None:
        return Knowledge()
    from hooke.molecules.descriptors import structure_kernel

    structures = {name: text for name, text in read_structures(Path(smiles)).items() if _is_read(text)}
    if not compounds & {*structures}:
        raise DataError(f"{smiles} holds no structure that can be read of the {len(compounds)} compounds of the screen")
    if len(structures) > MOST:
        raise UsageError(
            f"{smiles} holds {len(structures):,} structures, and the kernel takes {MOST:,}: name those that will be asked for"
        )
    names = tuple(sorted(structures))
    kernel = structure_kernel([structures[name] for name in names])
    return Knowledge(kernel=Named(names, kernel), structures=structures)


def without_structure(conditions: Conditions, knowledge: Knowledge) -> list[str]:
    """Compounds of a screen of which no structure can be read, though others have one."""
    compounds = _compounds(conditions)
    return sorted(compounds - {*knowledge.structures}) if knowledge.structures else []


def compound_clusters(conditions: Conditions, knowledge: Knowledge) -> dict[str, str]:
    """Compound → what is held out with it: its scaffold, where there are ten or more of them, else its structure; none of genes.

    A compound without a structure is a cluster of its own.
    """
    from hooke.molecules.parse import molecule_of
    from hooke.molecules.scaffolds import scaffold_smiles

    compounds = _compounds(conditions)
    if not knowledge.structures:
        return {}
    from rdkit import Chem

    molecules = {name: molecule_of(knowledge.structures[name]) for name in sorted(compounds & {*knowledge.structures})}
    whole = {name: str(Chem.MolToSmiles(each)) for name, each in molecules.items()}
    scaffolds = {name: scaffold_smiles(each) or whole[name] for name, each in molecules.items()}
    found = scaffolds if len({*scaffolds.values()}) >= 2 * FOLDS else whole
    return {name: found.get(name, f"compound {name}") for name in compounds}


def write_knowledge(run: RunFolder, knowledge: Knowledge) -> None:
    """Keep it in a run."""
    if knowledge.graph is not None:
        write_arrays(run.path(_GRAPH), graph_arrays(knowledge.graph))
    if knowledge.kernel is not None:
        names = knowledge.kernel.names
        structures = [knowledge.structures[name] for name in names]
        write_arrays(run.path(_COMPOUNDS), {
            "names": text_array(names), "structures": text_array(structures), "kernel": knowledge.kernel.values,
        })  # fmt: skip


def read_knowledge(run: RunFolder) -> Knowledge:
    """That of a run."""
    graph = graph_from(read_arrays(run.path(_GRAPH))) if run.path(_GRAPH).exists() else None
    if not run.path(_COMPOUNDS).exists():
        return Knowledge(graph)
    arrays = read_arrays(run.path(_COMPOUNDS))
    names, structures = texts_of(arrays["names"]), texts_of(arrays["structures"])
    return Knowledge(
        graph, kernel=Named(tuple(names), arrays["kernel"]), structures=dict(zip(names, structures, strict=True))
    )


def graph_arrays(graph: Graph) -> dict[str, np.ndarray]:
    """A graph as plain arrays."""
    sources = text_array([f"{each.name}\t{each.licence}" for each in graph.sources])
    return {
        "genes": text_array(graph.genes), "first": graph.first, "second": graph.second, "weights": graph.weights, "members": graph.members,
        "sources": sources,
    }  # fmt: skip


def graph_from(arrays: Mapping[str, np.ndarray]) -> Graph:
    """Back from `graph_arrays`."""
    sources = tuple(EdgeSource(*text.split("\t")) for text in texts_of(arrays["sources"]))
    return Graph(
        tuple(texts_of(arrays["genes"])), arrays["first"], arrays["second"], arrays["weights"], arrays["members"], sources,
    )  # fmt: skip


def _compounds(conditions: Conditions) -> set[str]:
    return {each.treatment.compound for each in conditions.perturbations if each.treatment is not None}


def _is_read(smiles: str) -> bool:
    from hooke.molecules.parse import molecule_of

    try:
        molecule_of(smiles)
    except ValueError:
        return False
    return True
