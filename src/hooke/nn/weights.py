"""Reading network weights from safetensors; nothing in such a file is ever executed."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from hooke.core.checked import check_seal
from hooke.core.errors import DataError
from hooke.core.reading import check_safetensors, reading
from hooke.core.runs import RunFolder


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a safetensors file.

    Raises:
        DataError: It is missing or damaged.
    """
    with reading(path, "weights"):
        check_safetensors(path)
        check_seal(path)
        return load_file(path)


def load_weights(network: nn.Module, path: Path) -> None:
    """Read weights into a network of the same shape.

    Raises:
        DataError: The file is missing, damaged, or of another network; names what differs.
    """
    tensors = read_weights(path)
    expected = network.state_dict()
    missing, extra = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    shapes = [name for name in expected if name in tensors and expected[name].shape != tensors[name].shape]
    if missing or extra or shapes:
        raise DataError(
            f"{path} is of another network: missing {missing[:5]}, unknown {extra[:5]}, other shape {shapes[:5]}"
        )
    network.load_state_dict(tensors)


def encoder_weights(run: RunFolder, number: int) -> dict[str, Tensor]:
    """The best weights of the encoder of a run's member; of member `number` modulo their count.

    Raises:
        DataError: The run holds none.
    """
    members = sorted(run.path("members").glob("*/best.safetensors"))
    if not members:
        raise DataError(f"{run.folder} holds no trained weights")
    weights = read_weights(members[number % len(members)])
    return {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}
