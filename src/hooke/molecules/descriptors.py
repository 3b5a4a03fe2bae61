"""RDKit's 2D descriptors as a matrix, and the feature matrix of the baselines.

Fingerprints of molecules as matrices: input of baselines and of similarity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.EState.EState import GetPrincipleQuantumNumber

from hooke.evaluate.kernels import MeanKernel
from hooke.molecules.parse import molecule_of


def morgan_counts(smiles: Sequence[str], *, radius: int = 2, bits: int = 2048) -> np.ndarray:
    """(N, bits) float32 counts of Morgan environments (Rogers and Hahn 2010), folded.

    Raises:
        ValueError: A SMILES does not parse.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)
    out = np.zeros((len(smiles), bits), np.float32)
    for row, molecule in enumerate(map(molecule_of, smiles)):
        out[row] = generator.GetCountFingerprintAsNumPy(molecule)
    return out


def atom_pair_counts(smiles: Sequence[str], *, bits: int = 2048) -> np.ndarray:
    """(N, bits) float32 counts of pairs of atoms at their distance along bonds (Carhart et al. 1985), folded.

    Raises:
        ValueError: A SMILES does not parse.
    """
    generator = rdFingerprintGenerator.GetAtomPairGenerator(fpSize=bits)
    out = np.zeros((len(smiles), bits), np.float32)
    for row, molecule in enumerate(map(molecule_of, smiles)):
        out[row] = generator.GetCountFingerprintAsNumPy(molecule)
    return out


def morgan_bits(smiles: Sequence[str], *, radius: int = 2, bits: int = 2048) -> list[DataStructs.ExplicitBitVect]:
    """Bit fingerprints for Tanimoto similarity."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits)
    return [generator.GetFingerprint(molecule) for molecule in map(molecule_of, smiles)]


def nearest_similarity(smiles: Sequence[str], reference: Sequence[str]) -> np.ndarray:
    """(N,) Tanimoto similarity of each molecule to its nearest reference molecule; 0 without references."""
    known = morgan_bits(reference)
    if not known:
        return np.zeros(len(smiles))
    return np.array([max(DataStructs.BulkTanimotoSimilarity(print_, known)) for print_ in morgan_bits(smiles)])


def structure_kernel(smiles: Sequence[str]) -> np.ndarray:
    """(n, n) mean of the Tanimoto similarities of counts of Morgan environments (radius 2, 4,096 bits) and of pairs of atoms (2,048)."""
    blocks = morgan_counts(smiles, bits=4096), atom_pair_counts(smiles)
    return MeanKernel.of(np.hstack(blocks), counts=tuple(block.shape[1] for block in blocks)).among()


def electrotopological_states(molecule: Chem.Mol) -> np.ndarray:
    """(atoms,) float64 electrotopological state of each atom: its intrinsic state and its differences to those of all others.

        I = ((2 / N)² (v - h) + 1) / d,    S_i = I_i + Σ_j (I_i - I_j) / (1 + |i, j|)²

    with period N, outer electrons v, hydrogens h, degree d (I = 0 without neighbours) and distance along bonds; other fragments do not count.
    RDKit has the same numbers, up to rounding, from a loop over pairs that takes sixty times as long. They are left where RDKit keeps its own,
    so that its sums of surface areas by state use them.

    Source: Hall et al. 1991 (doi:10.1021/ci00001a012).
    """
    table = Chem.GetPeriodicTable()
    intrinsic = np.zeros(molecule.GetNumAtoms())
    for place, atom in enumerate(molecule.GetAtoms()):
        if degree := atom.GetDegree():
            number = atom.GetAtomicNum()
            outer = table.GetNOuterElecs(number) - atom.GetTotalNumHs()
            intrinsic[place] = (4.0 / GetPrincipleQuantumNumber(number) ** 2 * outer + 1) / degree
    distances = Chem.GetDistanceMatrix(molecule, useBO=False, useAtomWts=False) + 1
    shares = np.divide(1.0, distances**2, out=np.zeros_like(distances), where=distances < 1e6)
    states = intrinsic + intrinsic * shares.sum(axis=1) - shares @ intrinsic
    molecule._eStateIndices = states
    return states


_STATES: dict[str, Any] = {
    "MaxAbsEStateIndex": lambda molecule: np.abs(_states(molecule)).max(),
    "MaxEStateIndex": lambda molecule: _states(molecule).max(),
    "MinAbsEStateIndex": lambda molecule: np.abs(_states(molecule)).min(),
    "MinEStateIndex": lambda molecule: _states(molecule).min(),
}  # RDKit computes all states again for each of them
# Ipc grows beyond float64 for large molecules and carries no more than its averaged form.
DESCRIPTORS = tuple((name, _STATES.get(name, function)) for name, function in Descriptors.descList if name != "Ipc")
LARGE = 300  # atoms, beyond which descriptors whose time grows with the third or fourth power are undefined: minutes at 1,000
_CUBIC = frozenset(
    name
    for name, _ in DESCRIPTORS
    if "EState" in name or name.startswith("BCUT2D") or name in ("AvgIpc", "BalabanJ", "BertzCT")
)
# Two thirds of the time, and no better predictions with them.
_EXPENSIVE = ("qed", "SPS", "BertzCT", "AvgIpc", "BCUT2D_", "fr_")
FAST_DESCRIPTORS = tuple((name, function) for name, function in DESCRIPTORS if not name.startswith(_EXPENSIVE))
_SLOW = {f"chi{order}{kind}" for order in (2, 3, 4) for kind in "nv"} | {"kappa2", "kappa3", "Phi"}  # half of the time
_PROPERTIES = rdMolDescriptors.Properties(
    [name for name in rdMolDescriptors.Properties().GetPropertyNames() if name not in _SLOW]
)
_COUNTS = {"slogp_vsa": 12, "smr_vsa": 10, "peoe_vsa": 14, "mqn": 42, "autocorrelation": 192}
QUICK_DESCRIPTORS = (
    *_PROPERTIES.GetPropertyNames(),
    *(f"{name}_{number}" for name, count in _COUNTS.items() for number in range(1, count + 1)),
)


def quick_descriptors(molecules: Sequence[Chem.Mol]) -> np.ndarray:
    """(N, 304) float32 descriptors that RDKit computes in C++, about a millisecond a molecule; NaN where undefined.

    Counts, Crippen contributions, the shortest connectivity and shape indices, surface areas by contribution to log P, refractivity and partial
    charge, molecular quantum numbers (Nguyen et al. 2009), and Moreau-Broto, Moran and Geary autocorrelations.
    """
    out = np.full((len(molecules), len(QUICK_DESCRIPTORS)), np.nan)
    for row, molecule in enumerate(molecules):
        out[row] = [
            *_PROPERTIES.ComputeProperties(molecule),
            *rdMolDescriptors.SlogP_VSA_(molecule),
            *rdMolDescriptors.SMR_VSA_(molecule),
            *rdMolDescriptors.PEOE_VSA_(molecule),
            *rdMolDescriptors.MQNs_(molecule),
            *rdMolDescriptors.CalcAUTOCORR2D(molecule),
        ]
    out[~(np.abs(out) < 1e6)] = np.nan
    return out.astype(np.float32)


def rdkit_descriptors(smiles: Sequence[str], wanted: Sequence[tuple[str, Any]] = DESCRIPTORS) -> np.ndarray:
    """(N, wanted) float64 descriptors; what is undefined for a molecule is 0, what is huge is cut at 1e6.

    Electrotopological descriptors, BCUT2D, AvgIpc, BalabanJ and BertzCT are undefined for molecules of more than `LARGE` atoms.
    """
    out = np.zeros((len(smiles), len(wanted)))
    for row, text in enumerate(smiles):
        molecule = molecule_of(text)
        large = molecule.GetNumAtoms() > LARGE
        out[row] = [
            float("nan") if large and name in _CUBIC else _value(function, molecule) for name, function in wanted
        ]
    return np.clip(np.nan_to_num(out, nan=0.0, posinf=1e6, neginf=-1e6), -1e6, 1e6)


def baseline_features(smiles: Sequence[str]) -> np.ndarray:
    """(N, F) log1p Morgan counts beside descriptors: what ridge and random forest are given."""
    return np.hstack([np.log1p(morgan_counts(smiles)), rdkit_descriptors(smiles)])


def _states(molecule: Chem.Mol) -> np.ndarray:
    known = getattr(molecule, "_eStateIndices", None)
    return electrotopological_states(molecule) if known is None else known


def _value(function, molecule: Chem.Mol) -> float:  # type: ignore[no-untyped-def]
    try:
        return float(function(molecule))
    except Exception:  # RDKit raises all kinds, OverflowError for large molecules
        return float("nan")
