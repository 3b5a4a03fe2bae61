"""The example report, made once for all tests of this folder, and a small reader of HTML."""

from __future__ import annotations

import importlib.util
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

from hooke.report.schema import Report

VOID = {"br", "col", "input", "link", "meta"}


class Tree(HTMLParser):
    """Elements in order, with their attributes and texts; refuses what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of a class."""
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]

    def count(self, tag: str) -> int:
        """How many elements of a name there are."""
        return sum(found == tag for found, _ in self.elements)


@pytest.fixture(scope="session")
def tree() -> type[Tree]:
    return Tree


@pytest.fixture(scope="session")
def examples() -> ModuleType:
    """The module example.py of this folder."""
    spec = importlib.util.spec_from_file_location("report_example", Path(__file__).parent / "example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report(examples: ModuleType) -> Report:
    """A report with every section filled."""
    return examples.example(60)
