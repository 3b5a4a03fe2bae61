"""What every verb refuses before any work: outputs that would be lost or overwrite an input, options that it would not heed."""

from __future__ import annotations

from pathlib import Path

import pytest

SMALL = ("model.width=16", "model.depth=1", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def snapshot() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and "cache" not in path.parts}


def test_outputs(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "0").code == 0
    Path("folder.csv").mkdir()
    Path("folder.parquet").mkdir()
    Path("wells.csv").write_text("plate,well,gene,a,b\n")
    Path("m.wells.parquet").write_bytes(b"x")
    Path("space.toml").write_text('["model.depth"]\nchoices = [1, 2]\n')
    Path("link.csv").symlink_to(table)
    predict, run = ("predict", "runs/csv"), Path("runs/csv")
    before = snapshot()
    refusals = {
        (*predict, table, "-o", "folder.csv"): "is a folder: name a file",
        (*predict, table, "-o", table): "is also an input",
        (*predict, "link.csv", "-o", table): "is also an input",
        (*predict, table, "-o", "out.ods"): "must end in .parquet or .csv",
        (*predict, table, "-o", "assay.csv/out.csv"): "cannot write",
        (*predict, table, "-o", "/proc/nowhere/out.csv"): "cannot write",
        (*predict, table, "-o", "x" * 250 + ".csv"): "file name too long",
        (*predict, table, "-o", "out.csv", "--explain", "folder.csv"): "is a folder: name a file",
        (*predict, table, "-o", "out.csv", "--explain", table): "is also an input",
        (*predict, table, "-o", "out.csv", "--explain", "out.csv"): "is also an input",
        ("embed", "tiny", table, "-o", "folder.parquet"): "is a folder: name a file",
        ("embed", "tiny", "m.wells.parquet", "-o", "m.wells.parquet"): "is also an input",
        ("map", "correct", "wells.csv", "-o", "folder.parquet"): "is a folder: name a file",
        ("map", "correct", "m.wells.parquet", "-o", "m.wells.parquet"): "is also an input",
        ("map", "correct", "wells.csv", "-o", "o.parquet", "--save", "assay.csv/s.npz"): "cannot write",
        ("map", "build", "m.wells.parquet", "-o", "m.parquet"): "is also an input",
        ("map", "build", "wells.csv", "-o", "folder.parquet"): "is a folder: name a file",
        ("map", "evaluate", "wells.csv", "-o", "assay.csv"): "is a file: name a folder",
        (
            "search",
            "csv",
            "space.toml",
            f"data.path={table}",
            "--tabulate",
            "folder.parquet",
        ): "is a folder: name a file",
    }
    for verb in (("fit", "--csv", table), ("finetune", "tiny", "--csv", table), ("benchmark", "csv", f"data.path={table}"),
                 ("search", "csv", "space.toml", f"data.path={table}"), ("benchmark", "moleculenet"), ("quickstart",)):  # fmt: skip
        refusals[*verb, "--runs", "assay.csv"] = (
            "is a file: name a folder" if verb != ("quickstart",) else "cannot write"
        )
    for command, said in refusals.items():
        found = hooke(*command)
        assert found.code in (2, 3), (command, found.out, found.err)
        assert found.out == "", command
        assert said in found.err, (command, found.err)
        assert found.err.count("\n") == 1, (command, found.err)
    assert snapshot() == before
    assert len(list(run.iterdir())) == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [("fit --csv assay.csv --device a100-80", "--device belongs to `hooke plan fit`"), ("fit tiny_gine --targets y", "--targets names columns"),
     ("fit tiny_gine --smiles s", "--smiles names columns"), ("fit tiny_gine --dry-run --csv assay.csv", "--csv is no part of a plan"),
     ("fit tiny_gine --dry-run --seed 0", "--seed is no part of a plan"), ("benchmark admet --splits random", "does not apply to suites"),
     ("benchmark tiny_gine --systems forest", "--systems belongs to suites"), ("benchmark tiny_gine --tasks a", "--tasks belongs to suites"),
     ("search tiny_gine s.toml --seeds 1", "--seeds belongs to --tabulate"),
     ("search tiny_gine s.toml --tabulate t.parquet --prune", "--prune does not go with --tabulate"),
     ("predict runs assay.csv -o out.csv --explain-label y", "--explain-label belongs to --explain"),
     ("map correct wells.csv -o out.parquet --sources CORUM", "--sources belongs to --compare"),
     ("map correct wells.csv --compare -o out.parquet", "--output does not go with --compare"),
     ("map correct wells.csv --apply a.npz -o out.parquet --method tvn", "--method does not go with --apply")],
)  # fmt: skip
def test_options_that_a_verb_would_not_heed(hooke, table: Path, command: str, said: str) -> None:  # type: ignore[no-untyped-def]
    found = hooke(*command.split())
    assert (found.code, found.out) == (2, "")
    assert said in found.err


def test_a_search_whose_trials_all_fail_says_why(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    Path("bad.toml").write_text('["train.learning_rate"]\nlow = 1e5\nhigh = 1e9\nlog = true\n')
    search = ("search", "csv", "bad.toml", f"data.path={table}", "--trials", "2")
    fast = ("model.width=16", "train.epochs=2", "train.ensemble=1", "train.threads=1", "train.clip=0", "train.warmup=0")
    for more in ((), ("--json",)):
        found = hooke(*search, *fast, *more)
        assert (found.code, found.out) == (1, "")
        assert "none of the 2 trials succeeded" in found.err
        assert "the loss is nan" in found.err
    few = Path("few.csv")
    few.write_text("".join(table.read_text().splitlines(keepends=True)[:6]))
    found = hooke("search", "csv", "bad.toml", f"data.path={few}", "--trials", "2")
    assert found.code == 2
    assert "judges trials by validation rows, and there are none (4 train, 0 valid, 1 test)" in found.err
    Path("grid.toml").write_text('[rate]\n"train.learning_rate" = [1e6, 1e7, 1e8]\n')
    found = hooke("scale", "csv", "grid.toml", f"data.path={table}", *fast, "--seeds", "1")
    assert found.code == 1
    assert "none of the 3 trainings succeeded: the loss is nan" in found.err
