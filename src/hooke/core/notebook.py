"""What a notebook shows: results as small HTML tables, and progress in one cell output that is written anew."""

from __future__ import annotations

import html
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_MOST = 20  # rows of a table
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"


def card(title: str, facts: Mapping[str, Any], header: Sequence[str] = (), rows: Sequence[Sequence[Any]] = ()) -> str:
    """HTML of a result: a title, its facts, and the first rows of a table; everything is escaped.

    Args:
        title: What it is.
        facts: Name -> value; those that are None or empty are left out.
        header, rows: Of the table; numbers are shown with four digits.
    """
    lines = "".join(
        f'<tr><th style="{_CELL}">{_text(name)}</th><td style="{_CELL}">{_text(value)}</td></tr>'
        for name, value in facts.items() if value not in (None, "", (), [], {})
    )  # fmt: skip
    shown = f"<table><tbody>{lines}</tbody></table>" if lines else ""
    if rows:
        head = "".join(f'<th style="{_CELL}">{_text(name)}</th>' for name in header)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{_text(value)}</td>' for value in row) + "</tr>"
            for row in rows[:_MOST]
        )
        more = f"<p>and {len(rows) - _MOST:,} more rows</p>" if len(rows) > _MOST else ""
        shown += f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
    return f"<div><strong>{_text(title)}</strong>{shown}</div>"


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return html.escape(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    return "ipykernel" in sys.modules and getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)() is not None


class CellOutput:
    """One text output of the running cell, which each `show` replaces."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str) -> None:
        """Write the text in the place of the last one."""
        from IPython.display import display

        content = {"text/plain": text}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
