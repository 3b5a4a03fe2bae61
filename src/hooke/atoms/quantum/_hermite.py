"""What two shells of s and p functions are made of: Hermite Gaussians, and Coulomb interactions between these; emitted unrolled for eight lanes.

    a_i(r - A) b_j(r - B) = Σ_h E_ij^h Λ_h(r - P),    Λ_tuv = (∂/∂P_x)^t (∂/∂P_y)^u (∂/∂P_z)^v exp(-p |r - P|²)
    (Λ_h | Λ_h') = (-1)^|h'| 2π^(5/2) / (p q √(p + q)) R_(h + h'),    R_tuv = (∂/∂X)^t (∂/∂Y)^u (∂/∂Z)^v F_0(α |P - Q|²),   α = p q / (p + q)

An L shell is an s and three p functions of the same exponents. F_m is Boys' function: by Taylor series from a table below `LARGEST`, by its
asymptote above.

Source: McMurchie and Davidson 1978 (doi:10.1016/0021-9991(78)90092-X).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import extending, types
from scipy import special

from hooke.atoms.quantum._lanes import LANES, VECTOR, Emitter

intrinsic: Any = extending.intrinsic
SS, LS, LL = range(3)  # kinds of pairs of shells; the shell with p functions comes first
Hermite = tuple[int, int, int]
PRODUCTS = (1, 4, 16)  # pairs of functions
STEPS, LARGEST, TERMS, MOST = (
    32,
    45,
    6,
    6,
)  # of the table: rows per unit, its end, terms of the series, highest order of F
ROW = MOST + TERMS


@cache
def boys_table() -> np.ndarray:
    """(rows, ROW) F_m(T) at T = row / STEPS."""
    points = np.arange(STEPS * LARGEST + 2)[:, None] / STEPS
    order = np.arange(ROW) + 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        values = special.gamma(order) * special.gammainc(order, points) / (2 * points**order)
    table = np.where(points < 2, _series(points, order - 0.5), values)
    return np.ascontiguousarray(table)


def _series(points: np.ndarray, order: np.ndarray) -> np.ndarray:
    """exp(-T) Σ_k (2T)^k / ((2m + 1) (2m + 3) ... (2m + 2k + 1)), which converges for small T."""
    term = np.ones((1, len(order))) / (2 * order + 1) * np.exp(-points)
    total = term
    for k in range(1, 60):
        term = term * 2 * points / (2 * order + 2 * k + 1)
        total = total + term
    return total


def hermites(order: int) -> list[Hermite]:
    """All (t, u, v) up to an order, lower ones first."""
    along = range(order + 1)
    every = [(t, u, v) for t, u, v in product(along, along, along) if t + u + v <= order]
    return sorted(every, key=lambda h: (sum(h), [-each for each in h]))


@cache
def expansion(kind: int) -> tuple[tuple[tuple[Hermite, int], ...], ...]:
    """Of each pair of functions the Hermite Gaussians that it holds, with the places of their coefficients."""
    places = []
    count = 0
    for first, second in product(range(4 if kind else 1), range(4 if kind == LL else 1)):
        holds = []
        for along_first, along_second in product(range(2 if first else 1), range(2 if second else 1)):
            h = [0, 0, 0]
            if first:
                h[first - 1] += along_first
            if second:
                h[second - 1] += along_second
            holds.append((h[0], h[1], h[2]))
        own = []
        for each in dict.fromkeys(holds):
            own.append((each, count))
            count += 1
        places.append(tuple(own))
    return tuple(places)


COEFFICIENTS = tuple(sum(map(len, expansion(kind))) for kind in (SS, LS, LL))  # 1, 7, 46


def emit_boys(emit: Emitter, argument: Any, order: int, table: Any) -> list[Any]:
    """F_0 ... F_order of eight arguments; `table` is the address of `boys_table`."""
    builder = emit.builder
    small = builder.fcmp_ordered("<", argument, emit.number(float(LARGEST)))
    bits = builder.bitcast(small, ir.IntType(LANES))
    before = builder.block
    zero = emit.number(0.0)
    with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))):
        near = _from_table(emit, builder.select(small, argument, emit.number(float(LARGEST))), order, table)
        inside = builder.block
    near = [_either(builder, zero, before, value, inside) for value in near]
    before = builder.block
    with builder.if_then(builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 2**LANES - 1))):
        far = _asymptote(emit, builder.select(small, emit.number(float(LARGEST)), argument), order)
        inside = builder.block
    far = [_either(builder, zero, before, value, inside) for value in far]
    return [builder.select(small, first, second) for first, second in zip(near, far, strict=True)]


def _either(builder: Any, skipped: Any, before: Any, value: Any, inside: Any) -> Any:
    phi = builder.phi(VECTOR)
    phi.add_incoming(skipped, before)
    phi.add_incoming(value, inside)
    return phi


def _from_table(emit: Emitter, argument: Any, order: int, table: Any) -> list[Any]:
    builder = emit.builder
    integers = ir.VectorType(ir.IntType(64), LANES)
    row = builder.fptosi(emit.fma(argument, emit.number(float(STEPS)), emit.number(0.5)), integers)
    step = emit.sub(emit.mul(builder.sitofp(row, VECTOR), emit.number(1 / STEPS)), argument)
    base = ir.Constant(ir.IntType(32), 0)
    start = builder.insert_element(ir.Constant(integers, ir.Undefined), table, base)
    start = builder.shuffle_vector(
        start, ir.Constant(integers, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )
    address = builder.add(start, builder.mul(row, ir.Constant(integers, [8 * ROW] * LANES)))
    column = [_gather(emit, address, number) for number in range(order + TERMS)]
    powers = [step]
    for k in range(2, TERMS):
        powers.append(emit.mul(emit.mul(powers[-1], step), emit.number(1 / k)))
    values = []
    for m in range(order + 1):
        value = column[m]
        for k, power in enumerate(powers, start=1):
            value = emit.fma(power, column[m + k], value)
        values.append(value)
    return values


def _gather(emit: Emitter, address: Any, offset: int) -> Any:
    builder = emit.builder
    integers = ir.VectorType(ir.IntType(64), LANES)
    pointers = ir.VectorType(ir.DoubleType().as_pointer(), LANES)
    places = builder.inttoptr(builder.add(address, ir.Constant(integers, [8 * offset] * LANES)), pointers)
    everywhere = ir.Constant(ir.VectorType(ir.IntType(1), LANES), [1] * LANES)
    name = f"llvm.masked.gather.v{LANES}f64.v{LANES}p0"
    return emit.call(
        name, VECTOR, [places, ir.Constant(ir.IntType(32), 8), everywhere, ir.Constant(VECTOR, ir.Undefined)]
    )


def _asymptote(emit: Emitter, argument: Any, order: int) -> list[Any]:
    builder = emit.builder
    inverse = builder.fdiv(emit.number(1.0), argument)
    values = [emit.sqrt(emit.mul(inverse, emit.number(np.pi / 4)))]
    for m in range(order):
        values.append(emit.mul(values[-1], emit.mul(inverse, emit.number(m + 0.5))))
    return values


def emit_interactions(
    emit: Emitter, boys: Sequence[Any], minus_two_alpha: Any, apart: Sequence[Any]
) -> Mapping[Hermite, Any]:
    """R_tuv up to the order of the last Boys function.

    Args:
        emit: Where to.
        boys: F_0 ..., each times what multiplies all of R.
        minus_two_alpha: -2α in all lanes.
        apart: P - Q.
    """
    order = len(boys) - 1
    scaled, power = [boys[0]], None
    for m in range(1, order + 1):
        power = minus_two_alpha if power is None else emit.mul(power, minus_two_alpha)
        scaled.append(emit.mul(boys[m], power))
    known: dict[tuple[int, Hermite], Any] = {(m, (0, 0, 0)): value for m, value in enumerate(scaled)}

    def interaction(m: int, h: Hermite) -> Any:
        if (m, h) not in known:
            axis = max(
                range(3), key=lambda each: (h[each] == 1, h[each] > 0, each)
            )  # an axis of one step needs one term
            below = tuple(each - (number == axis) for number, each in enumerate(h))
            value = emit.mul(apart[axis], interaction(m + 1, below))  # type: ignore[arg-type]
            if h[axis] > 1:
                lower = tuple(each - 2 * (number == axis) for number, each in enumerate(h))
                other = interaction(m + 1, lower)  # type: ignore[arg-type]
                other = other if h[axis] == 2 else emit.mul(other, emit.number(float(h[axis] - 1)))
                value = emit.add(value, other)
            known[m, h] = value
        return known[m, h]

    return {h: interaction(0, h) for h in hermites(order)}


def _sum(first: Any, second: Any) -> Any:
    return tuple(a + b for a, b in zip(first, second, strict=True))


@intrinsic(prefer_literal=True)
def interact(typingctx, bra, ket, more, p, q, centre_p, centre_q, ket_coefficients, half, table):  # type: ignore[no-untyped-def]
    """half[h][kl] += Σ_h' (Λ_h | Λ_h') E_kl^h' for one primitive pair on each side, h up to the order of the bra and `more`."""
    kinds = bra.literal_value, ket.literal_value
    above = more.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(builder)
        p, q, centre_p, centre_q, coefficients, half, table = arguments[3:]
        total = builder.fadd(p, q)
        alpha = builder.fdiv(builder.fmul(p, q), total)
        root = builder.call(builder.module.declare_intrinsic("llvm.sqrt", [total.type]), [total])
        inverse = emit.spread(builder.fdiv(ir.Constant(total.type, 1.0), root))
        alphas = emit.spread(alpha)
        apart = [emit.sub(emit.load(centre_p, axis), emit.load(centre_q, axis)) for axis in range(3)]
        square = emit.mul(apart[0], apart[0])
        for axis in (1, 2):
            square = emit.fma(apart[axis], apart[axis], square)
        order = kinds[0] + kinds[1] + above
        boys = [emit.mul(inverse, each) for each in emit_boys(emit, emit.mul(alphas, square), order, table)]
        interaction = emit_interactions(emit, boys, emit.mul(alphas, emit.number(-2.0)), apart)
        products = expansion(kinds[1])
        values = [emit.load(coefficients, place) for place in range(COEFFICIENTS[kinds[1]])]
        place = 0
        for h in hermites(kinds[0] + above):
            for holds in products:
                value = emit.load(half, place)
                for other, number in holds:
                    factor = interaction[_sum(h, other)]
                    if sum(other) % 2:
                        factor = builder.fneg(factor)
                    value = emit.fma(factor, values[number], value)
                emit.store(value, half, place)
                place += 1
        return context.get_dummy_value()

    signature = types.void(bra, ket, more, types.float64, types.float64, *[types.intp] * 5)
    return signature, codegen


@intrinsic(prefer_literal=True)
def complete(typingctx, bra, ket, bra_coefficients, half, block):  # type: ignore[no-untyped-def]
    """block[ij][kl] += Σ_h E_ij^h half[h][kl]."""
    kinds = bra.literal_value, ket.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(builder)
        coefficients, half, block = arguments[2:]
        number_of = {h: place for place, h in enumerate(hermites(kinds[0]))}
        count = PRODUCTS[kinds[1]]
        for ij, holds in enumerate(expansion(kinds[0])):
            factors = [(number_of[h], emit.load(coefficients, place)) for h, place in holds]
            for kl in range(count):
                value = emit.load(block, ij * count + kl)
                for h, factor in factors:
                    value = emit.fma(factor, emit.load(half, h * count + kl), value)
                emit.store(value, block, ij * count + kl)
        return context.get_dummy_value()

    return types.void(bra, ket, types.intp, types.intp, types.intp), codegen


@intrinsic(prefer_literal=True)
def push(typingctx, bra, ket, coefficients, slopes, half, weights, along):  # type: ignore[no-untyped-def]
    """Derivatives of Σ_ij,kl weights[ij][kl] (ij|kl) for one primitive pair of the bra, added to along[2][3].

    First Σ E_ij^h half[h + 1_x][kl], that by the product's centre; then Σ (∂E_ij^h / ∂X) half[h][kl], that by the distance of the two centres.
    `slopes` are the derivatives of each coefficient along x, y and z.
    """
    kinds = bra.literal_value, ket.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(builder)
        coefficients, slopes, half, weights, along = arguments[2:]
        number_of = {h: place for place, h in enumerate(hermites(kinds[0] + 1))}
        count = PRODUCTS[kinds[1]]
        zero = emit.number(0.0)
        by_centre, by_distance = [zero] * 3, [zero] * 3
        for ij, holds in enumerate(expansion(kinds[0])):
            rows = [emit.load(weights, ij * count + kl) for kl in range(count)]
            for h, place in holds:
                steps = [h] + [tuple(each + (axis == number) for number, each in enumerate(h)) for axis in range(3)]
                sums = [zero] * 4
                for kl in range(count):
                    for number, step in enumerate(steps):
                        value = emit.load(half, number_of[step] * count + kl)  # type: ignore[index]
                        sums[number] = emit.fma(rows[kl], value, sums[number])
                coefficient = emit.load(coefficients, place)
                for axis in range(3):
                    by_centre[axis] = emit.fma(coefficient, sums[1 + axis], by_centre[axis])
                    by_distance[axis] = emit.fma(emit.load(slopes, 3 * place + axis), sums[0], by_distance[axis])
        for axis in range(3):
            emit.store(emit.add(emit.load(along, axis), by_centre[axis]), along, axis)
            emit.store(emit.add(emit.load(along, 3 + axis), by_distance[axis]), along, 3 + axis)
        return context.get_dummy_value()

    return types.void(bra, ket, *[types.intp] * 5), codegen
