"""The answers over HTTP, and the page in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.api.response import explore_response
from hooke.core.errors import DataError
from hooke.serve.response_server import response_server


@pytest.fixture
def address(fitted: SimpleNamespace) -> Iterator[str]:
    server = response_server(fitted.view)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def ask(address: str) -> Any:
    with urllib.request.urlopen(address) as reply:
        return json.load(reply)


def test_every_answer(address: str, fitted: SimpleNamespace) -> None:
    gene = fitted.genes[0]
    assert ask(address + "/api/summary")["conditions"] == len(ask(address + "/api/points")["names"])
    assert ask(address + f"/api/search?q={gene}")
    assert ask(address + f"/api/condition?name={gene}")["name"].startswith(gene)
    assert ask(address + f"/api/explanation?name={gene}")["neighbours"]
    assert len(ask(address + f"/api/heatmap?names={gene},{fitted.genes[1]}")["names"]) == 2
    assert ask(address + "/api/hits")[0]["hits"] >= 1
    for path, kind in (("/", "text/html"), ("/response_page.js", "text/javascript"), ("/map_page.css", "text/css")):
        with urllib.request.urlopen(address + path) as reply:
            assert reply.headers["Content-Type"].startswith(kind)
    for path, status in (("/api/condition?name=NOBODY", 404), ("/api/nothing", 404), ("/api/heatmap?names=one", 400)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address + path)
        assert refused.value.code == status
        assert json.load(refused.value)["error"]


def test_what_is_no_fitted_screen(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        explore_response(tmp_path, port=0)


def test_a_run_is_opened(fitted: SimpleNamespace) -> None:
    explore_response(fitted.folder, port=0).server_close()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="NO CHROMIUM: the page was not opened in a browser")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(address: str, fitted: SimpleNamespace, tmp_path: Path, width: int) -> None:
    names = ",".join(fitted.genes[:4])
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},1500", "--virtual-time-budget=6000", f"--screenshot={tmp_path / 'page.png'}", "--dump-dom",
            f"{address}/?name={fitted.genes[0]}&heat={names}",
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert 'data-settled="yes"' in done.stdout, done.stderr[-2000:]
    assert 'data-drawn="4"' in done.stdout  # the heat map
    assert "claims supported" in done.stdout
    assert fitted.view.summary()["kinds"][0]["verdict"][:40] in done.stdout
