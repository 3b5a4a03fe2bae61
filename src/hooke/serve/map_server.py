"""The local server of the explore page: static files and JSON answers, on the loopback address only."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.serve.map_view import MapView
from hooke.serve.tiles import Tiles

_FILES = {
    "/": ("map_page.html", "text/html; charset=utf-8"), "/map_page.js": ("map_page.js", "text/javascript; charset=utf-8"),
    "/map_page.css": ("map_page.css", "text/css; charset=utf-8"),
}  # fmt: skip
_NAMES = ("127.0.0.1", "localhost", "[::1]")


def map_server(view: MapView, *, tiles: Tiles | None = None, port: int = 0) -> ThreadingHTTPServer:
    """A server that answers on 127.0.0.1 once `serve_forever` is called.

    Args:
        view: The map.
        tiles: Pictures of wells; None shows none.
        port: 0 takes a free one; `server_address[1]` tells.

    Raises:
        UsageError: The port is taken.
    """
    points = json_text(view.points(), compact=True).encode()  # large and always the same

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").rsplit(":", 1)[0] if ":" in self.headers.get("Host", "") else ""
            if host not in _NAMES:  # a page from elsewhere that points its name at this machine
                self._send(403, b"this page is served to this machine only", "text/plain")
                return
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            try:
                self._send(200, *self._answer(address.path, query))
            except UnknownNameError as error:
                self._send_json(404, {"error": str(error), "nearest": error.nearest})
            except (HookeError, ValueError) as error:
                self._send_json(400, {"error": str(error)})

        def _answer(self, path: str, query: dict[str, str]) -> tuple[bytes, str]:
            if path in _FILES:
                name, kind = _FILES[path]
                return (resources.files("hooke.serve") / name).read_bytes(), kind
            if path == "/api/points":
                return points, "application/json"
            if path == "/tile.png" and tiles is not None:
                return tiles.png(int(query.get("row", "-1")), query.get("channel", "")), "image/png"
            return json_text(answer(view, tiles, path, query)).encode(), "application/json"

        def _send_json(self, status: int, value: Any) -> None:
            self._send(status, json_text(value).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error}; choose another with --port, or 0 for a free one"
        ) from error


def answer(view: MapView, tiles: Tiles | None, path: str, query: dict[str, str]) -> Any:
    """The JSON answer to one question.

    Raises:
        UnknownNameError: No such question, or an entity that is not in the map.
    """
    if path == "/api/summary":
        simulated = tiles is not None and tiles.images.simulated
        return {**view.summary(), "images": tiles is not None, "simulated": simulated}
    if path == "/api/search":
        return view.search(query.get("q", ""))
    if path == "/api/neighbours":
        return view.neighbours(query.get("name", ""), int(query.get("count", "15")))
    if path == "/api/heatmap":
        return view.heat_map(query.get("names", "").replace("\n", ",").split(","))
    if path == "/api/fields" and tiles is not None:
        return {
            **tiles.fields(str(view.names[view.place(query.get("name", ""))])),
            "channels": tiles.channels(),
        }
    raise UnknownNameError(
        "address", path, ["/", "/api/summary", "/api/points", "/api/search", "/api/neighbours", "/api/heatmap"]
    )
