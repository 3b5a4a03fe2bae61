from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.cells.test_acquisition import GENES, library

from hooke.core import files
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows.discovery_campaign import (
    Options,
    Round,
    control_wells,
    hit_threshold,
    next_round,
    plate_wells,
    read_genes,
    write_picks,
)

OPTIONS = Options(batch=12, controls=4)


class Bench:
    """A made-up campaign in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made, self.scores = library()
        self.genes = folder / "genes.csv"
        self.genes.write_text(
            "gene,price\n" + "".join(f"{gene},{1 + number % 3}\n" for number, gene in enumerate(GENES)) + ",1\nG000,1\n"
        )
        self.measured = folder / "measured.csv"

    def measure(self, *rounds: Round) -> Path:
        """What the picks of some rounds give."""
        rows = [f"{gene},{self.scores[GENES.index(gene)]}" for each in rounds for gene in each.picks["gene"]]
        self.measured.write_text("\n".join(["gene,score", *rows, "G001,lost", "STRANGE,1.0"]) + "\n")
        return self.measured

    def ask(self, measured: Path | None = None, options: Options = OPTIONS, state: str = "state", **given):  # type: ignore[no-untyped-def]
        return next_round(measured, self.genes, self.made.graph, options, self.folder / state, **given)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_rounds_replay(bench: Bench) -> None:
    first = bench.ask()
    assert first.number == 1
    assert first.picks["policy"].unique().to_list() == ["random"]
    assert first.left_out == {"without a name in genes.csv": 1, "of a gene that is there already in genes.csv": 1}
    assert bench.ask().picks.equals(first.picks)
    second = bench.ask(bench.measure(first))
    assert second.number == 2
    assert not {*second.picks["gene"]} & {*first.picks["gene"]}
    assert second.left_out["without a finite score in measured.csv"] == 1
    assert second.left_out["measured in measured.csv, and not in the library"] == 1
    assert second.summary["measured"] == 12
    assert second.summary["earned"].keys() == {"random"}
    third = bench.ask(bench.measure(first, second))
    assert third.number == 3
    assert bench.ask(bench.measure(first)).picks.equals(second.picks)  # an earlier round is answered as it was
    assert bench.ask(bench.measure(first, second)).picks.equals(third.picks)
    afresh = [bench.ask(state="other"), bench.ask(bench.measure(first), state="other")]
    assert [each.picks.equals(known.picks) for each, known in zip(afresh, (first, second), strict=True)] == [True, True]
    with pytest.raises(UsageError, match="has the seed 0, not 1"):
        bench.ask(options=replace(OPTIONS, seed=1))


def test_a_kill_at_any_step_gives_the_same_picks(bench: Bench) -> None:
    first = bench.ask(state="whole")
    second = bench.ask(bench.measure(first), state="whole")
    for stop in range(20):
        steps = []

        def killed(step: str, path: Path, steps: list = steps, stop: int = stop) -> None:
            steps.append(step)
            if len(steps) == stop + 1:
                raise KeyboardInterrupt

        state = f"killed{stop}"
        bench.ask(state=state)
        files.watchers.append(killed)
        try:
            bench.ask(bench.measure(first), state=state)
        except KeyboardInterrupt:
            pass
        finally:
            files.watchers.remove(killed)
        assert bench.ask(bench.measure(first), state=state).picks.equals(second.picks)
        if len(steps) <= stop:
            break
    assert 3 < stop < 19


def test_reasons_name_neighbours_and_earlier_screens(bench: Bench) -> None:
    earlier = dict(zip(GENES, bench.made.priors[0].strengths.tolist(), strict=True))
    first = bench.ask(priors={"before": earlier}, same_study=["before"])
    assert first.summary["same_study"] == ["before"]
    assert all("before (same study) z" in reason for reason in first.picks["reason"])
    table = bench.ask(bench.measure(first), options=replace(OPTIONS, policy="graph"), state="graph").picks
    best = table.row(0, named=True)
    near = {other for other, _ in bench.made.graph.neighbours(best["gene"])}
    assert {*best["neighbours"].split()} <= near & {*first.picks["gene"]}
    assert "measured neighbours, mean z" in best["reason"]
    assert best["expected_z"] > 0
    assert best["falsified_by"]
    assert bench.scores[[GENES.index(gene) for gene in table["gene"][:3]]].mean() < -1


def test_reasons_name_the_pathway_whose_measured_members_are_strongest(bench: Bench) -> None:
    first = bench.ask()
    measured = bench.measure(first)
    strength = {gene: abs(bench.scores[GENES.index(gene)]) for gene in first.picks["gene"]}
    order = sorted(strength, key=lambda gene: strength[gene])
    rest = [gene for gene in GENES if gene not in strength]
    lines = {"weak": [*rest, *order[:2]], "strong": [*rest, *order[-2:]], "unmeasured": rest[:1]}
    sets = bench.folder / "sets.gmt"
    sets.write_text("".join(f"{name}\t\t" + "\t".join(genes) + "\n" for name, genes in lines.items()))
    plain = bench.ask(measured, state="plain")
    told = bench.ask(measured, pathways=str(sets))
    assert told.number == 2
    assert set(told.picks["pathway"]) == {"strong"}
    assert all("pathway strong: 2 measured members, mean z" in reason for reason in told.picks["reason"])
    assert set(plain.picks["pathway"]) == {""}


def test_constraints(bench: Bench) -> None:
    found = bench.ask(exclude=GENES[:60], must=["G100", "G101"])
    assert found.picks["gene"].to_list()[:2] == ["G100", "G101"]
    assert not {*found.picks["gene"]} & {*GENES[:60]}
    cheap = bench.ask(options=replace(OPTIONS, budget=10.0), state="cheap")
    assert 9 <= cheap.picks["price"].sum() <= 10
    for given, message in (
        ({"must": ["NOBODY"]}, "NOBODY must be picked and is not in the library"),
        ({"must": ["G001"], "exclude": ["G001"]}, "G001 must be picked and is excluded"),
        ({"must": list(GENES[:13])}, "leaves room"),
        ({"exclude": GENES}, "nothing is left"),
    ):
        with pytest.raises(UsageError, match=message):
            bench.ask(state="refused", **given)
    with pytest.raises(UnknownNameError, match="policy"):
        bench.ask(options=replace(OPTIONS, policy="grpah"))
    for wrong in (
        replace(OPTIONS, plate=48),
        replace(OPTIONS, batch=0),
        replace(OPTIONS, controls=96),
        replace(OPTIONS, budget=-1.0),
    ):
        with pytest.raises(UsageError):
            wrong.check()


def test_plates_hold_every_replicate_once_and_controls_apart(bench: Bench, tmp_path: Path) -> None:
    options = replace(OPTIONS, batch=60, replicates=3, controls=6)
    wells = plate_wells(60, options, 1)
    every = [well for some in wells for well in some]
    assert [len(some) for some in wells] == [3] * 60
    assert len({*every}) == 180
    assert not {well.partition(":")[2] for well in every} & {*control_wells(options)}
    assert {well.partition(":")[0] for well in every} == {"P1", "P2"}
    assert sum(well.startswith("P1:") for well in every) == 90
    assert plate_wells(60, options, 1) == wells != plate_wells(60, options, 2)
    found = bench.ask()
    write_picks(found, tmp_path / "picks.csv", OPTIONS)
    table = pl.read_csv(tmp_path / "picks.csv")
    assert table.height == 12 + 4
    assert table["wells"].n_unique() == 16


def test_hits_without_a_column() -> None:
    strengths = np.arange(100.0)
    policies = ["random"] * 40 + ["graph"] * 60
    assert hit_threshold(strengths, policies, OPTIONS) == pytest.approx(np.quantile(strengths[:40], 0.95))
    assert hit_threshold(strengths, ["graph"] * 100, OPTIONS) == pytest.approx(np.quantile(strengths, 0.95))
    assert hit_threshold(strengths, policies, replace(OPTIONS, hit_threshold=7.0)) == 7.0
    assert hit_threshold(np.zeros(0), [], OPTIONS) == np.inf


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("Gene\tScore\thit\nA\t1\ttrue\nA\t3\ttrue\nB\tnan\tfalse\nC\t2\t0\n")
    found, left_out = read_genes(path, scores=True)
    assert found.rows() == [("A", 2.0, 1.0), ("C", 2.0, 0.0)]
    assert left_out == {"without a finite score": 1, "of a gene that is there already": 1}
    for text, message in (
        ("x,y\n1,2\n", "needs the columns gene and score; it has x, y"),
        ("gene,score,hit\nA,1,maybe\n", "the hit of A is not a number"),
    ):
        (tmp_path / "wrong.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            read_genes(tmp_path / "wrong.csv", scores=True)
    (tmp_path / "wrong.csv").write_text("gene,price\nA,-1\n")
    with pytest.raises(DataError, match="a price is below 0"):
        read_genes(tmp_path / "wrong.csv", scores=False)
    with pytest.raises(DataError, match="does not exist"):
        read_genes(tmp_path / "nowhere.csv", scores=False)
