"""A finished image run as an encoder, rebuilt from the run folder alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.recipe import model_domain
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.images.spec import ImageSpec
from hooke.images.store import ImageStore
from hooke.inference.image_network import build_image_network, read_image_spec, spec_file
from hooke.nn.weights import load_weights


class ImageEncoder(Protocol):
    """What `embed_wells` needs: a finished run, or published weights."""

    @property
    def network(self) -> Any:
        """With `embed(batch, block=)`."""

    @property
    def crop(self) -> int:
        """Side of the crops that it was trained on; 0 for whole fields."""

    @property
    def model_hash(self) -> str:
        """Of all that an embedding depends on."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    def channels_of(self, store: ImageStore) -> tuple[str, ...]:
        """What it reads of a store."""

    def stamp(self) -> dict[str, Any]:
        """What is written into every file that it makes."""


@dataclass(frozen=True)
class LoadedImageRun:
    """What `embed_wells` and `probe_blocks` need of a run.

    Attributes:
        run: The run folder.
        network: Its encoder with what the objective added; of the first member.
        spec: What it was made for.
        crop: Side of the crops that it was trained on; 0 for whole fields.
        model_hash: Of all that an embedding depends on.
        device: Where it runs.
    """

    run: RunFolder
    network: Any
    spec: ImageSpec
    crop: int
    model_hash: str
    device: torch.device

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> LoadedImageRun:
        """Load a run; a folder of runs stands for its newest finished one.

        Args:
            folder: What `hooke fit` printed.
            device: "auto" takes a GPU if there is one, else "cpu", "cuda", "cuda:1".

        Raises:
            DataError: No run, not finished, damaged, or about something else than images.
        """
        run = RunFolder.open(folder)
        if run.info["status"] != "finished":
            raise DataError(f"{run.folder} is not finished ({run.info['status']}); `hooke resume {run.folder}` ends it")
        if run_domain(run) != "images":
            raise DataError(f"{run.folder} is a run on {run_domain(run)}, not on images")
        network, spec = _network(run)
        part = "refit" if run.path("refit").is_dir() else "members"
        weights = run.path(f"{part}/0/best.safetensors")
        load_weights(network, weights)
        sections = {name: run.recipe[name] for name in ("model", "task")}
        digest = content_hash([sections, run.read_json(spec_file(run)), file_sha256(weights)])
        return cls(run, network.eval(), spec, int(run.recipe["images"]["crop"]), digest, torch.device("cpu")).to(device)

    def to(self, device: str) -> LoadedImageRun:
        """The same on a device; "auto" takes a GPU if there is one."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return replace(self, network=self.network.to(device), device=torch.device(device))

    def untrained(self, seed: int = 0) -> LoadedImageRun:
        """The same encoder with random weights: a row that every table of encoders should have."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network, _ = _network(self.run)
        digest = content_hash([self.model_hash, "untrained", seed])
        return replace(self, network=network.eval().to(self.device), model_hash=digest)

    @property
    def blocks(self) -> int:
        """Blocks of the encoder that `block=` can name."""
        return int(self.network.encoder.blocks)

    def channels_of(self, store: ImageStore) -> tuple[str, ...]:
        """What the encoder reads of a store: all channels when it takes any, else its own.

        Raises:
            UnknownNameError: The store lacks a channel of an encoder that takes its own only.
        """
        if self.network.encoder.agnostic:
            return store.channels
        store.channel_numbers(self.spec.channels)
        return self.spec.channels

    def stamp(self) -> dict[str, Any]:
        """What is written into every file that the run makes."""
        info = self.run.info
        return {
            "run": self.run.folder.name, "model_hash": self.model_hash, "data_hash": info["data_hash"],
            "versions": info["versions"],
        }  # fmt: skip


def run_domain(run: RunFolder) -> str:
    """What a run is about: "molecules" or "images"."""
    return model_domain(run.recipe["model"]["name"])


def _network(run: RunFolder) -> tuple[nn.Module, ImageSpec]:
    recipe, spec = run.recipe, read_image_spec(run)
    names = {kind: recipe[kind]["name"] for kind in ("task", "model")}
    try:
        task, model = (
            build(
                registry.module(f"{kind}s", names[kind]).Config,
                {key: value for key, value in recipe[kind].items() if key != "name"},
                kind,
            )
            for kind in ("task", "model")
        )
    except UsageError as error:
        made = run.info["versions"].get("hooke-bio")
        raise DataError(f"{run.folder} was made by Hooke {made}, which this Hooke cannot read: {error}") from error
    return build_image_network(names["task"], task, names["model"], model, spec)[0], spec
