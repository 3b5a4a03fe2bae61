"""The training loop: explicit, on Lightning Fabric, and resumable to the bit.

Everything random comes from generators whose state is saved: the order of batches is a function of (seed, epoch), dropout
draws from torch's generator, objectives from one of their own. A resumed run therefore repeats the same bits that the
uninterrupted one would have made, on the same machine and thread count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import DoublePrecision, MixedPrecision
from torch import Tensor, nn

from hooke.core.errors import HookeError
from hooke.core.parallel import default_workers
from hooke.core.progress import Progress
from hooke.inference.weights import load_weights
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.store import MoleculeStore
from hooke.train.checkpoint import load_state, save_state, save_weights
from hooke.train.ema import ExponentialAverage
from hooke.train.loader import MoleculeLoader
from hooke.train.optimiser import learning_rate, make_optimiser, set_learning_rate
from hooke.train.recipe import TrainSection

Log = Callable[..., None]
_SMALL_NETWORK = 2_000_000


class TrainingError(HookeError):
    """Training cannot go on: the loss is not finite."""


class Trainer:
    """Trains one network on given rows and keeps its best and last weights in a folder.

    Args:
        network: The network; on the CPU.
        task: Gives `losses(network, batch, step, generator)`.
        store: The molecules.
        train_rows, valid_rows: Which rows to train on and to choose the best epoch by; without valid rows the last is best.
        section: How.
        seed: Of order, dropout and the objective's own randomness.
        folder: Where best.safetensors, last.safetensors and state.pt go.
        log: Called with the fields of one line of metrics.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Any,
        store: MoleculeStore,
        train_rows: np.ndarray,
        valid_rows: np.ndarray,
        section: TrainSection,
        *,
        seed: int,
        folder: Path,
        log: Log,
        fabric: Fabric | None = None,
    ) -> None:
        self.task, self.section, self.folder, self.log = task, section, Path(folder), log
        self.fabric = fabric or make_fabric(section)
        self.raw = network
        set_threads(network, section.threads)
        self.optimiser: Any = make_optimiser(network, section)
        self.ema = ExponentialAverage(network, section.ema) if section.ema else None
        ready: Any = torch.compile(network, dynamic=True) if section.compile else network
        self.network, self.optimiser = self.fabric.setup(ready, self.optimiser)
        self.generator = torch.Generator().manual_seed(seed)
        rank, world = self.fabric.global_rank, self.fabric.world_size
        self.train_loader = MoleculeLoader(store, train_rows, section.batch_size, seed=seed, rank=rank, world=world)
        self.valid_loader = MoleculeLoader(store, valid_rows, max(256, section.batch_size), seed=None)
        self.steps_per_epoch = max(1, len(self.train_loader) // section.accumulate)
        self.total_steps = self.steps_per_epoch * section.epochs
        if section.max_steps:
            self.total_steps = min(self.total_steps, section.max_steps)
        self.step = self.epoch = self.batches_done = 0
        self.best_loss, self.best_epoch = float("inf"), -1
        self.train_sum, self.train_count = 0.0, 0
        torch.manual_seed(seed)

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "state.pt"

    def run(self, bar: Progress) -> None:
        """Train to the end, from the saved state if there is one; on Ctrl-C the state is saved first."""
        if self.state_path.exists():
            self._restore(load_state(self.state_path))
            bar.advance(self.step * self.section.batch_size * self.section.accumulate)
        saved = time.monotonic()
        try:
            while self.epoch < self.section.epochs and self.step < self.total_steps and not self._patience_spent():
                for batch in self.train_loader.epoch(self.epoch, start=self.batches_done):
                    self._train_batch(batch)
                    bar.advance(batch.num_graphs, loss=self.train_sum / max(1, self.train_count), epoch=self.epoch + 1)
                    if time.monotonic() - saved > self.section.checkpoint_seconds and self._at_step_boundary():
                        self._save()
                        saved = time.monotonic()
                    if self.step >= self.total_steps:
                        break
                self._end_epoch()
        except KeyboardInterrupt:
            if self._at_step_boundary():
                self._save()
            raise
        self._finish()

    def saved_epoch(self) -> int:
        """Whole epochs in the saved state; 0 without one."""
        return int(load_state(self.state_path)["counters"][1]) if self.state_path.exists() else 0

    def _train_batch(self, batch: MoleculeBatch) -> None:
        section = self.section
        last = (self.batches_done + 1) % section.accumulate == 0
        self.network.train()
        set_learning_rate(self.optimiser, learning_rate(self.step, self.total_steps, section))
        with self.fabric.no_backward_sync(self.network, enabled=not last) if section.devices > 1 else nullcontext():
            losses = self.task.losses(self.network, batch.to(self.fabric.device), self.step, self.generator)
            self.fabric.backward(losses["loss"] / section.accumulate)
        value = float(losses["loss"].detach())
        if not np.isfinite(value):
            raise TrainingError(
                f"the loss is {value} at step {self.step} (epoch {self.epoch + 1}); store rows {batch.rows[:8].tolist()} ... "
                "Try a lower learning rate, train.clip, or check these rows' labels"
            )
        self.train_sum += value * batch.num_graphs
        self.train_count += batch.num_graphs
        self.batches_done += 1
        if last:
            if section.clip:
                self.fabric.clip_gradients(
                    self.network, self.optimiser, max_norm=section.clip, error_if_nonfinite=False
                )
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.step += 1
            if self.ema:
                self.ema.update(self.raw)

    def _at_step_boundary(self) -> bool:
        return self.batches_done % self.section.accumulate == 0

    def _end_epoch(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)  # a last, incomplete accumulation is dropped
        train_loss = self.train_sum / max(1, self.train_count)
        with self.ema.applied(self.raw) if self.ema else nullcontext():
            valid = self.validate()
            chosen = valid["loss"] if valid else -self.epoch
            if chosen < self.best_loss:
                self.best_loss, self.best_epoch = chosen, self.epoch
                if self.fabric.is_global_zero:
                    save_weights(self.raw, self.folder / "best.safetensors")
        self.epoch += 1
        self.batches_done, self.train_sum, self.train_count = 0, 0.0, 0
        self.log(
            epoch=self.epoch, step=self.step, train_loss=train_loss, learning_rate=self.optimiser.param_groups[0]["lr"],
            **{f"valid_{name}": value for name, value in valid.items()},
        )  # fmt: skip
        if not self._patience_spent():
            self._save()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean losses over the validation rows, by name; empty without validation rows."""
        self.network.eval()
        sums: dict[str, float] = {}
        count = 0
        generator = torch.Generator().manual_seed(0)  # the same draws each time: validation losses can be compared
        for batch in self.valid_loader.epoch(0):
            losses = self.task.losses(self.network, batch.to(self.fabric.device), self.step, generator)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value) * batch.num_graphs
            count += batch.num_graphs
        return {name: value / count for name, value in sums.items()}

    def _patience_spent(self) -> bool:
        return bool(self.section.patience) and self.epoch - 1 - self.best_epoch >= self.section.patience

    def _finish(self) -> None:
        if not self.fabric.is_global_zero:
            return
        with self.ema.applied(self.raw) if self.ema else nullcontext():
            save_weights(self.raw, self.folder / "last.safetensors")
        self.state_path.unlink(missing_ok=True)
        self.fabric.barrier()

    def load_best(self) -> None:
        """Put the best epoch's weights into the network."""
        load_weights(self.raw, self.folder / "best.safetensors")

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            save_state(self._state(), self.state_path)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "network": {name: tensor.cpu() for name, tensor in self.raw.state_dict().items()},
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema.state() if self.ema else None,
            "torch_generator": torch.get_rng_state(),
            "task_generator": self.generator.get_state(),
            "counters": [self.step, self.epoch, self.batches_done, self.best_epoch, self.train_count],
            "sums": [self.best_loss, self.train_sum],
        }
        if self.fabric.device.type == "cuda":
            state["cuda_generator"] = torch.cuda.get_rng_state(self.fabric.device)
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        self.raw.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.ema:
            self.ema.restore({name: _moved(value, self.fabric.device) for name, value in state["ema"].items()})
        self.step, self.epoch, self.batches_done, self.best_epoch, self.train_count = state["counters"]
        self.best_loss, self.train_sum = state["sums"]
        torch.set_rng_state(state["torch_generator"])
        self.generator.set_state(state["task_generator"])
        if "cuda_generator" in state:
            torch.cuda.set_rng_state(state["cuda_generator"], self.fabric.device)


def make_fabric(section: TrainSection) -> Fabric:
    """Lightning Fabric for the devices, strategy and precision of a recipe."""
    if section.deterministic:
        torch.use_deterministic_algorithms(True)
    where: dict[str, Any] = {
        "accelerator": section.accelerator,
        "devices": section.devices,
        "strategy": section.strategy,
    }
    if section.precision == "64-true":
        return Fabric(**where, plugins=[_Double()])
    if section.precision.endswith("-mixed"):
        cuda = section.accelerator == "cuda" or (section.accelerator == "auto" and torch.cuda.is_available())
        return Fabric(**where, plugins=[_Mixed(cast(Any, section.precision), device="cuda" if cuda else "cpu")])
    return Fabric(**where)


class _AsGiven:
    """Batches go into the network as they are: their floats are cast by the layers, and frozen dataclasses stay whole."""

    def convert_input(self, data: Any) -> Any:
        return data


class _Mixed(_AsGiven, MixedPrecision):
    pass


class _Double(_AsGiven, DoublePrecision):
    pass


def set_threads(network: nn.Module, threads: int) -> None:
    """CPU threads of this process; see `TrainSection.threads`."""
    small = sum(parameter.numel() for parameter in network.parameters()) < _SMALL_NETWORK
    torch.set_num_threads(threads or (1 if small else default_workers()))


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
