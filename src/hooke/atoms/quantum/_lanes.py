"""Eight float64 numbers side by side as a type of numba: one conformer in each lane, one instruction for all of them.

LLVM does not find vectors of eight in loops over the last axis of small arrays, where nothing says that two arrays do not overlap. Here they are
values: loaded from an address, added and multiplied in registers, stored. `Emitter` writes longer stretches of them, unrolled, from Python loops
at compile time.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import extending, types
from numba.core.extending import models, overload, register_model

intrinsic: Any = extending.intrinsic
LANES = 8
_DOUBLE, _INT = ir.DoubleType(), ir.IntType(64)
VECTOR = ir.VectorType(_DOUBLE, LANES)
BYTES = 8 * LANES  # of a vector


class LanesType(types.Type):
    """Of eight lanes."""

    def __init__(self) -> None:
        super().__init__(name="Lanes8")


LANES_TYPE = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


class Emitter:
    """Writes instructions on vectors; contraction to fused multiply-add is allowed, reordering is not."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def number(self, value: float) -> Any:
        """A constant in all lanes."""
        return ir.Constant(VECTOR, [value] * LANES)

    def spread(self, value: Any) -> Any:
        """A float64 in all lanes."""
        one = self.builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(
            one, ir.Constant(VECTOR, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    def add(self, first: Any, second: Any) -> Any:
        """Sum."""
        return self.builder.fadd(first, second, flags=("contract",))

    def sub(self, first: Any, second: Any) -> Any:
        """Difference."""
        return self.builder.fsub(first, second, flags=("contract",))

    def mul(self, first: Any, second: Any) -> Any:
        """Product."""
        return self.builder.fmul(first, second, flags=("contract",))

    def fma(self, first: Any, second: Any, third: Any) -> Any:
        """First · second + third."""
        return self.add(self.mul(first, second), third)

    def sqrt(self, value: Any) -> Any:
        """Square root."""
        return self.call(f"llvm.sqrt.v{LANES}f64", VECTOR, [value])

    def call(self, name: str, kind: Any, arguments: Sequence[Any]) -> Any:
        """An intrinsic of LLVM by its full name."""
        module = self.builder.module
        types_of = ir.FunctionType(kind, [each.type for each in arguments])
        return self.builder.call(module.globals.get(name) or ir.Function(module, types_of, name), arguments)

    def pointer(self, address: Any, offset: int = 0) -> Any:
        """Of the vector `offset` vectors after an address."""
        if offset:
            address = self.builder.add(address, ir.Constant(_INT, offset * BYTES))
        return self.builder.inttoptr(address, VECTOR.as_pointer())

    def load(self, address: Any, offset: int = 0) -> Any:
        """The vector there."""
        return self.builder.load(self.pointer(address, offset), align=8)

    def store(self, value: Any, address: Any, offset: int = 0) -> None:
        """Write the vector there."""
        self.builder.store(value, self.pointer(address, offset), align=8)


@intrinsic
def load(typingctx: Any, address: Any) -> Any:
    """The eight numbers at an address."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(builder).load(arguments[0])

    return LANES_TYPE(types.intp), codegen


@intrinsic
def store(typingctx: Any, address: Any, value: Any) -> Any:
    """Write eight numbers at an address."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        Emitter(builder).store(arguments[1], arguments[0])
        return context.get_dummy_value()

    return types.void(types.intp, LANES_TYPE), codegen


@intrinsic
def spread(typingctx: Any, value: Any) -> Any:
    """A number in all lanes."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(builder).spread(arguments[0])

    return LANES_TYPE(types.float64), codegen


def _operation(name: str) -> Any:
    @intrinsic
    def apply(typingctx: Any, first: Any, second: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(Emitter(builder), name)(*arguments)

        return LANES_TYPE(LANES_TYPE, LANES_TYPE), codegen

    return apply


_add, _sub, _mul = (_operation(name) for name in ("add", "sub", "mul"))


def _overload(symbol: Any, apply: Any) -> None:
    @overload(symbol)
    def operation(first, second):  # type: ignore[no-untyped-def]
        if isinstance(first, LanesType) and isinstance(second, LanesType):
            return lambda first, second: apply(first, second)
        if isinstance(first, LanesType) and isinstance(second, types.Float):
            return lambda first, second: apply(first, spread(second))
        if isinstance(second, LanesType) and isinstance(first, types.Float):
            return lambda first, second: apply(spread(first), second)
        return None


for _symbol, _apply in ((operator.add, _add), (operator.sub, _sub), (operator.mul, _mul)):
    _overload(_symbol, _apply)
