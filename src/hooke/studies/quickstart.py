"""`hooke quickstart`: the main job from end to end on the embedded data set, and one report of it.

Pretrain on many labels at three levels (without the assay's test molecules), fine-tune on the small assay, train the same network from
scratch, fit the baselines, embed, predict molecules that no training saw, and say plainly whether pretraining helped.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from hooke.core.files import write_durably
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output_folder
from hooke.molecules.store import MoleculeStore
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.drawing import MoleculePool
from hooke.report.provenance import reproduce
from hooke.report.schema import Difference, Report, Summary
from hooke.report.wording import bounds_text, estimate_text, value_text
from hooke.studies.comparison import Compared, compare_with_baselines, difference_between, primary_table
from hooke.studies.run_report import (
    citations_of,
    data_section,
    finish,
    map_sections,
    modality_of,
    plot_sections,
    pretraining_tables,
)
from hooke.train.fit import adapted, finetune, fit

FINE_TUNED, FROM_SCRATCH = "fine-tuned", "from scratch"

# Well-known small molecules; those that the data set happens to hold are left out by structure before predicting.
UNSEEN = {
    "warfarin": "CC(=O)CC(c1ccccc1)c1c(O)c2ccccc2oc1=O", "diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "celecoxib": "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1", "fluoxetine": "CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1",
    "ciprofloxacin": "O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O", "haloperidol": "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1",
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1", "loratadine": "CCOC(=O)N1CCC(=C2c3ccc(Cl)cc3CCc3cccnc32)CC1",
    "capsaicin": "COc1cc(CNC(=O)CCCC/C=C/C(C)C)ccc1O", "melatonin": "COc1ccc2[nH]cc(CCNC(C)=O)c2c1",
    "citalopram": "CN(C)CCCC1(c2ccc(F)cc2)OCc2cc(C#N)ccc21", "rofecoxib": "CS(=O)(=O)c1ccc(C2=C(c3ccccc3)C(=O)OC2)cc1",
    "zingerone": "COc1cc(CCC(C)=O)ccc1O", "serotonin": "NCCc1c[nH]c2ccc(O)cc12", "carvone": "CC1=CCC(C(C)=C)CC1=O",
}  # fmt: skip


@dataclass(frozen=True)
class QuickstartResult:
    """Where everything is, and what came out."""

    folder: Path
    report: Path
    pretrained: Path
    finetuned: Path
    predictions: Path
    embeddings: Path
    scores: dict[str, Any]
    verdict: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}

    def summary(self) -> str:
        """What to read, and the three commands to type next."""
        return "\n".join(
            [
                self.verdict,
                f"\nreport  {self.report}   ({self.seconds:.0f} s in all)",
                "\nnext, with your own molecules:",
                "  hooke fit assay.csv --smiles smiles --targets auto",
                f"  hooke finetune {self.pretrained} assay.csv --smiles smiles",
                f"  hooke predict {self.finetuned} new.csv -o predictions.parquet",
            ]
        )


def quickstart(runs: Path = Path("runs"), *, seeds: int = 3, show_progress: bool = True) -> QuickstartResult:
    """Run the whole chain; a killed quickstart continues where it was, and finished parts are not done again.

    Args:
        runs: Folder of the run folders; the report lies in runs/quickstart.
        seeds: Members of the fine-tuned and of the from-scratch ensemble.
        show_progress: Show progress bars.
    """
    started = datetime.now(UTC)
    folder = Path(runs) / "quickstart"
    check_output_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"runs": runs, "show_progress": show_progress, "reuse": True}
    pretrained = fit(load_recipe("pocketmix"), **options)
    members = [f"train.ensemble={seeds}"]
    tuned = finetune(pretrained.folder, load_recipe("pocketmix_finetune", members), **options)
    scratch = fit(adapted(load_recipe("pocketmix_assay", members), pretrained.folder), **options)
    store = MoleculeStore.open(Path(tuned.info["store"]))
    compared = compare_with_baselines({FINE_TUNED: tuned, FROM_SCRATCH: scratch}, store, show_progress=show_progress)
    table = write_unseen(folder / "unseen.csv", store, MoleculeStore.open(Path(pretrained.info["store"])))
    predictions, embeddings = _predict_and_embed(tuned, table, folder, show_progress)
    differences = tuple(
        difference_between(compared, FINE_TUNED, name, 0) for name in (FROM_SCRATCH, *modality_of(tuned).estimators)
    )
    summary = verdict(compared, differences)
    report = _report(
        folder, pretrained, tuned, scratch, store, compared, differences, summary, predictions, show_progress
    )
    scores = {name: vars(found[0]) for name, found in compared.scores.items()}
    seconds = (datetime.now(UTC) - started).total_seconds()
    return QuickstartResult(
        folder, report, pretrained.folder, tuned.folder, predictions, embeddings, scores, summary.verdict, seconds
    )


def write_unseen(path: Path, *stores: MoleculeStore) -> Path:
    """Write the molecules of `UNSEEN` that none of the stores holds, by canonical structure."""
    from hooke.molecules.prepare import prepare

    known = {smiles for store in stores for smiles in store.smiles()}
    names = list(UNSEEN)
    canonical = prepare(list(UNSEEN.values())).canonical
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "smiles"])
    writer.writerows([name, smiles] for name, smiles in zip(names, canonical, strict=True) if smiles not in known)
    write_durably(path, text.getvalue())
    return path


def verdict(compared: Compared, differences: tuple[Difference, ...]) -> Summary:
    """Whether fine-tuning beat training from scratch and the baselines, by intervals alone."""
    label, metric = compared.labels[0], compared.metrics[0]
    first = differences[0].estimate
    words = {"better": "beats training from scratch", "worse": "is worse than training from scratch"}
    text = words.get(differences[0].outcome, "cannot be told apart from training from scratch")
    beaten = [entry.second for entry in differences[1:] if entry.outcome == "better"]
    not_beaten = [entry.second for entry in differences[1:] if entry.outcome != "better"]
    baselines = f"it beats {', '.join(beaten)}" if beaten else "it beats no baseline"
    if not_beaten:
        baselines += f", but not {', '.join(not_beaten)}"
    sentence = (
        f"Pretraining, then fine-tuning {text}: {metric.name} {estimate_text(first, label.unit, plus=True)}; "
        f"{baselines} (95 % intervals, {len(compared.names)} test molecules)."
    )
    numbers = tuple(
        KeyNumber(
            value_text(build.estimate(found[0])),
            f"{label.unit} {metric.name}, {name}",
            bounds_text(build.estimate(found[0])),
        )
        for name, found in compared.scores.items()
    )
    return Summary(sentence, differences[0].outcome, numbers[:6], compared.caveats)


def _predict_and_embed(run: RunFolder, table: Path, folder: Path, show_progress: bool) -> tuple[Path, Path]:
    from hooke.inference.embed import embed
    from hooke.inference.predict import predict

    predictions, embeddings = folder / "predictions.parquet", folder / "embeddings.parquet"
    predict(run.folder, table, predictions, workers=1, resume=False, show_progress=show_progress)
    embed(run.folder, table, embeddings, workers=1, resume=False, show_progress=show_progress)
    return predictions, embeddings


def _report(
    folder: Path,
    pretrained: RunFolder,
    tuned: RunFolder,
    scratch: RunFolder,
    store: MoleculeStore,
    compared: Compared,
    differences: tuple[Difference, ...],
    summary: Summary,
    predictions: Path,
    show_progress: bool,
) -> Path:
    pool = MoleculePool()
    pretraining_store = MoleculeStore.open(Path(pretrained.info["store"]))
    curves = {"Pretraining": pretrained, "Fine-tuning": tuned, "From scratch": scratch}
    report = Report(
        title="Hooke quickstart",
        subtitle="a multi-task, multi-level molecular model, fine-tuned on a small assay",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=summary,
        data=(
            data_section(pretrained, pretraining_store, name="pretraining"),
            data_section(tuned, store, name="assay"),
        ),
        training=tuple(
            build.learning_curves(title, [line for line in run.metrics() if line["part"] == "members"])
            for title, run in curves.items()
        ),
        results=(
            primary_table(compared, "Assay: held-out molecules"),
            *pretraining_tables(pretrained),
        ),
        differences=differences,
        **plot_sections(pool, compared, FINE_TUNED),
        maps=map_sections(pool, pretrained, pretraining_store),
        predictions=(_unseen_section(pool, predictions, store),),
        reproduce=reproduce(
            commands={
                "All of it": "hooke quickstart",
                "Pretrain": "hooke fit pocketmix",
                "Fine-tune": f"hooke finetune {pretrained.folder} pocketmix_finetune train.ensemble={tuned.recipe['train']['ensemble']}",
                "Predict": f"hooke predict {tuned.folder} new.csv -o predictions.parquet",
            },
            recipes={"pretraining": pretrained.recipe, "fine-tuning": tuned.recipe},
            run=tuned.info,
            citations=[*citations_of(tuned), "gfn2_xtb"],
        ),
    )
    return finish(report, pool, folder)


def _unseen_section(pool: MoleculePool, predictions: Path, store: MoleculeStore) -> Any:
    from hooke.molecules.descriptors import nearest_similarity

    table = pl.read_parquet(predictions)
    label = store.labels[0]
    smiles = table["smiles"].to_list()
    low, high = (table[f"{label.name}_{bound}"].to_numpy()[:, None] for bound in ("lower", "upper"))
    return build.predictions(
        pool, "Molecules that no training saw", [label], smiles, table[label.name].to_numpy()[:, None], low=low, high=high,
        names=table["name"].to_list(), similarity=nearest_similarity(smiles, store.smiles()), intervals="90 % conformal intervals",
    )  # fmt: skip
