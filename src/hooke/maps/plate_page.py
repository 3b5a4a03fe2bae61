"""Plates as heat maps on one page of HTML: every well a square with its number, blue below the middle of all plates, red above."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from hooke.cells.plates import PlateMap

_LOW, _MIDDLE, _HIGH = np.array([47, 111, 184]), np.array([244, 241, 234]), np.array([200, 84, 10])
_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#1d2630;background:#faf8f4}
h1,h2{font-weight:600;margin:1.2rem 0 .3rem}h1{font-size:1.4rem}h2{font-size:1.1rem}p{margin:0 0 .6rem;color:#4d5864}
.plates{display:flex;flex-wrap:wrap;gap:1.6rem}figure{margin:0}figcaption{font-size:.82rem;color:#4d5864;max-width:30rem}
table{border-collapse:separate;border-spacing:1px}td,th{width:16px;height:16px;padding:0;font:10px sans-serif;color:#4d5864}
td{border-radius:2px}td.none{background:repeating-linear-gradient(45deg,#eee,#eee 2px,#fff 2px,#fff 4px)}
"""


def plate_page(maps: Mapping[str, Sequence[PlateMap]], title: str) -> str:
    """One section a quantity, one heat map a plate; colours span the middle 90 % of all wells of a quantity.

    Args:
        maps: Quantity -> plates.
        title: Of the page.
    """
    sections = [_section(name, plates) for name, plates in maps.items()]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{html.escape(title)}</h1>{''.join(sections)}</html>\n"
    )


def _section(name: str, plates: Sequence[PlateMap]) -> str:
    wells = np.concatenate([plate.grid[np.isfinite(plate.grid)] for plate in plates])
    low, middle, high = np.quantile(wells, [0.05, 0.5, 0.95]) if len(wells) else (0.0, 0.0, 0.0)
    figures = "".join(_figure(plate, float(low), float(middle), float(high)) for plate in plates)
    return (
        f"<section><h2>{html.escape(name)}</h2><p>blue {low:.3g}, white {middle:.3g}, red {high:.3g}; striped: no well</p>"
        f'<div class="plates">{figures}</div></section>'
    )


def _figure(plate: PlateMap, low: float, middle: float, high: float) -> str:
    heads = "".join(f"<th>{column + 1}" for column in range(plate.grid.shape[1]))
    rows = "".join(
        f"<tr><th>{_letters(row)}" + "".join(_cell(value, low, middle, high) for value in values)
        for row, values in enumerate(plate.grid)
    )
    numbers = (
        (plate.edge, "edge {:+.2f} deviations"),
        (plate.row_share, "rows explain {:.0%}"),
        (plate.column_share, "columns {:.0%}"),
    )
    said = ", ".join(text.format(number) for number, text in numbers if np.isfinite(number))
    return f"<figure><table><tr><th>{heads}{rows}</table><figcaption>{html.escape(plate.plate)}: {said}</figcaption></figure>"


def _cell(value: float, low: float, middle: float, high: float) -> str:
    if not np.isfinite(value):
        return '<td class="none">'
    reach = (high if value > middle else low) - middle
    share = float(np.clip((value - middle) / reach, 0, 1)) if reach else 0.0
    red, green, blue = np.round(_MIDDLE + share * ((_HIGH if value > middle else _LOW) - _MIDDLE)).astype(int)
    return f'<td style="background:rgb({red},{green},{blue})" title="{value:.4g}">'


def _letters(row: int) -> str:
    return chr(ord("A") + row) if row < 26 else "A" + chr(ord("A") + row - 26)
