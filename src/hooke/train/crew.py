"""Training on several machines: the processes that torchrun, or srun of SLURM, has started with the same command.

The first process does everything that one process would do: it prepares the data, keeps the run folder, measures. Whenever it comes to a
network that several processes train, it hands the job to the others, which wait for jobs and do nothing else; at the end it tells
them the folder of the run. So whatever trains networks (ensembles, the automatic choice, `refit`) works on several machines.

The folders of runs and of stores must lie where all machines see them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.environments import ClusterEnvironment, SLURMEnvironment, TorchElasticEnvironment

from hooke.core.errors import HookeError, UsageError
from hooke.core.recipe import TrainSection

_PATIENCE = timedelta(days=30)  # for the next job: preparing and measuring take as long as they take
LAUNCHERS = (
    "torchrun --nnodes {nodes} --nproc-per-node {devices} --rdzv-backend c10d --rdzv-endpoint HOST:29500 --no-python hooke fit ..., or "
    "srun --nodes {nodes} --ntasks-per-node {devices} hooke fit ..."
)


class OtherProcessError(HookeError):
    """This process stops because another one cannot go on; that one says why."""


class WorkerFailedError(HookeError):
    """One of several training processes ended before its work was done."""


@dataclass(frozen=True)
class Job:
    """What the first process hands to the others."""

    section: TrainSection
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class End:
    """The last message: the folder of the run, or that the first process failed."""

    folder: Path | None = None


_channel: Any = None  # the group of processes through which jobs are handed out; None in a process that works alone


def environment(section: TrainSection) -> ClusterEnvironment | None:
    """Whoever started the processes of a recipe from outside; None where this process starts them, or is the only one.

    Raises:
        UsageError: There are other processes than the recipe names, or several machines without a launcher.
    """
    if section.devices * section.nodes == 1:
        return None
    found: ClusterEnvironment | None = None
    if torch.distributed.is_torchelastic_launched():
        found = TorchElasticEnvironment()
    elif (
        "SLURM_STEP_ID" in os.environ and int(os.environ.get("SLURM_NTASKS", "1")) > 1
    ):  # inside srun, not in the batch script alone
        found = SLURMEnvironment(auto_requeue=False)
    if found is None and section.nodes > 1:
        how = LAUNCHERS.format(nodes=section.nodes, devices=section.devices)
        raise UsageError(f"machine.nodes={section.nodes} needs the command on every machine: {how}")
    if found is not None and found.world_size() != section.devices * section.nodes:
        raise UsageError(
            f"machine.nodes={section.nodes} times machine.devices={section.devices} are {section.devices * section.nodes} processes, "
            f"and {found.world_size()} were started"
        )
    return found


def follows(section: TrainSection) -> bool:
    """Whether this process waits for the jobs of the first one."""
    found = environment(section)
    return found is not None and found.global_rank() > 0


def is_open() -> bool:
    """Whether this process and others, which were started from outside, belong together now."""
    return _channel is not None


def hand_out(job: Job) -> None:
    """Let all other processes begin a job that this one begins too."""
    _exchange(job)


def follow(section: TrainSection, launch: Callable[[TrainSection], None], run: Callable[[Job], None]) -> Path:
    """Do the jobs of the first process until it has finished.

    Args:
        section: Of the recipe.
        launch: Joins the others.
        run: Does a job.

    Returns:
        The folder of the finished run.

    Raises:
        OtherProcessError: The first process failed, or is gone.
        KeyboardInterrupt: All were asked to stop.
    """
    with _joined(section, launch), _gone():
        while isinstance(message := _exchange(None), Job):
            run(message)
    if message.folder is None:
        raise OtherProcessError("the first process failed, and says why")
    return message.folder


@contextmanager
def leading(section: TrainSection, launch: Callable[[TrainSection], None]) -> Iterator[Callable[[Path], None]]:
    """Lead the other processes, where there are any; the block calls what it gets with the folder of the finished run."""
    if environment(section) is None:
        yield lambda folder: None
        return
    finished: list[Path] = []
    with _joined(section, launch):
        try:
            yield finished.append
        finally:
            if is_open():
                _exchange(End(finished[-1] if finished else None))


@contextmanager
def gone_is_said() -> Iterator[None]:
    """Around a job of several processes: what libraries say when another process has died, in one line.

    Raises:
        WorkerFailedError: Another process, or the network to it, is gone.
    """
    try:
        with _gone():
            yield
    except OtherProcessError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException:
        _leave()  # the others are in the middle of it: they see that this process is gone
        raise


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # NCCL raises DistError, gloo a plain RuntimeError
        if not isinstance(error, torch.distributed.DistError) and "gloo" not in str(error):
            raise
        _leave()
        raise WorkerFailedError(
            "another process of this training, or the network to it, is gone; the same command on all machines goes on from the "
            "last saved state"
        ) from error


@contextmanager
def _joined(section: TrainSection, launch: Callable[[TrainSection], None]) -> Iterator[None]:
    global _channel
    launch(section)
    _channel = torch.distributed.new_group(backend="gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        if is_open():
            _leave()
            torch.distributed.destroy_process_group()


def _leave() -> None:
    global _channel
    _channel = None


def _exchange(message: Job | End | None) -> Any:
    messages = [message]
    torch.distributed.broadcast_object_list(messages, src=0, group=_channel)
    return messages[0]
