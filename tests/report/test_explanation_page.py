"""The page says what the explanation says, escapes names, and holds no script."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.report.explanation_page import page, write_page
from hooke.workflows.response_claims import Claim
from hooke.workflows.response_explain import Neighbour, Pathway, ResponseExplanation


def _explanation(measured: bool) -> ResponseExplanation:
    generator = np.random.default_rng(0)
    values = generator.normal(size=5_000)
    return ResponseExplanation(
        "A<B>", "k562", "unseen perturbation", "graph_kernel_ridge", ("a & note",), tuple(f"G{n}" for n in range(5_000)), values,
        values + generator.normal(size=5_000) if measured else None, 0.7 if measured else np.nan, np.nan,
        (Neighbour("Q", 0.7, ("A", "Q"), ("StringDB",), 0.4), Neighbour("R", -0.2, (), (), np.nan)),
        (Pathway("folding", 12, 3.2, 0.01, -1.0, 0.4),) if measured else (),
        (Claim("interaction", "A", "Q", "", "A and Q interact (StringDB)", "HuMAP", "stated by HuMAP", "supported", 0.01),), 1.5, None,
    )  # fmt: skip


def test_everything_is_on_the_page(tmp_path: Path) -> None:
    text = write_page(_explanation(True), tmp_path / "why.html").read_text()
    for part in (
        "A&lt;B&gt;",
        "a &amp; note",
        "A and Q interact",
        "supported",
        "folding",
        "70.0 %",
        "1.50 x as far",
    ):
        assert part in text, part
    assert "<script" not in text
    assert "4,000 of 5,000 read-outs" in text
    assert text.count('class="readout"') == 4_000


def test_without_a_measurement_there_is_no_scatter() -> None:
    text = page(_explanation(False))
    assert "Predicted and measured" not in text
    assert "Pathways" not in text
    assert "no path of three edges" in text
