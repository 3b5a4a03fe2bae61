"""Tables of scores of CRISPR screens and of genetic interactions, read as screens at the border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.expression import open_expression
from hooke.cells.files import read_measured
from hooke.cells.long_scores import by_readout
from hooke.cells.screen import Columns, Scale, Screen
from hooke.core.errors import DataError, UnknownNameError
from hooke.workflows.response import check_screen

READOUTS = tuple(f"P{number}" for number in range(8))


def guides(path: Path, *, long: bool) -> Path:
    """Twelve guides a gene and 60 of no target, in two donors, with eight phenotypes."""
    generator = np.random.default_rng(0)
    rows = []
    for gene in (*(f"GENE{number}" for number in range(6)), "Non-Targeting"):
        effect = generator.normal(size=8) * (gene != "Non-Targeting")
        for donor in ("d1", "d2"):
            for guide in range(60 if gene == "Non-Targeting" else 12):
                values = effect + 0.3 * generator.normal(size=8)
                rows.append(
                    {
                        "sgrna": f"{gene}_{guide}",
                        "gene": gene,
                        "donor": donor,
                        **dict(zip(READOUTS, values.tolist(), strict=True)),
                    }
                )
    table = pl.DataFrame(rows)
    if long:
        table = table.unpivot(READOUTS, index=["sgrna", "gene", "donor"], variable_name="phenotype", value_name="score")
    table.sample(fraction=1.0, shuffle=True, seed=0).write_csv(path)
    return path


@pytest.mark.parametrize("long", [False, True])
def test_guides_of_a_screen_are_its_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    found = check_screen(guides(tmp_path / "scores.csv", long=long), scale="z-score", batch="", show_progress=False)
    assert found.said["perturbation"] == "column gene (guessed)"
    assert found.said["context"] == "column donor (guessed)"
    assert (found.cells, found.used, found.genes) == (264, 264, 8)
    assert {each.name: each.ceiling.is_evaluable for each in found.contexts} == {"d1": True, "d2": True}


def test_a_missing_score_is_a_row_left_out_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    path = guides(tmp_path / "scores.csv", long=True)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    found = check_screen(path, scale="z-score", batch="", show_progress=False)
    assert found.left_out == {"a value is NaN or infinite": 1}
    assert found.used == found.cells - 1


def test_what_says_a_score_twice_or_of_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("gene,phenotype,score\nA,x,1\nA,x,2\nB,x,1.5\n")
    with pytest.raises(DataError, match="2 rows repeat a score of one read-out, the first x of A"):
        by_readout(read_measured(path), path.name)
    path.write_text("gene,phenotype,score\nA,x,1\nB,,2\n")
    with pytest.raises(DataError, match="1 rows state no phenotype"):
        by_readout(read_measured(path), path.name)


def test_pairs_in_two_columns_or_one_are_sets_of_genes(tmp_path: Path) -> None:
    rows = ["A,B", "B,A", "A,ctrl", "C,", *["ctrl,negative"] * 4]
    path = tmp_path / "pairs.tsv"
    path.write_text(
        "gene_a\tgene_b\tgrowth\tdrug\n" + "".join(row.replace(",", "\t") + "\t-0.5\t1.5\n" for row in rows)
    )
    with open_expression(path) as expression:
        screen = Screen.of(expression, Columns(), scale=Scale("z-score"))
        named = Screen.of(expression, Columns(perturbation="gene_b+gene_a"), scale=Scale("z-score"))
        with pytest.raises(UnknownNameError):
            Screen.of(expression, Columns(perturbation="gene_a+gene"), scale=Scale("z-score"))
    assert screen.said["perturbation"] == "column gene_a+gene_b (guessed)"
    names = [screen.perturbations[place].name if place >= 0 else int(place) for place in screen.perturbation]
    assert names[:3] == ["A+B", "A+B", "A"]
    assert names[4:] == [-1] * 4
    assert screen.used + sum(screen.left_out.values()) == len(rows)
    assert [each.name for each in named.perturbations] == [each.name for each in screen.perturbations]
    tuples = tmp_path / "tuples.csv"
    tuples.write_text("Gene_pairs,x,y\n" + "\"('B', 'A')\",1,-2\n" + "control,0,1\n" * 4)
    with open_expression(tuples) as expression:
        found = Screen.of(expression, Columns(), scale=Scale("z-score"))
    assert [each.name for each in found.perturbations] == ["A+B"]
    assert found.said["perturbation"] == "column Gene_pairs (guessed)"
