"""Tables as people have them through the real commands: which columns are learnt, how a time split is ordered, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

SMALL = (
    "model.width=16",
    "model.depth=1",
    "train.epochs=1",
    "train.ensemble=1",
    "train.threads=1",
    "--no-report",
    "--workers",
    "0",
)
MOLECULES = [
    "CCO", "CCCCCC", "c1ccccc1", "CC(=O)O", "CCN", "CCCCO", "CCOCC", "c1ccncc1", "CCCl", "CC(C)=O", "CCCCCCO", "Cc1ccccc1", "CCC#N", "OCCO",
    "CCCCN", "ClC(Cl)Cl", "COC(C)=O", "CC(C)O", "c1ccoc1", "CCCCCl",
]  # fmt: skip
VALUES = (1.1, -3.8, -1.6, 1.2, 0.9, 0.0, -0.1, 0.8, -1.0, 0.9, -1.2, -2.2, 0.3, 1.2, 0.8, -1.2, 0.5, 1.0, -0.8, -2.1)


def write(path: Path, **columns: object) -> Path:
    """A CSV of the molecules with their values and these columns: a function of the row's number, or twenty values."""
    given = {
        name: [cells(row) for row in range(20)] if callable(cells) else list(cells) for name, cells in columns.items()
    }  # type: ignore[call-overload]
    pl.DataFrame({"smiles": MOLECULES, "y": VALUES, **given}, strict=False).write_csv(path)
    return path


def learnt(hooke, *arguments: object) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """Fit, and label -> kind of what was learnt."""
    found = hooke("fit", *arguments, *SMALL, "--json")
    assert found.code == 0, found.err
    spec = json.loads((Path(json.loads(found.out)["run"]) / "spec.json").read_text())
    return {label["name"]: label["kind"] for label in spec["labels"]}


INDICES = {
    "": lambda row: row * 2, "Unnamed: 0": lambda row: row * 2, "__index_level_0__": lambda row: 60 - row * 3,
    "PubChem_CID": lambda row: 7000 + 37 * row % 500,
    "PUBCHEM_COMPOUND_CID": lambda row: 1, "CAS": lambda row: f"{50 + row}-00-0", "year": lambda row: 2001 + row % 9,
    "Assay Date": lambda row: f"{row + 1}.03.2014",
    "n": lambda row: row * 3 + row % 2, "version": lambda row: 1, "Compound ID": lambda row: f"CHEMBL{row}",
}  # fmt: skip


def test_indices_registries_and_dates_are_no_targets(hooke) -> None:  # type: ignore[no-untyped-def]
    assert learnt(hooke, "--csv", write(Path("t.csv"), **INDICES)) == {"y": "regression"}
    frame = pl.read_csv("t.csv").rename({"": "level_0"})
    frame.write_parquet("t.parquet")
    assert learnt(hooke, "--csv", "t.parquet") == {"y": "regression"}


def test_a_named_column_is_learnt_whatever_it_is_called(hooke) -> None:  # type: ignore[no-untyped-def]
    table = write(Path("t.csv"), year=lambda row: 2001 + row % 9)
    assert learnt(hooke, "--csv", table, "--targets", "y, year") == {"y": "regression", "year": "regression"}


def test_dirty_classes_and_words_among_numbers(hooke) -> None:  # type: ignore[no-untyped-def]
    table = write(
        Path("t.csv"), active=lambda row: 2 if row == 7 else row % 2, toxic=lambda row: ">1" if row == 3 else row % 2,
        z=lambda row: VALUES[row] if row < 10 else "n.t.", note=lambda row: f"batch {row}",
    )  # fmt: skip
    assert learnt(hooke, "--csv", table) == {
        "y": "regression",
        "active": "binary",
        "toxic": "binary",
        "z": "regression",
    }
    [store] = Path("cache/stores").glob("t-*")
    rejected = pl.read_parquet(store / "rejected.parquet").group_by("column").len().sort("column")
    assert rejected.rows() == [("active", 1), ("toxic", 1), ("z", 10)]


def test_halves_that_rise_by_one_are_a_label(hooke) -> None:  # type: ignore[no-untyped-def]
    pl.DataFrame({"smiles": MOLECULES, "y": [row + 0.5 for row in range(20)]}).write_csv("t.csv")
    assert learnt(hooke, "--csv", "t.csv") == {"y": "regression"}


TIMES = {
    "year": lambda row: 2000 + row * 7 % 20, "date": lambda row: f"20{10 + row * 7 % 20}-03-11",
    "day": lambda row: f"{14 + row % 2}.02.{1990 + row * 7 % 20}",
    "american": lambda row: f"02/14/{1990 + row * 7 % 20}", "order": lambda row: (row * 7 % 20) / 2,
    "when": lambda row: f"{row * 7 % 20 + 1} Jan 2011",
}  # fmt: skip


@pytest.mark.parametrize("column", TIMES)
def test_a_time_split_is_ordered_by_its_column_alone(hooke, column: str) -> None:  # type: ignore[no-untyped-def]
    table = write(Path("t.csv"), **{column: TIMES[column]})
    assert learnt(hooke, "--csv", table, "--split", "time", f"data.split.time_column={column}") == {"y": "regression"}
    [run] = Path("runs/csv").iterdir()
    newest = {MOLECULES[row] for row in range(20) if row * 7 % 20 >= 18}
    assert set(pl.read_parquet(run / "predictions_test.parquet")["smiles"]) == newest


def test_wrong_time_columns_and_kinds_of_split_are_refused_by_every_verb(hooke) -> None:  # type: ignore[no-untyped-def]
    table = write(Path("t.csv"), date=TIMES["date"], never=lambda row: "unknown")
    by_time = ("--csv", table, "--split", "time", *SMALL)
    assert "needs data.split.time_column" in hooke("fit", *by_time).err
    assert "Did you mean 'date'" in hooke("fit", *by_time, "data.split.time_column=dat").err
    assert "is a date or a number" in hooke("fit", *by_time, "data.split.time_column=never").err
    assert "name the column of train" in hooke("fit", "--csv", table, "--split", "column", "data.split.column=part").err
    Path("space.toml").write_text('["train.learning_rate"]\nlow = 1e-4\nhigh = 1e-3\n')
    Path("splits.toml").write_text('["data.split.kind"]\nchoices = ["random", "scafold"]\n')
    Path("grid.toml").write_text('[width]\n"model.width" = [8, 16, 32]\n')
    data, wrong = f"data.path={table}", "data.split.kind=scafold"
    for command in (
        ("fit", "--csv", table, "--split", "scafold"), ("finetune", "tiny", "--csv", table, "--split", "scafold"),
        ("benchmark", "csv", data, "--splits", "random, scafold"), ("benchmark", "csv", data, wrong),
        ("probe", "tiny", table, "--split", "scafold"),
        ("search", "csv", "space.toml", data, wrong), ("search", "csv", "splits.toml", data), ("scale", "csv", "grid.toml", data, wrong),
    ):  # fmt: skip
        found = hooke(*command)
        assert (found.code, found.out) == (2, ""), command
        assert "Did you mean 'scaffold'" in found.err, command
    assert "knows no column of times" in hooke("probe", "tiny", table, "--split", "time").err
    assert "takes no options" in hooke("probe", "tiny", table, "table=esol").err
    assert "name columns of a table" in hooke("probe", "tiny", "pocketmix", "--targets", "y").err
    assert not Path("runs").exists()


CENSORED = {3: "<", 7: ">"}


def concentrations(row: int, scale: float = 1.5) -> str:
    """Twenty positive numbers over five decades, two of them censored."""
    return f"{CENSORED.get(row, '')}{scale * 10 ** (row % 5):g}"


def test_a_concentration_is_learnt_as_its_p_value(hooke) -> None:  # type: ignore[no-untyped-def]
    pl.DataFrame({"smiles": MOLECULES, "IC50 (nM)": [concentrations(row) for row in range(20)]}).write_csv("t.csv")
    data = ("--csv", "t.csv", "data.split.fractions=[0.4,0.5,0.1]")
    offered = hooke("fit", *data, *SMALL)
    assert offered.code == 0, offered.err
    assert '--transform "IC50 (nM)=pIC50"' in offered.out
    plain = pl.read_csv("p.csv") if hooke("predict", "runs/csv", "t.csv", "-o", "p.csv").code == 0 else None
    assert plain is not None
    for name in ("IC50 (nM)", "IC50 (nM)_lower"):
        assert (plain[name] >= 0).all()
    found = hooke("fit", *data, *SMALL, "--transform", "IC50 (nM)=pIC50", "--json")
    assert found.code == 0, found.err
    run = json.loads(found.out)
    [label] = json.loads((Path(run["run"]) / "spec.json").read_text())["labels"]
    assert (label["name"], label["unit"], label["original"], label["original_unit"]) == (
        "pIC50",
        "-log10 M",
        "IC50 (nM)",
        "nM",
    )
    assert hooke("predict", run["run"], "t.csv", "-o", "p.csv", "--new").code == 0
    rows = pl.read_csv("p.csv")
    assert rows["IC50 (nM)_input"].to_list() == [concentrations(row) for row in range(20)]
    for name, p_name in (("", ""), ("_lower", "_upper"), ("_upper", "_lower")):
        assert rows[f"IC50 (nM){name}"].to_list() == pytest.approx(
            (10 ** (9 - rows[f"pIC50{p_name}"])).to_list(), rel=1e-5
        )
    assert (rows["IC50 (nM)"] > 0).all()
    assert (rows["IC50 (nM)_lower"] <= rows["IC50 (nM)"]).all()


def test_wrong_transforms_are_refused(hooke) -> None:  # type: ignore[no-untyped-def]
    table = write(
        Path("t.csv"),
        **{
            "IC50": concentrations,
            "MIC (ug/mL)": concentrations,
            "Ki (nM)": concentrations,
            "pKi": lambda row: row / 2,
            "low": lambda row: -row - 0.5,
        },
    )
    for transform, said in {
        "IC50=pIC50": 'add data.units."IC50"=nM',
        "MIC (ug/mL)=pMIC": "molecular weight",
        "Ki (nM)=pKi": "is taken already",
        "Ki (nM)=log11": "Did you mean 'log1p'",
        "Ki (nm)=pKi2": "Did you mean 'Ki (nM)'",
        "pIC50": "has the form COLUMN=NAME",
        "low=log10": "no positive number",
    }.items():
        found = hooke("fit", "--csv", table, "--transform", transform, *SMALL)
        assert found.code in (2, 3), transform
        assert said in found.err, (transform, found.err)
    assert not Path("runs").exists()
