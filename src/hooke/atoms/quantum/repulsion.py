"""Electron repulsion integrals of s and p shells, kept for a self-consistent field."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.extending import intrinsic

from hooke.atoms.quantum._hermite import (
    COEFFICIENTS,
    LL,
    LS,
    PRODUCTS,
    SS,
    boys_table,
    emit_boys,
    emit_interactions,
    expansion,
    hermites,
)
from hooke.atoms.quantum._lanes import LANES, Emitter, load, spread, store

_V = 8 * LANES


def _sum(first: Any, second: Any) -> Any:
    return tuple(a + b for a, b in zip(first, second, strict=True))


@intrinsic(prefer_literal=True)
def _primitive(typingctx, bra, ket, more, p, q, centre_p, centre_q, ket_coefficients, half, table):  # type: ignore[no-untyped-def]
    """half[h][kl] += Σ_h' (Λ_h | Λ_h') E_kl^h' for one primitive pair on each side, h up to the order of the bra and `more`."""
    kinds = bra.literal_value, ket.literal_value
    above = more.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(builder)
        p, q, centre_p, centre_q, coefficients, half, table = arguments[3:]
        total = builder.fadd(p, q)
        alpha = builder.fdiv(builder.fmul(p, q), total)
        root = builder.call(builder.module.declare_intrinsic("llvm.sqrt", [total.type]), [total])
        inverse = emit.spread(builder.fdiv(ir_one(total.type), root))
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


def ir_one(kind: Any) -> Any:
    from llvmlite import ir

    return ir.Constant(kind, 1.0)


@intrinsic(prefer_literal=True)
def _complete(typingctx, bra, ket, bra_coefficients, half, block):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True, nogil=True)
def _clear(address, count):  # type: ignore[no-untyped-def]
    zero = spread(0.0)
    for number in range(count):
        store(address + _V * number, zero)


@numba.njit(cache=True, nogil=True)
def _quartet(  # type: ignore[no-untyped-def]
    bra, ket, kinds, first, exponent, centre, place, values, magnitude, table, half, block, threshold
):
    """One block of integrals, in the lanes of `block`."""
    kb, kk = kinds[bra], kinds[ket]
    products = 1 if kk == 0 else (4 if kk == 1 else 16)
    ours = 1 if kb == 0 else (4 if kb == 1 else 16)
    size = 1 if kb == 0 else (4 if kb == 1 else 10)
    nb, nk = 1 if kb == 0 else (7 if kb == 1 else 46), 1 if kk == 0 else (7 if kk == 1 else 46)
    _clear(block, ours * products)
    for i in range(first[bra], first[bra + 1]):
        _clear(half, size * products)
        any_pair = False
        at_p = centre + 3 * _V * i
        p = exponent[i]
        for j in range(first[ket], first[ket + 1]):
            if magnitude[i] * magnitude[j] < threshold:
                continue
            any_pair = True
            q = exponent[j]
            at_q = centre + 3 * _V * j
            at_e = values + _V * (place[ket] + nk * (j - first[ket]))
            if kb == 2:
                if kk == 2:
                    _primitive(2, 2, 0, p, q, at_p, at_q, at_e, half, table)
                elif kk == 1:
                    _primitive(2, 1, 0, p, q, at_p, at_q, at_e, half, table)
                else:
                    _primitive(2, 0, 0, p, q, at_p, at_q, at_e, half, table)
            elif kb == 1:
                if kk == 1:
                    _primitive(1, 1, 0, p, q, at_p, at_q, at_e, half, table)
                else:
                    _primitive(1, 0, 0, p, q, at_p, at_q, at_e, half, table)
            else:
                _primitive(0, 0, 0, p, q, at_p, at_q, at_e, half, table)
        if not any_pair:
            continue
        at_b = values + _V * (place[bra] + nb * (i - first[bra]))
        if kb == 2:
            if kk == 2:
                _complete(2, 2, at_b, half, block)
            elif kk == 1:
                _complete(2, 1, at_b, half, block)
            else:
                _complete(2, 0, at_b, half, block)
        elif kb == 1:
            if kk == 1:
                _complete(1, 1, at_b, half, block)
            else:
                _complete(1, 0, at_b, half, block)
        else:
            _complete(0, 0, at_b, half, block)
    return ours * products


@numba.njit(cache=True, nogil=True)
def _all_quartets(kinds, first, exponent, centre, place, values, magnitude, table, threshold, out):  # type: ignore[no-untyped-def]
    half, block = np.empty((160, 8)), np.empty((256, 8))
    at_half, at_block = half.ctypes.data, block.ctypes.data
    at_centre, at_values, at_table = centre.ctypes.data, values.ctypes.data, table.ctypes.data
    lanes = out.shape[1]
    offset = 0
    for bra in range(len(kinds)):
        for ket in range(bra, len(kinds)):
            size = _quartet(
                bra, ket, kinds, first, exponent, at_centre, place, at_values, magnitude, at_table, at_half, at_block, threshold
            )
            for number in range(size):
                for lane in range(lanes):
                    out[offset + number, lane] = block[number, lane]
            offset += size
    return offset + 0 * (half.size + block.size + centre.size + values.size + table.size)


def integrals(pairs, threshold=1e-15, lanes=8):
    sizes = np.array(PRODUCTS)[pairs.kind]
    total = int((np.cumsum(sizes[::-1])[::-1] * sizes).sum())
    out = np.empty((total, lanes))
    _all_quartets(pairs.kind, pairs.first, pairs.exponent, pairs.centre, pairs.place, pairs.repelling, pairs.magnitude, boys_table(), threshold, out)
    return out
