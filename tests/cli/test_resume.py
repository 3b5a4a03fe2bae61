"""`hooke resume`."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = ("model.width=16", "model.depth=2", "train.epochs=2", "train.ensemble=1", "train.threads=1")


def test_resume_an_interrupted_run(hooke, table: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from hooke.train.loop import Trainer

    original = Trainer._end_epoch

    def interrupted(self: Trainer) -> None:
        original(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_end_epoch", interrupted)
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 130
    monkeypatch.setattr(Trainer, "_end_epoch", original)
    [folder] = Path("runs/csv").iterdir()
    found = hooke("resume", folder, "--no-report")
    assert found.code == 0, found.err
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"
    assert json.loads(hooke("resume", folder, "--no-report", "--json").out)["status"] == "finished"
    assert hooke("resume", "nothing").code == 3
