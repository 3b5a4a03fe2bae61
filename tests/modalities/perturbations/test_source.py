"""What is asked: every row has an item, a flag, or a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.modalities import modality
from hooke.modalities.perturbations.source import AskedOptions, AskedPerturbations, compound_batch

SPEC = modality("perturbations").sample().spec


def test_every_row_is_answered_or_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    path.write_text(
        "perturbation,context,compound,smiles,dose,unit,hours\n"
        "A,one,,,,,\nB+A,two,,,,,\nH,one,,,,,\nctrl,one,,,,,\nA,three,,,,,\nA,,,,,,\n2-Sep,one,,,,,\n"
        ",one,drug,CCO,1,uM,24\n,two,drug,C1CC,,,\n,one,drug,CCO,-1,uM,\n"
    )
    source = AskedPerturbations(path, SPEC, AskedOptions(), 3)
    [job] = source.jobs()
    chunk = source.chunk(job)
    flags = chunk.table.column("fallback").to_pylist()
    assert chunk.owners[0].tolist() == [0, 1, 2, 7, 8]
    assert [batch.num_items for batch in chunk.batches] == [3, 2]
    assert flags[:2] == ["", ""]
    assert "H: not perturbed in training" in flags[2]
    assert flags[7] == ""
    assert "no structure" in flags[8]
    assert sorted(chunk.reasons) == [3, 4, 5, 6, 9]
    assert "control" in chunk.reasons[3]
    assert "no context three" in chunk.reasons[4]
    assert "no context is stated" in chunk.reasons[5]
    assert "date" in chunk.reasons[6]
    assert "above zero" in chunk.reasons[9]
    assert source.facts == {"fallbacks": 2}
    assert [known for batch in chunk.batches for known in batch.known.tolist()] == [True, True, False, True, False]  # type: ignore[attr-defined]


def test_texts_and_a_context_for_all() -> None:
    source = AskedPerturbations(["A", "A+B"], SPEC, AskedOptions("two"), 8)
    [batch] = source.chunk(0).batches
    assert batch.num_items == 2  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError):
        AskedPerturbations(["A"], SPEC, AskedOptions("three"), 8)
    with pytest.raises(DataError, match="asks for nothing"):
        AskedPerturbations([], SPEC, AskedOptions(), 8)


def test_files_that_ask_for_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "genes.csv").write_text("gene\nA\n")
    with pytest.raises(DataError, match="no column perturbation or compound"):
        AskedPerturbations(tmp_path / "genes.csv", SPEC, AskedOptions(), 8)
    with pytest.raises(UsageError, match="read from"):
        AskedPerturbations(tmp_path / "genes.json", SPEC, AskedOptions(), 8)


def test_unreadable_structures_are_left_out() -> None:
    batch, read = compound_batch(["CC", "C1C", "O", "", "CC"])
    assert read == ["CC", "O"]
    assert batch.num_graphs == 2
    assert compound_batch(["C1C"]) == (None, [])
