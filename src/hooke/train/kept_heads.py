"""The heads of a pretrained run kept beside the new ones: what a fine-tuned encoder says of the labels that it was pretrained on.

`train.keep_heads` makes RUN/kept: a run folder of its own for `hooke predict`, `embed` and `finetune`, with the encoder of the fine-tuned run
and the heads, labels and task of the pretrained one. The old heads were fitted to the old encoder and are not trained further: with
`--mode probe` they predict what they predicted, else the worse the farther the encoder has moved. Intervals are left out, since they were
calibrated on the old encoder. To go on learning the old labels, give their table as well (`--csv a.csv --csv b.csv`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.inference.loaded import members_of, read_recipe
from hooke.modalities import trainable
from hooke.nn.weights import read_weights
from hooke.train.checkpoint import save_weights

KEPT = "kept"
_ENCODER = "encoder."


def check_heads(recipe: Recipe, pretrained: Path | None) -> None:
    """Refuse to keep heads where there are none.

    Raises:
        UsageError: Nothing is fine-tuned, or the pretrained run learned without labels.
    """
    if not recipe.train.keep_heads:
        return
    if pretrained is None:
        raise UsageError("train.keep_heads keeps the heads of a pretrained run: it belongs to `hooke finetune`")
    if not read_recipe(RunFolder.open(pretrained)).learns_labels:
        raise UsageError(f"{pretrained} learned without labels: it has no heads to keep")


def keep_heads(run: RunFolder, recipe: Recipe, pretrained: Path) -> RunFolder:
    """Write the run folder of the old heads on the new encoder.

    Args:
        run: The fine-tuned run; its networks are trained.
        recipe: Of it.
        pretrained: The run that it started from.
    """
    before = RunFolder.open(pretrained)
    old, kept = read_recipe(before), RunFolder(run.path(KEPT))
    heads = [_part(path, encoder=False) for path in members_of(before, old)]
    for number, path in enumerate(members_of(run, recipe)):
        weights = {**_part(path, encoder=True), **heads[number % len(heads)]}
        folder = kept.path(f"members/{number}")
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(weights, folder / path.name)
    kept.write_json("spec.json", trainable(old.modality, "finetune").read_spec(before).to_json())
    train = {**before.recipe["train"], "ensemble": recipe.train.ensemble}
    kept.write_json("recipe.json", {**before.recipe, "model": recipe.model.to_json(), "train": train})
    about: dict[str, Any] = {
        name: before.info[name] for name in ("format", "name", "data_hash", "store") if name in before.info
    }
    mine = {name: run.info[name] for name in ("started", "versions", "command", "machine")}
    identity = content_hash([before.info["identity"], run.info["identity"]])
    kept.write_info({**about, **mine, "identity": identity, "status": "finished", "heads_of": str(before.folder)})
    return kept


def _part(path: Path, *, encoder: bool) -> dict[str, Tensor]:
    return {name: value for name, value in read_weights(path).items() if name.startswith(_ENCODER) == encoder}
