"""Devices: Lightning Fabric for one process or several, how those are started, and the threads of each."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing.util import Finalize
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.plugins.precision import DoublePrecision, MixedPrecision
from lightning_fabric.strategies import DDPStrategy, ParallelStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import nn
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException

from hooke.core.errors import HookeError, UsageError
from hooke.core.parallel import default_workers
from hooke.core.recipe import TrainSection
from hooke.train.crew import Job, OtherProcessError, WorkerFailedError, environment, gone_is_said, hand_out, is_open
from hooke.train.interruption import Interruption
from hooke.train.shards import ShardedStrategy

_SMALL_NETWORK = 2_000_000
_LAST = -100  # after everything else that a process does at its end
_ENVIRONMENT = ("MASTER_ADDR", "MASTER_PORT", "TORCH_CPP_LOG_LEVEL")  # changed while processes are started
_PATIENCE = timedelta(minutes=30)  # for a process that waits for the others

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # no banner from each process


class Machines(Fabric):
    """Lightning Fabric, with the section of the recipe that it was made for."""

    section: TrainSection


def make_fabric(section: TrainSection) -> Machines:
    """Lightning Fabric for the devices and precision of a recipe.

    Several devices share each step: every process has the whole network (distributed data parallel) or a part of it (`shards`),
    gradients are averaged over the processes. Not all parameters need a gradient in each step.

    Raises:
        UsageError: This machine does not have these devices.
    """
    if section.deterministic:
        torch.use_deterministic_algorithms(True)
    where: dict[str, Any] = {"accelerator": section.accelerator, "devices": section.devices, "num_nodes": section.nodes}
    plugins: list[Any] = []
    if (processes := section.devices * section.nodes) > 1:
        outside = environment(section)
        plugins.append(
            outside or LightningEnvironment()
        )  # the latter: processes of this machine, whatever a cluster's variables say
        where["strategy"] = (
            ShardedStrategy(processes, timeout=_PATIENCE)
            if section.sharded
            else DDPStrategy(
                start_method="popen" if outside else "spawn", timeout=_PATIENCE, find_unused_parameters=True
            )
        )
    if section.precision == "64-true":
        plugins.append(_Double())
    elif section.precision.endswith("-mixed"):
        cuda = section.accelerator == "cuda" or (section.accelerator == "auto" and torch.cuda.is_available())
        plugins.append(_Mixed(cast(Any, section.precision), device="cuda" if cuda else "cpu"))
    try:
        fabric = Machines(**where, plugins=plugins)
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise UsageError(
            f"train.accelerator={section.accelerator} with train.devices={section.devices} is not possible here: {error}"
        ) from error
    fabric.section = section
    return fabric


def single_device(section: TrainSection) -> torch.device:
    """Where the first process of a recipe works."""
    return make_fabric(replace(section, devices=1, nodes=1, sharded=False)).device


def check_can_start(section: TrainSection) -> None:
    """Several devices are started by a process that the user started.

    Raises:
        UsageError: This is a process started by another; a script without a main guard is run again by each of them. Or a launcher
            has started other processes than the recipe names.
    """
    outside = environment(section)
    started = int(os.environ.get("WORLD_SIZE", "1")) if torch.distributed.is_torchelastic_launched() else 1
    if started > 1 and section.devices * section.nodes == 1:
        raise UsageError(
            f"torchrun started {started} processes: say machine.nodes and machine.devices, whose product that is"
        )
    if outside is None and section.devices > 1 and multiprocessing.parent_process() is not None:
        raise UsageError(
            "train.devices above 1 starts processes of its own, which is only possible from the main process; "
            'in a script, put the call under `if __name__ == "__main__":`'
        )


def join(section: TrainSection) -> None:
    """Wait for the other processes that a launcher has started."""
    make_fabric(section).launch(cast(Any, _run_outside), _Call(_joined, ()))


def run_job(job: Job) -> None:
    """In a process that follows: do what the first one does."""
    make_fabric(job.section).launch(cast(Any, _run_outside), _Call(job.function, job.arguments))


def _joined(fabric: Fabric) -> None:
    pass


def _run_outside(fabric: Fabric, call: _Call) -> None:
    """In each process that a launcher has started."""
    call.job(fabric, *call.arguments)


def launch(fabric: Machines, job: Callable[..., Any], *arguments: Any) -> None:
    """Run job(fabric, *arguments) on every device: here for one, in new processes or those of a launcher (`train.crew`) for several.

    Args:
        fabric: From `make_fabric`.
        job: A function of a module; for several devices it and its arguments must be picklable.
        arguments: The rest of its arguments.

    Raises:
        HookeError: What any of the processes raised, or that one of them died.
        KeyboardInterrupt: The job was asked to stop, and did.
    """
    if not isinstance(fabric.strategy, ParallelStrategy):
        job(fabric, *arguments)
        return
    if is_open():
        hand_out(Job(fabric.section, job, arguments))
        with gone_is_said():
            fabric.launch(cast(Any, _run_outside), _Call(job, arguments))
        return
    failures = multiprocessing.get_context("spawn").SimpleQueue()
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # each process would remark that all parameters are used
    try:
        with Interruption() as interruption:
            done = fabric.launch(cast(Any, _run), failures, _Call(job, arguments))
    except (ProcessRaisedException, ProcessExitedException) as error:
        if not failures.empty():
            raise failures.get() from None
        if interruption.asked:  # before the processes could save anything
            raise KeyboardInterrupt from None
        raise WorkerFailedError(f"a training process failed, and the others were stopped: {error}") from error
    finally:
        failures.close()
        for name, value in before.items():  # the next launch finds a free port of its own
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if not done:
        raise KeyboardInterrupt


class _Call:
    """A job with its arguments as one thing, which Lightning does not look into."""

    def __init__(self, job: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.job, self.arguments = job, arguments


def _run(fabric: Fabric, failures: Any, call: _Call) -> bool:
    """In a new process: whether the job came to its end."""
    finished = True
    try:
        call.job(fabric, *call.arguments)
    except KeyboardInterrupt:
        finished = False
    except HookeError as error:
        if not isinstance(error, OtherProcessError):
            failures.put(error)
        raise
    torch.distributed.destroy_process_group()  # its threads would abort a process that just ends
    Finalize(None, _leave, exitpriority=_LAST)
    return finished


def _leave() -> None:
    """End a process whose work is done and handed over at once: now and then torch's threads abort an interpreter taken down in order."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def set_threads(network: nn.Module, threads: int, devices: int = 1) -> None:
    """CPU threads of this process; see `TrainSection.threads`."""
    small = sum(parameter.numel() for parameter in network.parameters()) < _SMALL_NETWORK
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    share = int(asked) if asked.isdigit() and int(asked) else max(1, default_workers() // devices)
    torch.set_num_threads(threads or (1 if small else share))


class _AsGiven:
    """Batches and losses pass as they are: layers cast what they read, and frozen dataclasses stay whole."""

    def convert_input(self, data: Any) -> Any:
        return data

    def convert_output(self, data: Any) -> Any:
        return data


class _Mixed(_AsGiven, MixedPrecision):
    pass


class _Double(_AsGiven, DoublePrecision):
    pass
