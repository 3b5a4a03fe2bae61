"""A planted target: genes of its module come first, unseen ones too; everything asked is ranked or listed with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from hooke.cells.simulated_response import SimulationConfig, simulate
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows.discovery_target import toward_target
from hooke.workflows.response_fit import fit_responses


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("target")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated = simulate(SimulationConfig(modules=6, genes_a_module=5, readouts=80, cells=24, controls=100, pairs=20))
    held = sorted(simulated.genes[4::5])
    simulated.without(set(held)).write(folder / "screen.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    run = fit_responses(
        folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "edges.csv"), library=held,
        models="context_mean,graph_kernel_ridge", show_progress=False,
    )  # fmt: skip
    truth = {each.name: change for each, change in simulated.truth.items()}
    wanted = pl.DataFrame({"gene": list(simulated.profiles.features), "change": truth[held[2]]})
    pl.concat([wanted, pl.DataFrame({"gene": ["ELSEWHERE"], "change": [1.0]})]).write_csv(folder / "target.csv")
    (folder / "library.csv").write_text(
        "\n".join(["gene", *held, simulated.genes[10], simulated.genes[0], "ctrl", "NOBODY"])
    )
    yield SimpleNamespace(folder=folder, run=run.folder, genes=simulated.genes, held=held)
    patch.undo()


def test_unseen_genes_of_the_right_module_come_first(made: SimpleNamespace) -> None:
    found = toward_target(
        made.run, made.folder / "target.csv", made.folder / "library.csv", made.folder / "picks.csv", context="strong"
    )
    assert {*found.picks["perturbation"][:2]} == {made.held[2], made.genes[10]}  # both of one module
    assert found.picks["reached"][0] > 0
    assert found.picks["p"][0] < 0.1
    assert (found.readouts, found.unknown) == (80, ("ELSEWHERE",))
    assert found.picks["perturbation"][-1] == "NOBODY"  # only the mean is known of it
    assert found.picks["reason"][-1]
    assert len(found.picks) + sum(found.left_out.values()) == found.candidates == 10
    assert pl.read_csv(made.folder / "picks.csv")["perturbation"].to_list() == found.picks["perturbation"].to_list()
    few = toward_target(made.run, made.folder / "target.csv", made.folder / "library.csv", context="strong", batch=2)
    assert few.picks["rank"].to_list() == [1, 2]
    row = found.picks.filter(pl.col("perturbation") == made.genes[10]).row(0, named=True)
    assert row["kind"] == "measured"
    assert np.isfinite(row["alignment"])


def test_what_is_no_target_is_refused(made: SimpleNamespace, tmp_path: Path) -> None:
    library = made.folder / "library.csv"
    with pytest.raises(UsageError, match="--context"):
        toward_target(made.run, made.folder / "target.csv", library)
    with pytest.raises(UnknownNameError, match="context"):
        toward_target(made.run, made.folder / "target.csv", library, context="moon")
    with pytest.raises(UsageError, match="one pick"):
        toward_target(made.run, made.folder / "target.csv", library, context="strong", batch=0)
    for text, error, words in (
        ("gene,change\nR000,1\n", UsageError, "names 1 read-outs"),
        ("gene,change\n" + "".join(f"R00{n},0\n" for n in range(8)), UsageError, "wants no change"),
        ("gene,change\nR000,much\n", DataError, "not a number"),
        ("gene,change\nR000,1\nR000,2\n", DataError, "twice"),
        ("gene,amount\nR000,1\n", DataError, "columns gene and change"),
    ):
        path = tmp_path / "target.csv"
        path.write_text(text)
        with pytest.raises(error, match=words):
            toward_target(made.run, path, library, context="strong")
