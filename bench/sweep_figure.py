"""The sweeps of a report as a figure for the documentation.

python bench/sweep_figure.py REPORT.report.json FIGURE.svg [--panels 0 1 2]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

PANELS_A_ROW = 3


def draw(panels: list[dict[str, Any]], path: Path) -> None:
    """One panel a sweep: means with their intervals, the fitted law dashed."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    across = min(len(panels), PANELS_A_ROW)
    down = -(-len(panels) // across)
    figure, axes = plt.subplots(down, across, figsize=(4.2 * across, 3.4 * down), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        for place, line in enumerate(panel["lines"]):
            _line(axis, line, f"C{place}", joined=not line.get("law_x"))
        axis.set(title=panel["title"], xlabel=panel["x_name"], ylabel=panel["y_name"], xscale="log")
        sizes = sorted({size for line in panel["lines"] for size in line["x"]})
        if len(panel["lines"]) == 1:
            axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
        else:
            axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        if panel.get("log_y", True):
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter("{x:.2g}")
            axis.yaxis.set_minor_formatter("{x:.2g}")
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _line(axis: Any, line: dict[str, Any], colour: str, *, joined: bool) -> None:
    means = [point["value"] for point in line["y"]]
    bounds = [
        [abs(point["value"] - (point["value"] if point.get(side) is None else point[side])) for point in line["y"]]
        for side in ("low", "high")
    ]
    label = f"{line['name']}: {line['law']}" if line.get("law") else line["name"]
    axis.errorbar(
        line["x"], means, bounds, fmt="o-" if joined else "o", color=colour, markersize=4, elinewidth=0.7, label=label
    )
    if not joined:
        axis.plot(line["law_x"], line["law_y"], "--", color=colour, linewidth=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--panels", nargs="*", type=int, help="all without")
    options = parser.parse_args()
    panels = json.loads(options.report.read_text())["sweeps"]
    draw(panels if options.panels is None else [panels[place] for place in options.panels], options.figure)


if __name__ == "__main__":
    main()
