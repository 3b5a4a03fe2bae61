from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.cells.entities import build_map
from hooke.cells.profiles import Profiles
from hooke.evaluate.known_pairs import unique_pairs
from hooke.serve.map_server import map_server
from hooke.serve.map_view import MapView
from hooke.serve.tiles import Tiles


@pytest.fixture(scope="package")
def view(wells: Profiles) -> MapView:
    """The map of the made-up screen, with two sources of known pairs."""
    made = build_map(wells)
    known = {
        "CORUM": unique_pairs("CORUM", ["GENE00", "GENE00", "GENE00"], ["GENE01", "GENE02", "ELSEWHERE"]),
        "mine": unique_pairs("mine", ["GENE01"], ["GENE00"]),
    }
    return MapView(made, known=known, coordinates=(made.values[:, :2], "first two"), title="made-up")


class MadeUpImages:
    """Fields of two plates: bright where the gene's number is odd."""

    channels = ("DNA", "ER")
    simulated = True

    def __init__(self) -> None:
        rows = [
            {
                "experiment": "e",
                "plate": plate,
                "well": f"A{number:02d}",
                "site": 1,
                "gene": gene,
                "control": "" if gene else "negative",
            }
            for plate in ("P0", "P1")
            for number, gene in enumerate(["", "", "GENE00", "GENE01"], start=1)
        ]
        self.metadata = pl.DataFrame(rows)
        self.sizes = np.full((len(rows), 2), 40)

    def read_crops(self, rows: list[int], top: np.ndarray, left: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        generator = np.random.default_rng(0)
        bright = np.array([500 if self.metadata["gene"][int(row)] == "GENE01" else 100 for row in rows])
        return generator.poisson(bright[:, None, None, None], (len(rows), 2, *size)).astype(np.uint16)


@pytest.fixture
def tiles() -> Tiles:
    return Tiles(MadeUpImages(), size=32)


@pytest.fixture
def served(view: MapView, tiles: Tiles) -> Iterator[SimpleNamespace]:
    """A running server with its address."""
    server = map_server(view, tiles=tiles)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(address=f"http://127.0.0.1:{server.server_address[1]}", port=server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="package")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A run on a simulated screen, its view and its genes."""
    pytest.importorskip("anndata")
    from hooke.cells.simulated_response import SimulationConfig, simulate
    from hooke.serve.response_view import ResponseView
    from hooke.workflows.response_explain import FittedRun, explain_response
    from hooke.workflows.response_fit import fit_responses

    folder = tmp_path_factory.mktemp("explored")
    patch = pytest.MonkeyPatch()
    patch.setenv("HOOKE_CACHE", str(folder / "cache"))
    simulated = simulate(SimulationConfig(modules=6, genes_a_module=5, readouts=80, cells=24, controls=100, pairs=20))
    simulated.profiles.write(folder / "screen.h5ad")
    (folder / "edges.csv").write_text(simulated.edges.write_csv())
    run = fit_responses(
        folder / "screen.h5ad", folder / "runs", scale="log1p", graph=str(folder / "edges.csv"), models="context_mean,graph_kernel_ridge",
        show_progress=False,
    )  # fmt: skip
    opened = FittedRun.open(run.folder)
    asked: list[str] = []

    def explain(perturbation: str, context: str, model: str | None) -> dict[str, Any]:
        asked.append(perturbation)
        found = explain_response(
            run.folder, perturbation, context=context, model=model, pathways="none", verify="none", fitted=opened, show_progress=False
        )  # fmt: skip
        return found.to_json()

    view = ResponseView(opened, explain, title="made-up")
    yield SimpleNamespace(folder=run.folder, view=view, genes=list(simulated.genes), asked=asked)
    patch.undo()
