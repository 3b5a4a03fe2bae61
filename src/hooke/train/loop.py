"""The training loop: explicit, on Lightning Fabric, and resumable to the bit. It knows batches, not what is in them.

Everything random comes from generators whose state is saved: the order of batches is a function of (seed, epoch), dropout
draws from torch's generator, objectives from one of their own. A resumed run therefore repeats the same bits that the
uninterrupted one would have made, on the same machine, devices and thread count.

Several processes share each step: each computes the loss of all items of the step (`nn.processes`), and what is drawn for an item
does not depend on the process that holds it (`nn.item_noise`). So P processes learn what one process learns from batches P times
as large, but for the order of sums. Exceptions: batch norms and contrasts see the items of their own process alone, and images
draw from a generator of each process.

How hard each task pulls at the encoder: the norm of its own gradient.

    g_k = ‖∂L_k / ∂θ_encoder‖

with L_k the loss of task k as it enters the total. Tasks with much larger norms than others decide where a shared encoder goes.

Source: Chen et al. 2018 (GradNorm, arXiv 1711.02257), who balance these norms; here they are only measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.files import remove
from hooke.core.progress import Progress
from hooke.core.recipe import TrainSection
from hooke.core.types import Batch, Loader
from hooke.nn.processes import shared_step
from hooke.nn.task import Task
from hooke.nn.weights import load_weights
from hooke.train.adaptation import Adaptation
from hooke.train.checkpoint import Checkpoints, load_state, save_state, save_weights
from hooke.train.crew import OtherProcessError
from hooke.train.devices import set_threads
from hooke.train.ema import ExponentialAverage
from hooke.train.interruption import Interruption
from hooke.train.monitor import Monitor, logged_as, rank
from hooke.train.optimiser import make_optimiser, set_learning_rate
from hooke.train.schedule import Schedule
from hooke.train.shards import divide_state, whole_state, whole_weights
from hooke.train.stage_clock import StageClock


def gradient_norms(network: nn.Module, task: Task, batch: Any, step: int) -> dict[str, float]:
    """Name of each part of the loss → norm of its gradient at the encoder, in evaluation mode; empty when the encoder is frozen.

    Args:
        network: Encoder and heads; left as it was.
        task: The objective.
        batch: On the network's device.
        step: Of training.
    """
    weights = [parameter for parameter in network.get_submodule("encoder").parameters() if parameter.requires_grad]
    if not weights:
        return {}
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        generator = torch.Generator().manual_seed(0)
        losses = task.parts(network, batch, step, generator)
        return {name: _norm(loss, weights) for name, loss in losses.items() if loss.requires_grad}
    finally:
        for module in training:
            module.training = True


def _norm(loss: torch.Tensor, weights: list[nn.Parameter]) -> float:
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    known = [gradient.float() for gradient in found if gradient is not None]
    return (
        float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in known]))) if known else 0.0
    )


Log = Callable[..., None]
_RANK_STRIDE = 1_000_003  # between the seeds of processes


class TrainingError(HookeError):
    """Training cannot go on: the loss is not finite."""


class Trainer:
    """Trains one network and keeps its best and last weights in a folder.

    Args:
        network: The network; on the CPU.
        task: The objective.
        section: How.
        fabric: Where; inside the job of `devices.launch`.
        train: Batches to learn from.
        valid: Batches to choose the best epoch by; when there is none, the last is best.
        seed: Of dropout and the objective's own randomness.
        draws_by_item: Whether the objective draws for items as such; else each process has randomness of its own.
        folder: Where best.safetensors, last.safetensors and state.pt go; only the first process writes.
        log: Called in the first process with the fields of one line of metrics.
        metric: Chooses the best epoch in the place of a loss.
    """

    def __init__(
        self,
        network: nn.Module,
        task: Task,
        section: TrainSection,
        *,
        fabric: Fabric,
        train: Loader,
        valid: Loader,
        seed: int,
        folder: Path,
        log: Log,
        draws_by_item: bool = False,
        metric: Monitor | None = None,
    ) -> None:
        self.task, self.section, self.folder, self.log = task, section, Path(folder), log
        self.fabric, self.raw = fabric, network
        self.train, self.valid = train, valid
        set_threads(network, section.threads, section.devices)
        ready: Any = torch.compile(network, dynamic=True) if section.compile else network
        self.objective = _Objective(ready, task)
        self.optimiser: Any
        if section.sharded:  # the optimiser's parameters are the parts
            self.module = self.fabric.setup_module(self.objective)
            self.optimiser = self.fabric.setup_optimizers(make_optimiser(network, section))
        else:
            self.module, self.optimiser = self.fabric.setup(self.objective, make_optimiser(network, section))
        self.adaptation = Adaptation.of(network, section)
        self.ema = ExponentialAverage(network, section.ema) if section.ema else None
        seed += 0 if draws_by_item else fabric.global_rank * _RANK_STRIDE
        self.generator = torch.Generator().manual_seed(seed)
        self.steps_per_epoch = -(-len(train) // section.accumulate)
        self.total_steps = self.steps_per_epoch * section.epochs
        if section.max_steps:
            self.total_steps = min(self.total_steps, section.max_steps)
        self.schedule = Schedule(section, self.total_steps, self.steps_per_epoch)
        self.metric, self._ranked_by = metric, "loss" if metric is None else section.monitor
        self.checkpoints = Checkpoints(self.folder, section.keep_best, self._ranked_by)
        self.clock = StageClock(self.folder / "profile", on=section.profile and fabric.is_global_zero)
        self.step = self.epoch = self.batches_done = self.items_done = 0
        self.best_loss, self.best_epoch = float("inf"), -1
        self.train_sum, self.train_count = 0.0, 0
        self._interruption = Interruption()
        self._asked = self._due = False
        self._saved_at = time.monotonic()
        torch.manual_seed(seed)

    @property
    def state_path(self) -> Path:
        """The resumable state."""
        return self.folder / "state.pt"

    def run(self, bar: Progress) -> None:
        """Train to the end, from the saved state if there is one.

        Raises:
            TrainingError: The loss became NaN or infinite.
            DataError: The disk is full, or the saved state is damaged.
            KeyboardInterrupt: Ctrl-C or SIGTERM; the state was saved.
        """
        if self.state_path.exists():
            self._restore(load_state(self.state_path))
            bar.advance(self.items_done)
        with self._interruption:
            while self._unfinished():
                if self.step < self.total_steps:
                    self._train_epoch(bar)
                self._end_epoch()
                if self._asked_anywhere() and self._unfinished():
                    raise KeyboardInterrupt
            self._finish()
        if self._asked_anywhere():
            raise KeyboardInterrupt

    def saved_epoch(self) -> int:
        """Whole epochs in the saved state; 0 without one."""
        return int(load_state(self.state_path)["counters"][1]) if self.state_path.exists() else 0

    def _unfinished(self) -> bool:
        steps_left = self.step < self.total_steps or self.batches_done > 0
        return self.epoch < self.section.epochs and steps_left and not self._patience_spent()

    def _train_epoch(self, bar: Progress) -> None:
        for batch in self.clock.each("batches", self.train.epoch(self.epoch, start=self.batches_done)):
            before = self.items_done
            self._train_batch(batch)
            bar.advance(self.items_done - before, loss=self.train_sum / max(1, self.train_count), epoch=self.epoch + 1)
            if self._at_step_boundary():
                self._keep_step()
                if self._asked or self._due:
                    self._save()
                if self._asked:
                    raise KeyboardInterrupt
            if self.step >= self.total_steps:
                return

    def _train_batch(self, batch: Batch) -> None:
        section, accumulate = self.section, self.section.accumulate
        first = self.batches_done // accumulate * accumulate
        group = min(accumulate, len(self.train) - first)  # the last step of an epoch may have fewer batches
        last = self.batches_done + 1 == first + group
        self.adaptation.set_training(self.epoch)
        set_learning_rate(self.optimiser, self.schedule.rate(self.step), self.epoch)
        with self.fabric.no_backward_sync(self.module, enabled=not last):
            with shared_step(self.fabric.world_size), self.clock.stage("forward"):
                losses = self.module(batch.to(self.fabric.device), self.step, self.generator)
            with self.clock.stage("backward"):
                self.fabric.backward(losses["loss"] / group)
        self._count(batch, float(losses["loss"].detach()))
        self.batches_done += 1
        if last:
            with self.clock.stage("optimiser"):
                if section.clip:
                    self.fabric.clip_gradients(
                        self.module, self.optimiser, max_norm=section.clip, error_if_nonfinite=False
                    )
                self.optimiser.step()
                self.optimiser.zero_grad(set_to_none=True)
            self.step += 1
            self.clock.step()
            if self.ema:
                self.ema.update(self.raw)

    def _count(self, batch: Batch, loss: float) -> None:
        """Add a batch of every process to the epoch's mean, and agree on whether to stop and to save after this step."""
        finite, items = math.isfinite(loss), batch.num_items
        due = self.fabric.is_global_zero and time.monotonic() - self._saved_at > self.section.checkpoint_seconds
        total, count, broken, asked, save = self._over_processes(
            loss * items if finite else 0.0, items, not finite, self._interruption.asked, due
        )
        if not finite:
            raise TrainingError(
                f"the loss is {loss} at step {self.step} (epoch {self.epoch + 1}); store rows {batch.rows[:8].tolist()} ... "
                "Try a lower learning rate, train.clip, or check these rows' labels"
            )
        if broken:
            raise OtherProcessError("the loss of another process is not finite")
        self.train_sum += total
        self.train_count += int(count)
        self.items_done += int(count)
        self._asked, self._due = asked > 0, save > 0

    def _asked_anywhere(self) -> bool:
        return self._over_processes(self._interruption.asked)[0] > 0

    def _over_processes(self, *values: float) -> list[float]:
        """Each value summed over the processes."""
        if self.fabric.world_size == 1:
            return list(values)
        own = torch.tensor(values, dtype=torch.float64, device=self.fabric.device)
        summed = self.fabric.all_reduce(own, reduce_op="sum")
        assert isinstance(summed, Tensor)
        return summed.tolist()

    def _at_step_boundary(self) -> bool:
        return self.batches_done % self.section.accumulate == 0 or self.batches_done == len(self.train)

    def _end_epoch(self) -> None:
        train_loss = self.train_sum / max(1, self.train_count)
        with self.ema.applied(self.raw) if self.ema else nullcontext():
            with self.clock.stage("validation"):
                valid = self.validate()
                chosen = self._monitored(valid) if valid else -self.epoch
            place = rank(self._ranked_by, chosen)
            best = place < self.best_loss or self.best_epoch < 0
            if best:
                self.best_loss, self.best_epoch = place, self.epoch
            with self.clock.stage("checkpoints"):
                if best:
                    self._save_weights("best.safetensors")
                self._keep_epoch(chosen)
        self.epoch += 1
        self.batches_done, self.train_sum, self.train_count = 0, 0.0, 0
        line = {
            "epoch": self.epoch, "step": self.step, "train_loss": train_loss,
            "learning_rate": self.schedule.rate(max(0, self.step - 1)),
            **{f"valid_{name}": value for name, value in valid.items()},
            **({} if self.metric is None else {logged_as(self.section.monitor): chosen}),
            **{f"gradient_{name}": value for name, value in self._gradients().items()},
        }  # fmt: skip
        self._in_first(lambda: self.log(**line))
        if not self._patience_spent():
            self._save()

    def _monitored(self, valid: dict[str, float]) -> float:
        """What chooses the best epoch: a validation loss, or a metric, which only the first process computes.

        Raises:
            UnknownNameError: Validation has no such loss.
            UsageError: A metric that these rows do not define.
        """
        name = self.section.monitor
        if self.metric is None:
            if name not in valid:
                raise UnknownNameError("train.monitor", name, list(valid))
            return valid[name]
        value = float(self.fabric.broadcast(self.metric(self.raw) if self.fabric.is_global_zero else math.nan))
        if math.isnan(value) and self.epoch == 0:
            raise UsageError(
                f"train.monitor = {name} is not defined on the validation rows: too few are measured, or they have one class or value"
            )
        return value

    def _keep_epoch(self, value: float) -> None:
        """Keep the weights of an epoch that is among the best ones."""
        if self.section.keep_best > 1 and self.fabric.broadcast(
            self.checkpoints.wants(value)
        ):  # the first process knows
            name = self.checkpoints.name(self.epoch + 1)
            self._save_weights(name)
            self._in_first(lambda: self.checkpoints.add(self.epoch + 1, value))

    def _keep_step(self) -> None:
        """Keep state and weights of every so many steps."""
        every = self.section.checkpoint_steps
        if every and self.step and self.step % every == 0:
            self._due = True
            with self.ema.applied(self.raw) if self.ema else nullcontext():
                self._save_weights(f"step-{self.step}.safetensors")

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean losses over the validation batches, by name; empty without any."""
        self.raw.eval()
        sums: dict[str, float] = {}
        count = 0
        generator = torch.Generator().manual_seed(0)  # the same draws each time: validation losses can be compared
        for batch, counted in self._validation_batches():
            with self.fabric.autocast():  # each process by itself: they may have unequal numbers of batches
                losses = self.objective(batch.to(self.fabric.device), self.step, generator)
            if not counted:
                continue
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value) * batch.num_items
            count += batch.num_items
        names = self.fabric.broadcast(sorted(sums))  # the first process has a batch if any has
        total, *values = self._over_processes(count, *(sums.get(name, 0.0) for name in names))
        return {name: value / total for name, value in zip(names, values, strict=True)}

    def _validation_batches(self) -> Iterator[tuple[Batch, bool]]:
        """Each batch of this process; parts of a network are gathered by all processes, so that all then make equally many passes."""
        most = int(self._of_all(torch.tensor([len(self.valid)])).max()) if self.section.sharded else 0
        for batch in self.valid.epoch(0):
            yield batch, True
        for _ in range(most - len(self.valid)):
            yield next(self.train.epoch(0)), False

    def _gradients(self) -> dict[str, float]:
        """Norms of the parts' gradients on the first batch of the epoch that has ended."""
        if not (self.section.gradient_norms and self.fabric.is_global_zero):
            return {}
        batch = next(iter(self.train.epoch(self.epoch - 1)))
        return gradient_norms(self.raw, self.task, batch.to(self.fabric.device), self.step)

    def _patience_spent(self) -> bool:
        return bool(self.section.patience) and self.epoch - 1 - self.best_epoch >= self.section.patience

    def _finish(self) -> None:
        self._in_first(self.clock.write)
        with self.ema.applied(self.raw) if self.ema else nullcontext():
            self._save_weights("last.safetensors")
        self._in_first(lambda: remove(self.state_path))

    def load_best(self) -> None:
        """Put the best epoch's weights into the network.

        Raises:
            TrainingError: No epoch had a loss by which it could be the best.
        """
        if not (self.folder / "best.safetensors").exists():
            raise TrainingError(
                "the validation loss was not finite after any epoch. Try a lower learning rate, train.clip, or check the labels"
            )
        load_weights(self.raw, self.folder / "best.safetensors")

    def _save(self) -> None:
        state = self._state()
        self._in_first(lambda: save_state(state, self.state_path))
        self._saved_at = time.monotonic()

    def _save_weights(self, name: str) -> None:
        weights = whole_weights(self.raw) if self.section.sharded else self.raw.state_dict()
        self._in_first(lambda: save_weights(weights, self.folder / name))

    def _in_first(self, write: Callable[[], None]) -> None:
        """Write in the first process; all stop when that fails."""
        failure: Exception | None = None
        if self.fabric.is_global_zero:
            try:
                write()
            except (HookeError, OSError) as error:
                failure = error
        [failed] = self._over_processes(failure is not None)
        if failed:
            raise failure or OtherProcessError("the first process could not write its files")

    def _state(self) -> dict[str, Any]:
        """What `_restore` needs; generators have one row a process."""
        if self.section.sharded:
            weights, optimiser = whole_state(self.raw, self.optimiser.optimizer)
        else:
            weights = {name: tensor.cpu() for name, tensor in self.raw.state_dict().items()}
            optimiser = self.optimiser.state_dict()
        state: dict[str, Any] = {
            "network": weights,
            "optimiser": optimiser,
            "ema": self.ema.state() if self.ema else None,
            "torch_generator": self._of_all(torch.get_rng_state()),
            "task_generator": self._of_all(self.generator.get_state()),
            "counters": [self.step, self.epoch, self.batches_done, self.best_epoch, self.train_count, self.items_done],
            "sums": [self.best_loss, self.train_sum],
        }
        if self.fabric.device.type == "cuda":
            state["cuda_generator"] = self._of_all(torch.cuda.get_rng_state(self.fabric.device))
        return state

    def _of_all(self, state: Tensor) -> Tensor:
        """(processes, n) of n integers of each process, such as a generator's state."""
        if self.fabric.world_size == 1:
            return state[None]
        own = state.to(self.fabric.device)
        gathered = [torch.empty_like(own) for _ in range(self.fabric.world_size)]
        torch.distributed.all_gather(gathered, own)
        return torch.stack(gathered).cpu()

    def _restore(self, state: dict[str, Any]) -> None:
        rank = self.fabric.global_rank
        if self.section.sharded:
            divide_state(self.raw, self.optimiser.optimizer, state["network"], state["optimiser"])
        else:
            self.raw.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
        if self.ema:
            self.ema.restore(state["ema"])
        (
            self.step, self.epoch, self.batches_done, self.best_epoch, self.train_count, self.items_done
        ) = state["counters"]  # fmt: skip
        self.best_loss, self.train_sum = state["sums"]
        # cloned: torch reads a generator's state from the start of its storage, whatever row was taken of it
        torch.set_rng_state(state["torch_generator"][rank].clone())
        self.generator.set_state(state["task_generator"][rank].clone())
        if "cuda_generator" in state:
            torch.cuda.set_rng_state(state["cuda_generator"][rank].clone(), self.fabric.device)


class _Objective(nn.Module):
    """Network and task as one module whose outputs are the losses.

    What several devices share is then everything between a batch and its loss, weights that only the task reads included.
    """

    def __init__(self, network: nn.Module, task: Task) -> None:
        super().__init__()
        self.network, self.task = network, task

    def forward(self, batch: Any, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        return self.task.losses(self.network, batch, step, generator)
