from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hooke.core.errors import DataError
from hooke.report.html import render, write_report
from hooke.report.schema import Molecule, Report, Summary

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;<!--"


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


def poisoned(value: Any) -> Any:
    """The same report with hostile words in every free text."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"outcome", "direction", "level", "kind", "what", "drawing"}
        return replace(
            value, **{one.name: poisoned(getattr(value, one.name)) for one in fields(value) if one.name not in kept}
        )
    if isinstance(value, tuple):
        return tuple(poisoned(part) for part in value)
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


def test_the_page_is_well_formed_and_complete(page: str, tree: Any) -> None:
    found = tree(page)
    assert page.startswith("<!doctype html>")
    identifiers = [attributes["id"] for _, attributes in found.elements if attributes.get("id")]
    assert len(identifiers) == len(set(identifiers))
    links = [
        attributes["href"][1:]
        for tag, attributes in found.elements
        if tag == "a" and attributes["href"].startswith("#")
    ]
    assert set(links) <= set(identifiers)
    sections = [attributes["id"] for tag, attributes in found.elements if tag == "section"]
    assert sections == [
        "summary",
        "results",
        "agreement",
        "calibration",
        "molecules",
        "map",
        "predictions",
        "training",
        "data",
        "reproduce",
    ]
    assert links[1:] == sections
    assert found.count("h1") == found.count("main") == found.count("nav") == 1


def test_every_image_and_control_has_a_name(page: str, tree: Any) -> None:
    for tag, attributes in tree(page).elements:
        if attributes.get("role") in ("img", "region") or tag == "nav":
            assert attributes.get("aria-label"), (tag, attributes)


def test_nothing_is_loaded_and_only_our_script_runs(page: str, tree: Any) -> None:
    found = tree(page)
    assert not any("src" in attributes for _, attributes in found.elements)
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert all(attributes["href"].startswith("data:") for tag, attributes in found.elements if tag == "link")
    assert "url(" not in found.texts["style"][0]
    assert "@import" not in found.texts["style"][0]
    policy = next(attributes["content"] for _, attributes in found.elements if attributes.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(found.texts["script"][-1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(
        r"fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|eval\(|document\.write", found.texts["script"][-1]
    )


def test_the_script_gets_every_molecule_and_the_numbers_of_every_plot(page: str, report: Report, tree: Any) -> None:
    found = tree(page)
    numbers = json.loads(found.texts["script"][0])
    assert [one[0] for one in numbers["molecules"]] == [molecule.smiles for molecule in report.molecules]
    assert [one[1] for one in numbers["molecules"]] == [molecule.name for molecule in report.molecules]
    plots = [attributes["data-chart"] for _, attributes in found.elements if attributes.get("data-chart")]
    assert plots == list(numbers["charts"])
    drawn = next(one for one in numbers["molecules"] if len(one) > 2)
    assert len(drawn) == 7
    kinds = {chart["kind"] for chart in numbers["charts"].values()}
    assert kinds == {"lines", "points", "map"}
    for chart in numbers["charts"].values():
        if chart["kind"] == "map":
            dots = found.with_class("dot")
            assert len(dots) == len(chart["molecules"]) == len(report.maps[0].x)
            assert all(len(colouring["classes"]) == len(dots) for colouring in chart["colourings"])


def test_hostile_words_stay_words(report: Report, tree: Any) -> None:
    hostile = poisoned(report)
    clean, found = tree(render(report)), tree(render(hostile))
    assert [tag for tag, _ in found.elements if tag in ("script", "img", "iframe")] == ["script", "script"]
    assert [set(attributes) for _, attributes in found.elements].count({"src", "onerror"}) == 0
    assert found.texts["h1"] == [report.title + HOSTILE]
    assert found.count("section") == clean.count("section")
    numbers = json.loads(found.texts["script"][0])
    assert numbers["molecules"][0][0] == report.molecules[0].smiles + HOSTILE
    assert found.texts["script"][-1] == clean.texts["script"][-1]


def test_the_page_is_written_from_the_file_alone(report: Report, tmp_path: Path) -> None:
    out = write_report(report.write(tmp_path / "report.json"), tmp_path / "deep" / "report.html")
    once = out.read_bytes()
    assert write_report(tmp_path / "report.json", out).read_bytes() == once
    assert len(once) < 600_000
    with pytest.raises(DataError):
        write_report(tmp_path / "missing.json", out)
    assert out.read_bytes() == once


def test_texts_that_are_no_unicode_are_still_written(tmp_path: Path) -> None:
    report = Report("t \udc80", Summary("v"), molecules=(Molecule("\udc80"),))
    assert b"t ?" in write_report(report.write(tmp_path / "report.json"), tmp_path / "report.html").read_bytes()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_is_valid(page: str, tree: Any, tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(tree(page).texts["script"][-1])
    assert subprocess.run(["node", "--check", str(script)], check=False).returncode == 0
