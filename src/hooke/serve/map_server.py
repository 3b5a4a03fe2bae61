"""The local server of the explore page: static files and JSON answers, on the loopback address only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from email.message import Message
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
Respond = Callable[[str, dict[str, str]], tuple[bytes, str]]
_NAMES = ("127.0.0.1", "localhost", "[::1]")
IDLE_SECONDS = 30.0  # after which a connection that says nothing is closed
_HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is none."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def check_port(port: int) -> None:
    """Refuse a port that cannot be served on, before anything is loaded.

    Raises:
        UsageError: It is no port, or taken.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"a port is a number from 0 to 65535, got {port}; 0 takes a free one")
    _bound(port, BaseHTTPRequestHandler).server_close()


def _bound(port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return _Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used: {error}; choose another with --port, or 0 for a free one"
        ) from error


def map_server(view: MapView, *, tiles: Tiles | None = None, port: int = 0) -> ThreadingHTTPServer:
    """A server that answers on 127.0.0.1 once `serve_forever` is called.

    Args:
        view: The map.
        tiles: Pictures of wells; None shows none.
        port: 0 takes a free one; `server_address[1]` tells.

    Raises:
        UsageError: The port is taken, or none.
    """
    points = json_text(view.points(), compact=True).encode()  # large and always the same

    def respond(path: str, query: dict[str, str]) -> tuple[bytes, str]:
        if path == "/api/points":
            return points, "application/json"
        if path == "/tile.png" and tiles is not None:
            return tiles.png(int(query.get("row", "-1")), query.get("channel", "")), "image/png"
        return as_json(answer(view, tiles, path, query))

    return local_server(_FILES, respond, port)


def local_server(files: Mapping[str, tuple[str, str]], respond: Respond, port: int = 0) -> ThreadingHTTPServer:
    """A server of a page and of what it asks, for this machine and for that page alone.

    Args:
        files: Address → file of this package, and its type.
        respond: Address and query → body and type; `HookeError` is an answer of 400, an unknown name one of 404.
        port: 0 takes a free one.

    Raises:
        UsageError: The port is taken, or none.
    """
    check_port(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = IDLE_SECONDS

        def do_GET(self) -> None:
            if not _from_here(self.headers, self.path):
                self._send(403, b"this page is served to this machine and to itself only", "text/plain")
                return
            address = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            try:
                status, (body, kind) = 200, self._answer(address.path, query)
            except UnknownNameError as error:
                status, (body, kind) = 404, as_json({"error": str(error), "nearest": error.nearest})
            except (HookeError, ValueError) as error:
                status, (body, kind) = 400, as_json({"error": str(error)})
            except Exception as error:  # a defect: said on the page, and the connection stays
                status, (body, kind) = 500, as_json({"error": f"{type(error).__name__}: {error}"})
            self._send(status, body, kind)

        def _answer(self, path: str, query: dict[str, str]) -> tuple[bytes, str]:
            if path in files:
                name, kind = files[path]
                return (resources.files("hooke.serve") / name).read_bytes(), kind
            return respond(path, query)

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    return _bound(port, Handler)


def as_json(value: Any) -> tuple[bytes, str]:
    """A body of JSON, and its type."""
    return json_text(value).encode(), "application/json"


def _from_here(headers: Message, path: str) -> bool:
    """Whether a request comes from this machine and from the page itself, or opens the page.

    Refused are names from elsewhere that point at this machine (Host), and what other pages ask for (Origin; Sec-Fetch-Site, which
    browsers add by themselves: W3C Fetch Metadata).
    """
    host = headers.get("Host", "")
    if ":" not in host or host.rsplit(":", 1)[0] not in _NAMES:
        return False
    if headers.get("Origin", f"http://{host}") != f"http://{host}":
        return False
    opens = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    if opens and urlsplit(path).path == "/":  # a link
        return True
    return headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


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
