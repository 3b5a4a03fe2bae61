"""The local server of the page of a fitted screen; see `hooke.serve.map_server` for who is answered."""

from __future__ import annotations

from http.server import ThreadingHTTPServer
from typing import Any

from hooke.core.errors import UnknownNameError
from hooke.core.json_text import json_text
from hooke.serve.map_server import as_json, local_server
from hooke.serve.response_view import ResponseView

_FILES = {
    "/": ("response_page.html", "text/html; charset=utf-8"), "/response_page.js": ("response_page.js", "text/javascript; charset=utf-8"),
    "/map_page.css": ("map_page.css", "text/css; charset=utf-8"), "/response_page.css": ("response_page.css", "text/css; charset=utf-8"),
}  # fmt: skip


def response_server(view: ResponseView, *, port: int = 0) -> ThreadingHTTPServer:
    """A server that answers on 127.0.0.1 once `serve_forever` is called.

    Args:
        view: The run.
        port: 0 takes a free one; `server_address[1]` tells.

    Raises:
        UsageError: The port is taken, or none.
    """
    points = json_text(view.points(), compact=True).encode()  # large and always the same

    def respond(path: str, query: dict[str, str]) -> tuple[bytes, str]:
        return (points, "application/json") if path == "/api/points" else as_json(answer(view, path, query))

    return local_server(_FILES, respond, port)


def answer(view: ResponseView, path: str, query: dict[str, str]) -> Any:
    """The JSON answer to one question.

    Raises:
        UnknownNameError: No such question, or a condition that was not measured.
    """
    name = query.get("name", "")
    if path == "/api/summary":
        return view.summary()
    if path == "/api/search":
        return view.search(query.get("q", ""))
    if path == "/api/condition":
        return view.condition(name)
    if path == "/api/explanation":
        return view.explanation(name)
    if path == "/api/heatmap":
        return view.heat_map(query.get("names", "").replace("\n", ",").split(","), query.get("kind", "measured"))
    if path == "/api/hits":
        return view.hits()
    raise UnknownNameError(
        "address", path, ["/", *(f"/api/{part}" for part in ("summary", "points", "search", "condition", "explanation", "heatmap", "hits"))]
    )  # fmt: skip
