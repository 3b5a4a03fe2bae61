"""HTML and SVG by construction: every text is escaped unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "circle", "col", "img", "input", "line", "link", "meta", "path"})
_SVG_VOID = frozenset({"circle", "line", "path"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """One element. Plain strings are escaped, `Markup` is not; None and empty strings are left out.

    Attribute names lose a trailing underscore, and other underscores become hyphens: class_, aria_label. None and False
    leave an attribute out, True writes it bare.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.removesuffix("_").replace("_", "-")
        parts.append(f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"')
    if name in VOID:
        return Markup("".join(parts) + ("/>" if name in _SVG_VOID else ">"))
    return Markup("".join(parts) + ">" + join(children) + f"</{name}>")


def join(children: Child) -> Markup:
    """Children one after the other."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(escape(children))
    return Markup("".join(join(child) for child in children))
