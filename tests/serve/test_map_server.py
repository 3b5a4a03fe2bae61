"""The answers over HTTP, and the page in a real browser."""

from __future__ import annotations

import datetime
import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.cells.entities import build_map
from hooke.cells.profiles import Profiles
from hooke.core.errors import UsageError
from hooke.serve import map_server as module
from hooke.serve.explore import explore
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


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/points", {}, 200),  # no browser
        ("/api/points", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ("/api/points", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ("/api/points", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("/api/points", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),  # another port of this machine
        (
            "/api/points",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            403,
        ),
        (
            "/tile.png?row=0",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
            403,
        ),
        (
            "/?name=GENE00",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            200,
        ),
        ("/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ("/api/points", {"Origin": "http://evil.example"}, 403),
        ("/api/points", {"Origin": "null"}, 403),
    ],
)
def test_only_the_page_itself_is_answered(
    served: SimpleNamespace, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    assert reply.status == status
    assert reply.headers["X-Frame-Options"] == "DENY"
    reply.read()
    connection.request("GET", "/api/summary", headers={"Origin": f"http://127.0.0.1:{served.port}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_browser_that_goes_away_is_quiet(served: SimpleNamespace, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port)) as gone:
            gone.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # closing resets the connection
            gone.sendall(f"GET /api/points HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode() * 50)
    assert ask(served.address + "/api/summary")["entities"] == 24
    assert "Traceback" not in capfd.readouterr().err


def test_a_connection_that_says_nothing_is_closed(
    view: MapView, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.2)
    server = map_server(view)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for begun in (b"", b"GET /api/points HTTP/1.1\r\nHost: local"):
            with socket.create_connection(server.server_address[:2], timeout=60) as half:  # type: ignore[arg-type]
                half.sendall(begun)
                assert half.recv(1000) == b""  # the end, rather than this side's own timeout
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "Traceback" not in capfd.readouterr().err


def test_values_of_all_kinds_are_answered(wells: Profiles) -> None:
    made = build_map(wells)
    count = len(made.metadata)
    odd = made.metadata.with_columns(
        date=pl.lit(datetime.date(2026, 11, 30)), moment=pl.lit(datetime.datetime(2026, 11, 30, 12)),
        price=pl.lit("1.50").str.to_decimal(scale=2), missing=pl.lit(float("nan")), infinite=pl.lit(float("inf")),
        spans=pl.lit(datetime.timedelta(hours=1)), raw=pl.lit(b"\x00\xff"), many=pl.Series([[1.0, float("nan")]] * count),
    )  # fmt: skip
    view = MapView(Profiles(made.values, odd, made.features), coordinates=(made.values[:, :2], "first two"))
    body, _ = module.as_json(module.answer(view, None, "/api/neighbours", {"name": "GENE00"}))
    about = json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["about"]
    assert about["date"] == "2026-11-30"
    assert about["price"] == "1.50"
    assert about["missing"] is about["infinite"] is None
    assert about["many"] == [1.0, None]


def test_a_defect_is_said_on_the_page(served: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(module, "answer", broken)
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(served.address + "/api/summary")
    with caught.value as reply:
        assert reply.code == 500
        assert json.load(reply)["error"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_number_that_is_no_port_is_said_before_anything_is_loaded(port: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a port is a number from 0 to 65535"):
        explore(tmp_path / "no such map.parquet", port=port)


def test_a_taken_port_is_said_before_anything_is_loaded(served: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--port"):
        explore(tmp_path / "no such map.parquet", port=served.port)


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
    assert page.count("<option") == 2  # kind and cluster
    assert "gene (24)</li>" in page  # the legend
    assert "Save table (CSV)" in page
    if picture.exists():
        image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
        pixels = np.asarray(image.open(picture).convert("RGB"), np.int64)
        assert png_pixels(picture)[0] == 1400
        warm = (np.abs(pixels - [200, 100, 10]).max(axis=2) < 12).sum()
        assert warm > 30  # the chosen entity is drawn on the plane
