"""`hooke fit` from a CSV and by recipe."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from hooke.studies.plan import Plan

SMALL = ("model.width=16", "model.depth=2", "train.epochs=2", "train.ensemble=1", "train.threads=1")


def test_fit_a_csv_with_report(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    found = hooke(
        "fit", *SMALL, "--csv", table, "--smiles", "smiles", "--targets", "log_p", "--seed", "3", "--workers", "1"
    )
    assert found.code == 0, found.err
    assert "rmse" in found.out
    assert "rows: " in found.out
    assert " rejected, " in found.out
    assert "hooke predict" in found.out
    [page] = Path("runs").glob("csv/*/report.html")
    assert page.stat().st_size > 10_000


def test_a_csv_gets_the_models_that_suit_it(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    options = (table, "--targets", "log_p", "--workers", "1")
    found = hooke("fit", *options, 'model.candidates=["gaussian_process","ridge"]')
    assert found.code == 0, found.err
    for text in (
        "compared gaussian_process, ridge by 5-fold",
        "chosen  log_p: ",
        "(RMSE ",
        "rmse",
        "hooke predict",
    ):
        assert text in found.out
    [page] = Path("runs").glob("csv/*/report.html")
    assert "Candidates on rows that they were not fitted on" in page.read_text()
    predicted = hooke("predict", page.parent, table, "-o", "out.csv", "--workers", "1")
    assert predicted.code == 0, predicted.err
    assert {"log_p", "log_p_lower", "log_p_upper"} <= set(
        Path("out.csv").read_text().splitlines()[0].replace('"', "").split(",")
    )
    single = hooke("fit", *options, "--model", "ridge", "--no-report")
    assert "chosen  log_p: ridge" in single.out
    assert "Did you mean 'ridge'" in hooke("fit", *options, "--model", "rigde").err


def test_fit_a_recipe_file_as_json(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    Path("mine.toml").write_text(f'extends = "csv"\n[data]\nname = "csv"\npath = "{table}"\n')
    found = hooke("fit", "mine.toml", *SMALL, "--split", "scaffold", "--no-report", "--json", "--workers", "1")
    assert found.code == 0, found.err
    shown = json.loads(found.out)
    assert shown["status"] == "finished"
    assert set(shown["metrics"]["test"]["graph"]) == {"log_p", "lipophilic"}
    assert Path(shown["run"]).parent.name == "mine"


def test_wrong_columns_are_said(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert "Did you mean 'smiles'" in hooke("fit", "--csv", table, "--smiles", "smile").err
    assert "Did you mean 'log_p'" in hooke("fit", "--csv", table, "--targets", "logp").err
    assert hooke("fit", "--csv", "none.csv").code == 3


_MISTAKES = """
import sys
from hooke.cli.main import app
from hooke.core.errors import HookeError

for line in sys.argv[2:]:
    try:
        app(["fit", *line.split(" ")], standalone_mode=False)
    except HookeError as error:
        print(str(error).splitlines()[-1].strip())
    assert "torch" not in sys.modules, line
"""


def test_mistakes_are_said_before_torch_is_loaded(table: Path) -> None:
    expected = {
        "--csv none.csv": "there is no file",
        f"--csv {table.parent}": "is a folder",
        f"--csv {table} --smiles smile": "Did you mean 'smiles'",
        f"--csv {table} --targets logp": "Did you mean 'log_p'",
        f"--csv {table} --split skaffold": "Did you mean 'scaffold'",
        f"--csv {table} data.kinds.log_p=binry": "data.kinds.log_p",
        f"--csv {table} train.lerning_rate=1": "Did you mean 'train.learning_rate'",
        f"--csv {table} train.epochs=0": "epochs must be at least 1",
        f"--csv {table} model.widht=3": "Did you mean 'model.width'",
        f"--csv {table} model.width=broad": "model.width: Input should be a valid integer",
        f"--csv {table} model.preset=smal": "Did you mean 'small'",
        f"--csv {table} model.name=dmpn": "Did you mean 'dmpnn'",
        f"--csv {table} task.name=multitusk": "Did you mean 'multitask'",
        f"--csv {table} encodings.random_walk=-3": "random_walk must be at least 0",
        "tiny_ginee": "Did you mean 'tiny_gine'",
        "screen_ca_mae train.lr=3": "Did you mean 'train.learning_rate'",
        f"{table} epochs=5": "Did you mean 'train.epochs'",
        f"{table} model=dmpnn": "or --model dmpnn",
        "none.csv": "there is no file",
        str(table.parent): "is a folder",
        "screen_ca_mae data.split.kind=wel": "Did you mean 'well'",
        "tiny_profiles profiles.feature=a": "Did you mean 'profiles.features'",
    }
    process = subprocess.run(
        [sys.executable, "-c", _MISTAKES, "-", *expected], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    for line, (command, message) in zip(process.stdout.splitlines(), expected.items(), strict=True):
        assert message in line, command


def test_images_by_recipe_with_report(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "tiny_ca_mae", "train.epochs=1", "train.threads=1", "--workers", "0")
    assert found.code == 0, found.err
    assert "fields in" in found.out
    assert "hooke embed" in found.out
    [page] = Path("runs").glob("tiny_ca_mae/*/report.html")
    assert "data:image/png" in page.read_text()


def test_classes_of_images_are_predicted_for_wells(hooke) -> None:  # type: ignore[no-untyped-def]
    small = ("train.epochs=1", "train.threads=1", "train.ensemble=2", "data.split.fractions=[0.4,0.3,0.3]")
    found = hooke("fit", "tiny_wsl", *small, "--workers", "0", "--json")
    assert found.code == 0, found.err
    run = json.loads(found.out)
    assert set(run["metrics"]["test"]) == {"field", "well"}
    shown = hooke("predict", "runs/tiny_wsl", Path(run["store"]), "-o", "wells.csv")
    assert shown.code == 0, shown.err
    header, *rows = Path("wells.csv").read_text().splitlines()
    assert len(rows) == run["wells"]
    for name in (
        "perturbation",
        "perturbation[EMPTY]",
        "perturbation[EMPTY]_disagreement",
        "perturbation_set",
        "well",
        "reason",
    ):
        assert f'"{name}"' in header
    page = Path(run["report"]).read_text()
    for part in ("Conformal sets of classes", "random weights", "What the encoder sees", "Worst and best wells"):
        assert part in page


def test_dry_run(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "own_images", "model.preset=small_16", "--dry-run", "--devices", "8")
    assert found.code == 0, found.err
    assert "GPU-hours" in found.out
    assert "100,000,000" in found.out
    plans = json.loads(hooke("fit", "tiny_mae", "--dry-run", "--channels", "3", "--json").out)
    assert len(plans) == 3
    assert set(plans[0]) == {field.name for field in fields(Plan)}
    assert hooke("fit", "--dry-run").code == 2
    assert "molecules is no option" in hooke("fit", "tiny_mae", "--dry-run", "--molecules", "5").err
    assert not Path("runs").exists()


def test_dry_run_of_molecules(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "tiny_gine", "--dry-run", "--parameters", "200K,1M", "--devices", "64", "--sharded")
    assert found.code == 0, found.err
    assert "83,000,000" in found.out
    assert "GPU-hours" in found.out
    shown = ("--molecules", "100000000", "--utilisation", "0.2", "--json")
    plans = json.loads(hooke("fit", "tiny_gine", "--dry-run", *shown).out)
    assert [plan["items"] for plan in plans] == [100_000_000] * 3
    assert {plan["unit"] for plan in plans} == {"molecules"}
    for wrong in ("10X", "M", "1,2"):
        assert "has the form 10M,100M,1B" in hooke("fit", "tiny_gine", "--dry-run", "--parameters", wrong).err
    assert "channels is no option" in hooke("fit", "tiny_gine", "--dry-run", "--channels", "3").err
    assert "nothing needs planning" in hooke("fit", "tiny_gine", 'model={name="ridge"}', "--dry-run").err
