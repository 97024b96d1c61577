"""Eight float64 lanes as one value for numba: explicit SIMD, one network a lane.

One network of ten samples is too small to fill a vector unit, and a compiler cannot prove that its arrays do not overlap.
Here each lane belongs to a network of its own, arrays hold the lanes of one quantity side by side (`array[quantity * LANES +
lane]`, flat), and every operation acts on all lanes alike: a lane's bits do not depend on what its neighbours hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_INDEX = ir.IntType(32)


class Lanes(types.Type):
    """The type of eight lanes in compiled code."""

    def __init__(self) -> None:
        super().__init__(name=f"float64x{LANES}")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Lanes) -> None:
        super().__init__(manager, type_, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def load(typing, array, index):
    """Return array[index : index + LANES] of a flat contiguous float64 array."""

    def generate(context, builder, signature, arguments):
        return builder.load(_address(context, builder, signature.args[0], *arguments), align=8)

    return lanes(array, types.intp), generate


@intrinsic
def store(typing, array, index, value):
    """Set array[index : index + LANES] = value."""

    def generate(context, builder, signature, arguments):
        array, index, value = arguments
        builder.store(value, _address(context, builder, signature.args[0], array, index), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def fma(typing, a, b, c):
    """Return a · b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f64"), arguments)

    return lanes(lanes, lanes, lanes), generate


@intrinsic
def mul(typing, a, b):
    """Return a · b."""
    return lanes(lanes, lanes), lambda context, builder, signature, arguments: builder.fmul(*arguments)


@intrinsic
def add(typing, a, b):
    """Return a + b."""
    return lanes(lanes, lanes), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@intrinsic
def sub(typing, a, b):
    """Return a − b."""
    return lanes(lanes, lanes), lambda context, builder, signature, arguments: builder.fsub(*arguments)


@intrinsic
def zero(typing):
    """Return zero in every lane."""
    return lanes(), lambda context, builder, signature, arguments: ir.Constant(_VECTOR, [0.0] * LANES)


@intrinsic
def div(typing, a, b):
    """Return a / b."""
    return lanes(lanes, lanes), lambda context, builder, signature, arguments: builder.fdiv(*arguments)


@intrinsic
def sqrt(typing, a):
    """Return √a."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f64"), arguments)

    return lanes(lanes), generate


def _filled(builder: Any, value: Any) -> Any:
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_INDEX, 0))
    mask = ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), mask)


@intrinsic
def fill(typing, a):
    """Return the same number in every lane."""

    return lanes(types.float64), lambda context, builder, signature, arguments: _filled(builder, arguments[0])


def _where(condition: str) -> Any:
    """Return (a, b, x, y) -> x in the lanes where the condition holds for a and b, y in the others."""

    def generate(context, builder, signature, arguments):
        a, b, x, y = arguments
        return builder.select(builder.fcmp_ordered(condition, a, b), x, y)

    return lanes(lanes, lanes, lanes, lanes), generate


@intrinsic
def where_less(typing, a, b, x, y):
    """Return x where a < b, else y (also where a or b is NaN)."""
    return _where("<")


@intrinsic
def where_equal(typing, a, b, x, y):
    """Return x where a = b, else y."""
    return _where("==")


def _any(builder: Any, lanes_of_truth: Any) -> Any:
    bits = builder.bitcast(lanes_of_truth, ir.IntType(LANES))
    return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))


@intrinsic
def any_at_most(typing, a, b):
    """Return whether a ≤ b in any lane."""

    def generate(context, builder, signature, arguments):
        return _any(builder, builder.fcmp_ordered("<=", *arguments))

    return types.boolean(lanes, lanes), generate


@intrinsic
def any_not_at_most(typing, a, b):
    """Return whether a ≤ b fails in any lane; it does where a is NaN."""

    def generate(context, builder, signature, arguments):
        return _any(builder, builder.fcmp_unordered(">", *arguments))

    return types.boolean(lanes, lanes), generate


# ---- a + b, a − b, a · b, a / b, for the plain arithmetic of losses and optimisers ---------------------------------------
#
# Two of these may be contracted to one fused multiply-add, as elsewhere in compiled code; the functions above never are.
# Lowered in place, where overloads would be calls of functions that are compiled one by one.


def _operate(symbol: Callable, instruction: str) -> None:
    pairs = [(lanes, lanes), (lanes, types.float64), (types.float64, lanes)]

    class Symbol(ConcreteTemplate):
        cases = [lanes(*pair) for pair in pairs]

    def generate(context, builder, signature, arguments):
        operands = [
            value if kind == lanes else _filled(builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        return getattr(builder, instruction)(*operands, flags=("contract",))

    infer_global(symbol)(Symbol)
    for pair in pairs:
        lower_builtin(symbol, *pair)(generate)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operate(_symbol, _instruction)
