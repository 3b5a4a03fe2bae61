"""The answers over HTTP, and the page in a real browser."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import struct
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.serve.map_server import map_server
from hooke.serve.map_view import MapView


def ask(address: str) -> Any:
    with urllib.request.urlopen(address) as reply:
        return json.load(reply)


def test_every_answer(served: SimpleNamespace) -> None:
    summary = ask(served.address + "/api/summary")
    assert summary["images"] is True
    assert len(ask(served.address + "/api/points")["names"]) == 24
    assert ask(served.address + "/api/search?q=gene00") == ["GENE00"]
    assert ask(served.address + "/api/neighbours?name=GENE00&count=3")["name"] == "GENE00"
    assert len(ask(served.address + "/api/heatmap?names=GENE00,GENE01%0AGENE02")["names"]) == 3
    fields = ask(served.address + "/api/fields?name=gene01")
    assert [channel["name"] for channel in fields["channels"]] == ["DNA", "ER"]
    with urllib.request.urlopen(f"{served.address}/tile.png?row={fields['entity'][0]['row']}") as reply:
        assert reply.headers["Content-Type"] == "image/png"
        assert reply.read(8) == b"\x89PNG\r\n\x1a\n"
    for path, kind in (("/", "text/html"), ("/map_page.js", "text/javascript"), ("/map_page.css", "text/css")):
        with urllib.request.urlopen(served.address + path) as reply:
            assert reply.headers["Content-Type"].startswith(kind)
            assert "http" not in re.sub(
                r"http://127\.0\.0\.1|application/http", "", reply.read().decode()
            )  # nothing from elsewhere


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/neighbours?name=GENE001", 404, "Did you mean"),
        ("/api/heatmap?names=GENE00", 400, "takes 2 to"),
        ("/api/neighbours?name=GENE00&count=many", 400, "invalid literal"),
        ("/etc/passwd", 404, "unknown address"),
        ("/../map_server.py", 404, "unknown address"),
    ],
)
def test_wrong_questions(served: SimpleNamespace, path: str, status: int, message: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(served.address + path)
    with caught.value as reply:
        assert reply.code == status
        assert message in json.load(reply)["error"]


def test_only_this_machine_is_answered(served: SimpleNamespace) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", "/api/points", headers={"Host": "evil.example:80"})
    reply = connection.getresponse()
    assert reply.status == 403
    reply.read()
    connection.close()


def test_a_taken_port_is_said(served: SimpleNamespace, view: MapView) -> None:
    with pytest.raises(UsageError, match="--port"):
        map_server(view, port=served.port)


def png_pixels(path: Path) -> tuple[int, int]:
    return struct.unpack(">II", path.read_bytes()[16:24])


@pytest.mark.skipif(
    shutil.which("chromium") is None, reason="NO CHROMIUM: the explore page was not opened in a browser"
)
def test_the_page_in_a_browser(served: SimpleNamespace, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,1500", "--virtual-time-budget=6000", f"--screenshot={picture}", "--dump-dom",
            f"{served.address}/?name=GENE00&heat=GENE00,GENE01,GENE02,GENE05,GENE06",
        ],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    page = done.stdout
    assert 'data-settled="yes"' in page
    assert ">GENE00</h2>" in page
    assert "● CORUM, mine" in page  # a known relation is marked
    assert "in either 5 % tail of all pairs (chance 10 %)" in page
    assert "simulated images" in page
    assert page.count("tile.png?row=") == 4
    assert page.count("<figure") == 4  # two wells and their controls
    assert 'data-drawn="5"' in page  # the heat map
    if picture.exists():
        image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
        pixels = np.asarray(image.open(picture).convert("RGB"), np.int64)
        assert png_pixels(picture)[0] == 1400
        warm = (np.abs(pixels - [200, 100, 10]).max(axis=2) < 12).sum()
        assert warm > 30  # the chosen entity is drawn on the plane
