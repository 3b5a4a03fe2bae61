from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rdkit import Chem

from hooke.atoms.composition import CompositionRegression
from hooke.core.errors import UsageError
from hooke.core.units import factor

TRUE = {1: -13.6, 6: -1029.5, 8: -2042.0}


def made(generator: np.random.Generator, systems: int = 300, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    counts = np.zeros((systems, 118))
    for number in TRUE:
        counts[:, number - 1] = generator.integers(0, 12, systems)
    return counts, counts[:, [0, 5, 7]] @ np.array([*TRUE.values()]) + noise * generator.normal(size=systems)


def fitted(counts: np.ndarray, energies: np.ndarray, ridge: float = 0.0, block: int = 64):  # type: ignore[no-untyped-def]
    regression = CompositionRegression()
    for start in range(0, len(counts), block):
        regression.update(counts[start : start + block], energies[start : start + block])
    return regression.fit(ridge)


def test_exact_energies_are_found() -> None:
    counts, energies = made(np.random.default_rng(0))
    energies[::7] = np.nan  # teach nothing
    fit = fitted(counts, energies)
    assert fit.elements.tolist() == [*TRUE]
    np.testing.assert_allclose(fit.energies, [*TRUE.values()], rtol=1e-11)
    assert fit.systems == 300 - 43


def test_blocks_give_what_least_squares_of_everything_gives() -> None:
    counts, energies = made(np.random.default_rng(1), noise=0.3)
    fit, small = fitted(counts, energies, block=300), fitted(counts, energies, block=7)
    design = counts[:, [0, 5, 7]]
    expected, (residual,), *_ = np.linalg.lstsq(design, energies, rcond=None)
    np.testing.assert_allclose(fit.energies, expected, rtol=1e-12)
    np.testing.assert_allclose(small.energies, expected, rtol=1e-12)
    spread = np.sqrt(residual / 297)
    errors = spread * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    assert fit.spread == pytest.approx(spread, rel=1e-8)
    np.testing.assert_allclose(fit.errors, errors, rtol=1e-8)


def test_standard_errors_cover_the_truth() -> None:
    inside = []
    for seed in range(60):
        fit = fitted(*made(np.random.default_rng(seed), systems=40, noise=1.0))
        inside.extend(np.abs(fit.energies - [*TRUE.values()]) < 1.96 * fit.errors)
    assert 0.88 < np.mean(inside) <= 1


def test_ridge_is_the_penalised_solution() -> None:
    counts, energies = made(np.random.default_rng(2), noise=0.3)
    design = counts[:, [0, 5, 7]]
    expected = np.linalg.solve(design.T @ design + 5 * np.eye(3), design.T @ energies)
    np.testing.assert_allclose(fitted(counts, energies, ridge=5.0).energies, expected, rtol=1e-10)


def test_fixed_proportions_are_refused_by_name() -> None:
    counts = np.zeros((5, 118))
    counts[:, 5], counts[:, 0], counts[:, 7] = [1, 2, 3, 4, 5], [2, 4, 6, 8, 10], [1, 0, 1, 0, 2]
    energies = np.arange(5.0)
    with pytest.raises(UsageError, match="energies of H, C apart"):
        fitted(counts, energies)
    assert np.isfinite(fitted(counts, energies, ridge=0.1).energies).all()
    with pytest.raises(UsageError, match="there are no energies"):
        fitted(counts, energies * np.nan)


def composition(smiles: list[str]) -> np.ndarray:
    counts = np.zeros((len(smiles), 118))
    for row, text in enumerate(smiles):
        for atom in Chem.AddHs(Chem.MolFromSmiles(text)).GetAtoms():
            counts[row, atom.GetAtomicNum() - 1] += 1
    return counts


@pytest.mark.mirror
def test_qm9_columns_imply_their_isolated_atoms(mirror: Path) -> None:
    """u0 (hartree) less u0_atom (kcal/mol) is a sum over the atoms."""
    table = pl.read_csv(mirror / "quantum/graphium_micro_qm9.csv.gz")
    parsed = [smiles for smiles in table["smiles"] if Chem.MolFromSmiles(smiles)]
    assert len(parsed) == len(table)
    counts = composition(parsed)
    atoms = table["u0"].to_numpy() - table["u0_atom"].to_numpy() * factor("kcal/mol", "hartree")
    fit = fitted(counts, atoms)
    expected = [-0.500273, -37.846772, -54.583861, -75.064579, -99.718730]
    assert fit.elements.tolist() == [1, 6, 7, 8, 9]
    np.testing.assert_allclose(fit.energies, expected, atol=1e-6)
    residual = (atoms - counts[:, fit.elements - 1] @ fit.energies) * factor("hartree", "kcal/mol")
    assert np.abs(residual).max() < 1e-3
    total = fitted(counts, table["u0"].to_numpy())
    left = (table["u0"].to_numpy() - counts[:, total.elements - 1] @ total.energies) * factor("hartree", "kcal/mol")
    assert left.std() == pytest.approx(25.4, abs=0.1)
