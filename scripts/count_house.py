"""Counts of a source tree: `python scripts/count_house.py src/hooke [OTHER/src/hooke ...]`, one column a tree.

Options are fields of `Config` classes and recipe sections (frozen dataclasses whose name ends in Config, Options or Section); statements are
those of Python's syntax tree; `Any`, `getattr` ... are counted as names in the tree, `type: ignore` as comments.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

_OPTIONS = ("Config", "Options", "Section")
_NAMES = ("getattr", "hasattr", "Any")


def counts(folder: Path) -> dict[str, int]:
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text)
        found["files"] += 1
        found["lines"] += len(text.splitlines())
        found["type: ignore"] += text.count("type: ignore")
        for node in ast.walk(tree):
            found["statements"] += isinstance(node, ast.stmt)
            if isinstance(node, ast.ClassDef):
                found["public classes"] += not node.name.startswith("_")
                if node.name.endswith(_OPTIONS):
                    found["options"] += sum(isinstance(part, ast.AnnAssign) for part in node.body)
            if isinstance(node, ast.Name) and node.id in _NAMES:
                found[node.id] += 1
    return dict(found)


def main() -> None:
    trees = [counts(Path(folder)) for folder in sys.argv[1:]]
    for name in ("files", "lines", "statements", "options", "public classes", *_NAMES, "type: ignore"):
        print(f"{name:<16}" + "".join(f"{tree.get(name, 0):>10,}" for tree in trees))


if __name__ == "__main__":
    main()
