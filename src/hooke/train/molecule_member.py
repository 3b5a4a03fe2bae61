"""One network of a molecule run: its task with the labels' statistics, and its batches of molecules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from hooke.core.errors import DataError, UsageError
from hooke.core.loader import RowLoader
from hooke.core.recipe import base_config
from hooke.core.types import LabelStatistics
from hooke.inference.network import build_network, build_task
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.label_share import hide_labels
from hooke.molecules.store import MoleculeStore
from hooke.nn.width_transfer import transfer_width
from hooke.train.member import Member, encoder_weights

_VALIDATION_BATCH = 256  # at least so many molecules: no gradient needs memory


@dataclass(frozen=True)
class MoleculeMember(Member):
    """See `Member`.

    Attributes:
        statistics: Of the labels over the training rows.
    """

    unit: ClassVar[str] = "molecules"
    draws_by_item: ClassVar[bool] = True

    statistics: Mapping[str, LabelStatistics] = field(default_factory=dict)

    def network(self) -> tuple[torch.nn.Module, Any]:
        """See `Member.network`."""
        recipe = self.recipe
        task = build_task(recipe.task.name, recipe.task.config, MoleculeStore.open(self.store).labels, self.statistics)
        torch.manual_seed(self.seed)
        network = build_network(recipe.model.name, recipe.model.config, recipe.encodings, task)
        if (base := base_config(recipe.model, recipe.train)) is not None:
            with torch.device("meta"):
                narrow = build_network(recipe.model.name, base, recipe.encodings, task)
            transfer_width(network, narrow)
        return network, task

    def start(self, network: Any) -> None:
        """See `Member.start`; the learned encoding comes from its own run, or with the pretrained encoder.

        Raises:
            UsageError: Nothing says where its weights are.
            DataError: They do not fit.
        """
        super().start(network)
        name, folder = self.recipe.encodings.learned, self.recipe.train.learned_from
        if bool(folder) > bool(name) or (name and not folder and self.pretrained is None):
            raise UsageError(
                'a learned encoding needs its name and a run: encodings.learned="gpse:small" train.learned_from=RUN'
            )
        if folder:
            try:
                network.encoder.source.load_state_dict(encoder_weights(Path(folder), self.number))
            except RuntimeError as error:
                raise DataError(f"the encoder of {folder} is not a {name}: {error}") from error

    def loaders(self, *, rank: int, world: int) -> tuple[RowLoader[MoleculeBatch], RowLoader[MoleculeBatch]]:
        """See `Member.loaders`."""
        store, size = MoleculeStore.open(self.store), self.recipe.train.batch_size
        mine, labels = {"rank": rank, "world": world}, self.recipe.split.label_share
        return (
            molecule_loader(
                store, self.train_rows, size, seed=self.seed, label_share=labels, share_seed=self.recipe.seed, **mine
            ),
            molecule_loader(store, self.valid_rows, max(_VALIDATION_BATCH, size), seed=None, **mine),
        )


def molecule_loader(
    store: MoleculeStore,
    rows: np.ndarray,
    batch_size: int,
    *,
    label_share: float = 1.0,
    share_seed: int = 0,
    **options: Any,
) -> RowLoader[MoleculeBatch]:
    """Batches of molecules; in training (`seed` is a number) molecules with similarly many atoms share a batch.

    Args:
        store: Where the molecules are.
        rows: Which of them.
        batch_size: Most molecules a batch.
        label_share: Share of the measurements that the batches carry; see `molecules.label_share`.
        share_seed: Of the share.
        options: Those of `RowLoader`.
    """

    def load(chosen: np.ndarray) -> MoleculeBatch:
        molecules = store.read(chosen)
        return collate(molecules if label_share == 1 else hide_labels(molecules, label_share, share_seed))

    sizes = None if options.get("seed") is None else store.store.axis_counts("atom", rows)
    return RowLoader(load, rows, batch_size, sizes=sizes, **options)
