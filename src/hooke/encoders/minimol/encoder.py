"""MiniMol's published checkpoint as an encoder: `hooke.load("minimol")`, `hooke embed minimol new.csv -o out.parquet`.

The weights (MIT licence) are not shipped with Hooke. They are looked for, in this order, in the file that is named, in the installed
package `minimol` (`pip install --no-deps minimol==1.3.5`; nothing of it is imported), in HOOKE_MIRROR/weights and in the cache folder (as the
wheel: `pip download --no-deps minimol==1.3.5`). Only the one published file is read, by its checksum, and only tensors are unpickled.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from hooke.core.cards import RemoteFile
from hooke.core.download import fetch
from hooke.core.errors import DataError
from hooke.core.paths import cache_folder, mirror_folder
from hooke.core.reading import read_bytes, read_member, reading
from hooke.core.types import Batch
from hooke.encoders import Encoder
from hooke.encoders.minimol.features import prepare_minimol
from hooke.encoders.minimol.network import MiniMol, convert
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.prepare import PreparedMolecules
from hooke.molecules.store import MoleculeStore
from hooke.version import __version__

WHEEL = RemoteFile(
    "minimol-1.3.5-py3-none-any.whl", "", "faa431c550682dfeed9f5b5503e3efef2a3d85a782afa256150449bb209f9eda",
    "weights/minimol-1.3.5-py3-none-any.whl", 19_052_293,
)  # fmt: skip
CHECKPOINT = "minimol/ckpts/minimol_v1/state_dict.pth"
CHECKPOINT_SHA256 = "a3061e1cdbbd5e544168fbf8c1e01836c8c19ac030891d495a2ae9f29cfe97a7"


@dataclass(frozen=True)
class MiniMolPreparation:
    """SMILES to MiniMol's inputs."""

    def prepare(self, smiles: Sequence[str]) -> PreparedMolecules:
        """See `encoders.minimol.features`."""
        return prepare_minimol(smiles)

    def fits(self, store: MoleculeStore) -> bool:
        """Never: stores hold other encodings."""
        return False


class LoadedMiniMol(Encoder):
    """The published network.

    Args:
        network: With its weights.
        device: Where it runs.
    """

    def __init__(self, network: MiniMol, device: torch.device | str = "cpu") -> None:
        self.network, self.device = network.to(device).eval(), torch.device(device)

    @classmethod
    def open(cls, weights: Path | None = None, device: str = "auto") -> LoadedMiniMol:
        """Load the published weights.

        Args:
            weights: The wheel or its `state_dict.pth`; None looks for them.
            device: "auto" takes a GPU if there is one, else "cpu", "cuda", "cuda:1".

        Raises:
            DataError: The weights are not to be found, damaged or others.
        """
        network = MiniMol()
        network.load_state_dict(convert(read_checkpoint(weights_file(weights))))
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(network, device)

    def __repr__(self) -> str:
        return f"LoadedMiniMol({self.width} numbers a molecule)"

    @property
    def modality(self) -> str:
        """Molecules."""
        return "molecules"

    @property
    def spec(self) -> MiniMolPreparation:
        """How SMILES become its inputs."""
        return MiniMolPreparation()

    @property
    def width(self) -> int:
        """512."""
        return MiniMol.graph_width

    @property
    def on_gpu(self) -> bool:
        """See `Encoder.on_gpu`."""
        return self.device.type != "cpu"

    @torch.no_grad()
    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """(B, 512) float32."""
        return self.network.embed(cast(MoleculeBatch, batch.to(self.device))).float().cpu().numpy()

    def stamp(self) -> dict[str, Any]:
        """What is written into every file of its embeddings."""
        versions = {"hooke-bio": __version__, "torch": torch.__version__}
        return {"run": "minimol", "model_hash": CHECKPOINT_SHA256, "data_hash": "", "versions": versions}


def weights_file(given: Path | None = None) -> Path:
    """The wheel or checkpoint.

    Raises:
        DataError: There is none, or it is damaged.
    """
    if given is not None:
        if not Path(given).is_file():
            raise DataError(f"there is no file {given}")
        return Path(given)
    spec = importlib.util.find_spec("minimol")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder).parent / CHECKPOINT).is_file():
            return path
    kept, mirror = cache_folder() / "weights", mirror_folder()
    if not (kept / WHEEL.name).exists() and not (mirror and (mirror / WHEEL.mirror_path).exists()):
        raise DataError(
            "the weights of MiniMol (MIT licence, 19 MB) are not on this machine: run `pip install --no-deps minimol==1.3.5`, or "
            f"`pip download --no-deps -d {kept} minimol==1.3.5`, or name the file with --weights"
        )
    return fetch(WHEEL, kept)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The published state dict, from the wheel or from `state_dict.pth`.

    Raises:
        DataError: It is damaged, or not the published one.
    """
    with reading(path, "MiniMol's wheel"):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                raw = read_member(wheel, wheel.getinfo(CHECKPOINT), path)
        else:
            raw = read_bytes(path)
    if hashlib.sha256(raw).hexdigest() != CHECKPOINT_SHA256:
        raise DataError(f"{path} is not the published checkpoint minimol_v1 (sha256 {CHECKPOINT_SHA256[:12]}...)")
    return restricted_load(raw)


def restricted_load(raw: bytes) -> dict[str, Tensor]:
    """Name -> tensor of a `.pth` file; whatever else it holds is refused, never run.

    Raises:
        DataError: It holds anything but named tensors.
    """
    with reading("the file of weights", "tensors"):
        found = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise DataError("the file holds more than named tensors")
    return dict(found)
