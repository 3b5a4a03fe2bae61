"""Which atoms made a prediction: integrated gradients of networks, removal of atoms where models have no gradients by atom.

Of networks it is the integral of the gradients from a molecule without codes,

    a_v = Σ_c x_vc ∫_0^1 ∂F(α x) / ∂(α x_vc) dα + half of the same for each bond of v

F is the prediction, x the embeddings of the codes of all atoms and bonds. Where α is 0 no atom has an element and no bond an order:
what is left is the bare graph with its encodings, the baseline. The integral is a Gauss-Legendre sum. The attributions of a molecule
sum to F(x) - F(0) up to the error of that sum, which is returned ("completeness").

Whether the atoms with the largest attributions matter more than others is tried on the molecule ("faithfulness"): their embeddings are
set to zero, and those of as many atoms drawn at random, many times; bonds lose half of theirs with each of their two atoms.

Of estimators and blends, whatever they read, it is what the prediction loses with an atom,

    a_v = F(m) - F(m without v)

where the neighbours of v take up hydrogens; rings are opened, and what v held together falls into fragments. That of a blend is the
weighted sum of those of its members (of labels that it learns as logarithms, that of the blended values). These need not sum to
anything. Faithfulness is tried by removing several atoms at once.

Source: Sundararajan et al. 2017 (arXiv 1703.01365). Differs from the paper: Gauss-Legendre points instead of equal steps. Removal: Polishchuk
et al. 2013 (Molecular Informatics 32, 843). Differs: single atoms, open valences filled with hydrogens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float
from rdkit import Chem, rdBase
from torch import Tensor, nn

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import reading
from hooke.inference.ensemble import physical
from hooke.inference.loaded import LoadedRun
from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice, contiguous
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.parse import ParseError, canonical_smiles, parse
from hooke.molecules.source import TableRows, first_smiles
from hooke.nn.graphs.distinct import Distinct, Groups
from hooke.nn.graphs.embeddings import AtomEmbedding, BondEmbedding
from hooke.report.attribution_page import write_page
from hooke.report.wording import number

STEPS, AT_ONCE = 128, 16  # points of the integral, and copies of a molecule in a batch
MISSED, MOST_STEPS = 0.01, 1024  # points are doubled while more of F(x) - F(0) is missed than this share, up to so many
MASKED, DRAWS = 0.2, 20  # share of the atoms that is masked, and random draws of as many


@dataclass(frozen=True)
class Attribution:
    """One prediction taken apart.

    Attributes:
        smiles: The molecule after standardisation, its atoms in the order of `atoms`.
        label: What was predicted.
        prediction: F(x).
        baseline: F(0), of the bare graph; None where atoms were removed.
        atoms: (n,) what each atom added, in the unit of the prediction.
        masked_top: |change| of the prediction without the atoms of the largest attributions.
        masked_random: (draws,) the same without as many random atoms.
    """

    smiles: str
    label: str
    prediction: float
    baseline: float | None
    atoms: np.ndarray
    masked_top: float
    masked_random: np.ndarray

    @property
    def gap(self) -> float | None:
        """What completeness misses: F(x) - F(0) - Σ a; None where atoms were removed."""
        return None if self.baseline is None else self.prediction - self.baseline - float(self.atoms.sum())


def attribute(
    run: LoadedRun, smiles: Sequence[str], label: str | None = None, *, steps: int = STEPS, seed: int = 0
) -> list[Attribution | None]:
    """Attributions of a prediction to the atoms of each molecule.

    None for a string that is no molecule; where atoms are removed also for one of a single atom, or of which a part is no molecule.

    Args:
        run: A finished run.
        smiles: Molecules.
        label: Column of the predictions, "name" or "name[class]"; None takes the first.
        steps: Points of the integral at first; they are doubled up to `MOST_STEPS` while attributions miss the difference by more than 1 %.
        seed: Of the random atoms.

    Raises:
        UnknownNameError: No such label of molecules.
        UsageError: The objective predicts no label, the encoder of a network reads no codes of atoms, or its graphs hold the hydrogens.
        DataError: It is no run on molecules.
    """
    if not run.recipe.has_estimator and getattr(getattr(run.run_spec, "encodings", None), "explicit_hydrogens", False):
        raise UsageError(
            "attributions are drawn on heavy atoms, and this run sees hydrogens as atoms (explicit_hydrogens)"
        )
    explained = (_Removal if run.recipe.has_estimator else _Gradients).of(run, label)
    generator = np.random.default_rng(seed)
    return [explained.attribution(text, steps, generator) for text in smiles]


def explain(
    run: Path,
    molecules: Path | str | Sequence[str],
    page: Path,
    *,
    label: str | None = None,
    smiles_column: str | None = None,
    most: int = 100,
    device: str = "auto",
) -> dict[str, Any]:
    """Attributions of a table's first molecules as a page: `hooke.explain`.

    Returns:
        The page, the label, and the faithfulness over the molecules.

    Raises:
        UnknownNameError: No such label.
        UsageError: The run predicts nothing for molecules, or no molecule has two atoms to compare.
        DataError: No row holds a molecule.
    """
    if isinstance(molecules, str | Path):
        molecules = first_smiles(TableRows.open(Path(molecules), smiles_column), most)
    loaded = LoadedRun.open(run, device)
    tried = molecules[:most]
    found = [one for one in attribute(loaded, tried, label) if one is not None]
    if not found:
        raise DataError(
            f"no row holds a molecule: none of the first {len(tried):,} can be read, so there is nothing to explain"
        )
    checked = faithfulness(found)
    method = "What the prediction loses without each atom," if loaded.recipe.has_estimator else "Integrated gradients"
    notes = [f"{method} of {len(found)} molecules, run {loaded.run.folder.name}.", checked.sentence()]
    if len(found) < len(tried):
        notes.append(
            f"{len(tried) - len(found)} more rows hold no molecule of two atoms or more, or one that is not read."
        )
    written = write_page(page, f"What each atom adds to {found[0].label}", notes, found)
    return {"page": str(written), "label": found[0].label, **asdict(checked), "sentence": checked.sentence()}


@dataclass
class _Scaled:
    """The embeddings of one kind, while scaled: rows before, and the leaf after."""

    ends: Tensor
    rows: list[Tensor] = field(default_factory=list)
    leaves: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class _Explained(ABC):
    run: LoadedRun
    label: str
    column: int
    offset: float  # of the label, with which predictions are given

    @classmethod
    def of(cls, run: LoadedRun, label: str | None) -> Self:
        if run.modality != "molecules":
            raise DataError(
                f"{run.run.folder} is a run on {run.modality}; only predictions of molecules are taken apart"
            )
        if not run.labels:
            raise UsageError(f"{run.run.folder} was trained on no labels, so there is no prediction to take apart")
        columns = run.predictor.columns("graph") if run.level_labels("graph") else []
        if not columns or (label is not None and label not in columns):
            raise UnknownNameError("label of molecules", label or "", columns)
        name = label or columns[0]
        offset = next((each.offset for each in run.level_labels("graph") if each.name == name), 0.0)
        return cls(run, name, columns.index(name), offset)

    @abstractmethod
    def attribution(self, text: str, steps: int, generator: np.random.Generator) -> Attribution | None:
        """Of one molecule."""


class _Removal(_Explained):
    def attribution(self, text: str, steps: int, generator: np.random.Generator) -> Attribution | None:
        try:
            molecule = parse(text, self.run.spec.standardise)
            if molecule.GetNumAtoms() == 1:
                return None
            singles = [without_atoms(molecule, [atom.GetIdx()]) for atom in molecule.GetAtoms()]
            several = [without_atoms(molecule, atoms.tolist()) for atoms in _drawn(molecule.GetNumAtoms(), generator)]
            [whole, *predictions] = self._predictions([canonical_smiles(molecule), *singles, *several])
            atoms = whole - np.array(predictions[: len(singles)])
            [top] = self._predictions([without_atoms(molecule, _strongest(atoms).tolist())])
        except ParseError:
            return None
        changes = np.abs(np.array(predictions[len(singles) :]) - whole)
        shown, order = _in_order(molecule)
        return Attribution(shown, self.label, whole + self.offset, None, atoms[order], abs(top - whole), changes)

    def _predictions(self, smiles: Sequence[str]) -> list[float]:
        """What is predicted of each; fragments are kept, since the whole was standardised."""
        different = list(dict.fromkeys(smiles))
        spec = self.run.spec
        prepared = replace(spec, standardise=replace(spec.standardise, salts="keep")).prepare(different)
        for place, reason in prepared.reasons.items():
            raise ParseError(f"{different[place]}: {reason}")
        batch = collate(MoleculeSlice(prepared.arrays, rows=np.arange(len(different))))
        found = physical(self.run.predictor.members(batch), self.run.level_labels)["graph"].prediction()
        values = dict(zip(different, found.mean[:, self.column].tolist(), strict=True))
        return [values[text] for text in smiles]


def without_atoms(molecule: Chem.Mol, atoms: Sequence[int]) -> str:
    """What is left of a molecule without some of its atoms; hydrogens take their places.

    Raises:
        ParseError: What is left is no molecule.
    """
    with rdBase.BlockLogs(), reading("a part of a molecule", raised=ParseError):
        left = Chem.RWMol(molecule)
        Chem.Kekulize(left, clearAromaticFlags=True)
        left.BeginBatchEdit()
        for number in atoms:
            for neighbour in left.GetAtomWithIdx(number).GetNeighbors():
                neighbour.SetNoImplicit(False)
                neighbour.SetNumExplicitHs(0)
            left.RemoveAtom(number)
        left.CommitBatchEdit()
        Chem.SanitizeMol(left)
        Chem.AssignStereochemistry(left, cleanIt=True, force=True)
        return canonical_smiles(left)


class _Gradients(_Explained):
    @classmethod
    def of(cls, run: LoadedRun, label: str | None) -> Self:
        found = super().of(run, label)
        for network in run.ensemble.networks:
            if not any(isinstance(module, AtomEmbedding) for module in network.modules()):
                raise UsageError(f"the encoder of {run.run.folder} reads no codes of atoms, so none has a share")
        return found

    def attribution(self, text: str, steps: int, generator: np.random.Generator) -> Attribution | None:
        try:
            molecule = parse(text, self.run.spec.standardise)
        except ParseError:
            return None
        shown, order = _in_order(molecule)
        copies = self.run.spec.prepare([text] * AT_ONCE).arrays
        ends = self._predictions(
            copies, np.repeat(np.array([[0], [1]], np.float32), int(copies.atom_counts[0]), axis=1)
        )
        baseline, whole = float(ends[0]), float(ends[1])
        difference = whole - baseline
        atoms = self._integral(copies, steps)
        while abs(difference - atoms.sum()) > MISSED * abs(difference) and steps < MOST_STEPS:
            steps *= 2  # an integrand with kinks converges slowly
            atoms = self._integral(copies, steps)
        scales = np.ones((1 + DRAWS, len(atoms)), np.float32)  # without the top ones, without random ones
        for row, masked in enumerate([_strongest(atoms), *_drawn(len(atoms), generator)]):
            scales[row, masked] = 0
        masked_values = np.concatenate([self._predictions(copies, part) for part in _parts(scales)])
        changes = np.abs(masked_values - whole)
        whole, baseline = whole + self.offset, baseline + self.offset
        return Attribution(shown, self.label, whole, baseline, atoms[order], float(changes[0]), changes[1:])

    def _integral(self, copies: MoleculeArrays, steps: int) -> np.ndarray:
        """(n,) attributions."""
        points, weights = np.polynomial.legendre.leggauss(steps)
        atoms = int(copies.atom_counts[0])
        scales = np.repeat(((points + 1) / 2)[:, None], atoms, axis=1).astype(np.float32)
        total = np.zeros(atoms)
        for part, weight in zip(_parts(scales), _parts(weights / 2), strict=True):
            batch = self._batch(copies, len(part))
            for network in self.run.ensemble.networks:
                total += self._gradients(network, batch, part, weight)
        return total / len(self.run.ensemble.networks)

    def _gradients(
        self, network: nn.Module, batch: MoleculeBatch, scales: np.ndarray, weight: np.ndarray
    ) -> np.ndarray:
        with torch.enable_grad(), _scaled(network, batch, scales) as kinds:
            found = (self._decoded(network, batch) * torch.from_numpy(weight).to(batch.node_graph.device)).sum()
        leaves = [leaf for kind in kinds for leaf in kind.leaves]
        gradients = iter(torch.autograd.grad(found, leaves, allow_unused=True, materialize_grads=True))
        shares = torch.zeros(batch.num_nodes, dtype=torch.float64, device=batch.node_graph.device)
        for kind in kinds:
            for rows in kind.rows:
                share = (rows * next(gradients)).sum(1).double()
                for end in kind.ends:
                    shares.index_add_(0, end, share / len(kind.ends))
        return shares.view(len(scales), -1).sum(0).cpu().numpy()

    @torch.no_grad()
    def _predictions(self, copies: MoleculeArrays, scales: np.ndarray) -> np.ndarray:
        """(copies,) mean over the members."""
        batch = self._batch(copies, len(scales))
        found = []
        for network in self.run.ensemble.networks:
            with _scaled(network, batch, scales):
                found.append(self._decoded(network, batch).double().cpu().numpy())
        return np.mean(found, axis=0)

    def _decoded(self, network: nn.Module, batch: MoleculeBatch) -> Float[Tensor, " copies"]:
        task: Any = self.run.ensemble.task
        return task.decoded(network, batch)["graph"][:, self.column]

    def _batch(self, copies: MoleculeArrays, count: int) -> MoleculeBatch:
        some = contiguous(copies, 0, count)
        return collate(MoleculeSlice(some, rows=np.arange(count))).to(self.run.ensemble.device)


def _in_order(molecule: Chem.Mol) -> tuple[str, list[int]]:
    """The SMILES that is shown, and the atoms in its order."""
    shown = Chem.MolToSmiles(molecule)
    return shown, list(molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])


def _masked_count(atoms: int) -> int:
    return max(1, round(MASKED * atoms))


def _strongest(atoms: np.ndarray) -> np.ndarray:
    """The atoms of the largest attributions, as many as are masked."""
    return np.argsort(-np.abs(atoms), kind="stable")[: _masked_count(len(atoms))]


def _drawn(atoms: int, generator: np.random.Generator) -> list[np.ndarray]:
    """As many random ones, some times."""
    return [generator.permutation(atoms)[: _masked_count(atoms)] for _ in range(DRAWS)]


def _parts(values: np.ndarray) -> list[np.ndarray]:
    return [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]


@contextmanager
def _scaled(network: nn.Module, batch: MoleculeBatch, scales: np.ndarray) -> Iterator[list[_Scaled]]:
    """Within the block the embedding of each atom is scaled, and that of each bond by the mean over its two atoms."""
    atoms = torch.from_numpy(scales).to(batch.node_graph.device).flatten()
    nodes = torch.arange(batch.num_nodes, device=atoms.device)[None]
    kinds = {AtomEmbedding: _Scaled(nodes), BondEmbedding: _Scaled(batch.edge_index)}

    def hook(module: nn.Module, _: Any, output: Distinct) -> Distinct:
        kind = kinds[type(module)]
        rows = output.expand().detach()
        scale = atoms[kind.ends].mean(0).to(rows.dtype)[:, None]
        leaf = (rows * scale).requires_grad_(torch.is_grad_enabled())
        kind.rows.append(rows)
        kind.leaves.append(leaf)
        return Distinct(leaf, _each_its_own(len(leaf), leaf.device))

    handles = [module.register_forward_hook(hook) for module in network.modules() if type(module) in kinds]
    try:
        yield list(kinds.values())
    finally:
        for handle in handles:
            handle.remove()


def _each_its_own(count: int, device: torch.device) -> Groups:
    numbers = torch.arange(count, device=device)
    return Groups(numbers, numbers, numbers, torch.arange(count + 1, device=device))


@dataclass(frozen=True)
class Faithfulness:
    """Whether the atoms with the largest attributions matter more than random ones, over molecules.

    Attributes:
        molecules: Those with more atoms than are masked.
        top: Mean |change| of the prediction without the atoms of the largest attributions.
        random: The same without as many random atoms.
        wins: Share of molecules where the first is larger than the mean of the second.
        p_value: Of the one-sided signed-rank test over molecules.
        largest_gap: Largest |gap| of completeness; None where atoms were removed.
    """

    molecules: int
    top: float
    random: float
    wins: float
    p_value: float
    largest_gap: float | None

    def sentence(self) -> str:
        """In words."""
        return (
            f"Without the {MASKED:.0%} of atoms with the largest attributions the prediction changes by {number(self.top)} on average, without "
            f"as many random ones by {number(self.random)} (larger in {self.wins:.0%} of {self.molecules} molecules, signed-rank p = "
            f"{number(self.p_value, 2)})."
        ) + (
            "" if self.largest_gap is None
            else f" Attributions miss the difference to the baseline by at most {number(self.largest_gap, 2)}."
        )  # fmt: skip


def faithfulness(found: Sequence[Attribution]) -> Faithfulness:
    """Summarise attributions; a molecule all of whose atoms are masked says nothing.

    Raises:
        UsageError: No molecule has enough atoms.
    """
    from scipy.stats import wilcoxon

    several = [one for one in found if len(one.atoms) > 1]
    if not several:
        raise UsageError("no molecule has two atoms, so that there is nothing to compare")
    top = np.array([one.masked_top for one in several])
    random = np.array([one.masked_random.mean() for one in several])
    differs = bool((top != random).any())
    p_value = float(wilcoxon(top, random, alternative="greater", method="approx").pvalue) if differs else 1.0
    return Faithfulness(
        len(several), float(top.mean()), float(random.mean()), float((top > random).mean()), p_value,
        max((abs(one.gap) for one in found if one.gap is not None), default=None),
    )  # fmt: skip
