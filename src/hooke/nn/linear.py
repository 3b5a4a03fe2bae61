"""Linear layers by the faster of the two matrix libraries that torch has on a CPU.

torch multiplies float32 matrices with MKL, which runs at half its rate where a width is no multiple of 32 (300, say); oneDNN, in the same
wheel, does not, but only a private operator of torch leads to it. It is therefore used only on a processor where it was verified (against
float64) and found faster. That is measured once a machine and kept in the cache folder, and a training that goes on after a kill takes what
it began with: results never depend on a clock that is read twice.
"""

from __future__ import annotations

import functools
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.files import write_durably
from hooke.core.json_text import json_text
from hooke.core.paths import cache_folder

LEAST_ROWS, LEAST_WIDTH = 256, 64  # below them MKL is as fast
TOLERANCE = 1e-5  # largest difference from float64, in units of the largest number
_MEASURED = (2048, 300, 300)
_ROUNDS = 7
_MARGIN = 1.1  # times as fast as MKL that oneDNN must be
_chosen: bool | None = None
_modes: Callable[[], int] | None = getattr(
    torch._C, "_len_torch_dispatch_stack", None
)  # that count or replace operations


def chosen() -> bool:
    """Whether oneDNN multiplies, in this process."""
    global _chosen
    if _chosen is None:
        _chosen = available() and _measured(cache_folder() / "products.json")
    return _chosen


def choose(one_dnn: bool) -> None:
    """Let this process multiply as another did, as far as that is possible here."""
    global _chosen
    _chosen = one_dnn and available()


@functools.cache
def available() -> bool:
    """Whether torch has the operator and it multiplies right: with and without bias, transposed, odd and even widths.

    It must also give the same bits each time.
    """
    if _modes is None or not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):
        return False
    generator = torch.Generator().manual_seed(0)
    for rows, before, after in ((1, 64, 65), (257, 300, 300), (300, 129, 64), (513, 96, 320)):
        given = torch.randn(rows, before, generator=generator)
        weight, bias = torch.randn(after, before, generator=generator), torch.randn(after, generator=generator)
        for matrix, addend in ((weight, bias), (weight, None), (weight.t().contiguous().t(), bias)):
            try:
                product, again = _one_dnn(given, matrix, addend), _one_dnn(given, matrix, addend)
            except (AttributeError, RuntimeError):  # no such operator, or not with these arguments
                return False
            exact = functional.linear(given.double(), matrix.double(), None if addend is None else addend.double())
            if product.shape != exact.shape or not torch.equal(product, again):
                return False
            if not (product - exact).abs().max() <= TOLERANCE * exact.abs().max():
                return False
    return True


def _one_dnn(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")


def _measured(path: Path) -> bool:
    """Whether oneDNN was faster on this processor, from the file of an earlier measurement if there is one; else it is made now.

    Without a file to keep it in, MKL multiplies: another process could measure otherwise.
    """
    key = f"{_processor()}, torch {torch.__version__}"
    try:
        known = json.loads(path.read_bytes()) if path.exists() else {}
        if key not in known:
            known[key] = {"times_as_fast": round(times_as_fast(), 2)}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, json_text(known, indent=1).encode())
        return float(known[key]["times_as_fast"]) >= _MARGIN
    except (OSError, ValueError, TypeError, KeyError):
        return False


def times_as_fast() -> float:
    """How many times as fast as MKL oneDNN is, by the time of this thread: the median over pairs in turns."""
    rows, before, after = _MEASURED
    generator = torch.Generator().manual_seed(0)  # that of training is left as it is
    given, weight = torch.randn(rows, before, generator=generator), torch.randn(after, before, generator=generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratios = []
        for _ in range(_ROUNDS + 1):  # the first warms up
            own = _seconds(lambda: _one_dnn(given, weight, None))
            ratios.append(_seconds(lambda: functional.linear(given, weight)) / own)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(ratios[1:])


def _seconds(work: Callable[[], Any]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _processor() -> str:
    """The model of the processor, and what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    names = [fields[name] for name in ("vendor_id", "cpu family", "model", "model name") if name in fields]
    return " ".join([*(names or [platform.processor() or platform.machine()]), torch.backends.cpu.get_cpu_capability()])


class _Product(torch.autograd.Function):
    """x Wᵀ + b with oneDNN, and the gradient of x; that of W is as fast with MKL."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return _one_dnn(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        to_rows, to_weight, to_bias = ctx.needs_input_grad
        return (
            linear(grad, weight.t()) if to_rows else None,
            grad.t() @ rows if to_weight else None,
            grad.sum(0) if to_bias else None,
        )


def linear(
    rows: Float[Tensor, "*rows before"],
    weight: Float[Tensor, "after before"],
    bias: Float[Tensor, " after"] | None = None,
) -> Float[Tensor, "*rows after"]:
    """The rows times Wᵀ, plus b."""
    if not _applies(rows, weight):
        return functional.linear(rows, weight, bias)
    needs_gradient = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in (rows, weight, bias)
    )
    return _Product.apply(rows, weight, bias) if needs_gradient else _one_dnn(rows, weight, bias)


def _applies(rows: Tensor, weight: Tensor) -> bool:
    """Plain float32 matrices on the CPU, large enough, outside of autocast and compilation."""
    return (
        rows.dim() == 2
        and len(rows) >= LEAST_ROWS
        and min(weight.shape) >= LEAST_WIDTH
        and rows.dtype == weight.dtype == torch.float32
        and rows.device.type == weight.device.type == "cpu"
        and type(rows) is Tensor
        and type(weight) in (Tensor, nn.Parameter)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and chosen()
        and not (_modes and _modes())
    )


class Linear(nn.Linear):
    """`torch.nn.Linear`, with the same weights and names of weights, through `linear`."""

    def forward(self, rows: Float[Tensor, "*rows before"]) -> Float[Tensor, "*rows after"]:
        """The rows times Wᵀ, plus b."""
        return linear(rows, self.weight, self.bias)
