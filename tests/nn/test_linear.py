"""Linear layers by either library: the same numbers and gradients, chosen once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from hooke.nn import linear as module
from hooke.nn.linear import Linear, available, choose, chosen, linear


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_chosen", module._chosen)


@pytest.fixture(params=[True, False], ids=["oneDNN", "MKL"])
def library(request: pytest.FixtureRequest) -> bool:
    choose(request.param)
    if request.param and not chosen():
        pytest.skip("this torch has no such operator")
    return bool(request.param)


@pytest.mark.parametrize("biased", [True, False])
def test_equals_float64_with_gradients(library: bool, biased: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(300, 130), (70, 130), *([(70,)] if biased else [])]
    given = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    weights = torch.randn(300, 70, generator=generator)
    result, expected = linear(*given), functional.linear(*exact)
    with torch.no_grad():
        assert torch.equal(linear(*given), result)
    gradients = torch.autograd.grad((result * weights).sum(), given)
    exact_gradients = torch.autograd.grad((expected * weights).sum(), exact)
    for first, second in zip([result, *gradients], [expected, *exact_gradients], strict=True):
        assert (first - second).abs().max() <= 2e-6 * second.abs().max()


def test_gradients_of_gradients(library: bool) -> None:
    rows, weight = torch.randn(300, 70, requires_grad=True), torch.randn(80, 70, requires_grad=True)
    (to_rows,) = torch.autograd.grad(linear(rows, weight).sum(), rows, create_graph=True)
    (result,) = torch.autograd.grad(to_rows.square().sum(), weight)
    expected = 2 * 300 * weight.detach().sum(0).expand(80, 70)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-2)


def test_everything_else_takes_the_plain_way() -> None:
    layer = Linear(3, 2)
    assert torch.equal(layer(torch.ones(4, 5, 3)), functional.linear(torch.ones(4, 5, 3), layer.weight, layer.bias))
    wide = Linear(100, 100).double()
    assert wide(torch.ones(500, 100, dtype=torch.float64)).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert Linear(100, 100)(torch.ones(500, 100)).dtype == torch.bfloat16


def test_it_is_measured_once_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    available.cache_clear()
    for speed, expected in ((1.5, True), (1.05, False)):
        monkeypatch.setattr(module, "_chosen", None)
        monkeypatch.setattr(module, "available", lambda: True)
        monkeypatch.setattr(module, "times_as_fast", lambda speed=speed: speed)
        assert chosen() is expected
        [(processor, entry)] = json.loads((tmp_path / "products.json").read_bytes()).items()
        assert torch.__version__ in processor
        assert entry == {"times_as_fast": speed}
        monkeypatch.setattr(module, "times_as_fast", lambda speed=speed: 3 - speed)
        monkeypatch.setattr(module, "_chosen", None)
        assert chosen() is expected  # another measurement would say otherwise
        (tmp_path / "products.json").unlink()


def test_what_cannot_be_kept_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "products.json").write_text("[1")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "available", lambda: True)
    monkeypatch.setattr(module, "_chosen", None)
    assert not chosen()


def test_a_wrong_or_missing_operator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = functional.linear

    def missing(*arguments: object) -> torch.Tensor:
        raise RuntimeError("no such operator")

    for operator in (lambda rows, weight, bias: right(rows, weight, bias) * 1.001, missing):
        available.cache_clear()
        monkeypatch.setattr(module, "_one_dnn", operator)
        assert not available()
    monkeypatch.undo()
    available.cache_clear()
