"""Python's operators of Arrow's arrays, element by element, by Arrow's own functions.

An array itself has some of these, depending on its version, a chunked array none; and both compare to
one bool.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from elsewhere.errors import type_name
from elsewhere.pieces.kinds import kind_of
from elsewhere.pieces.tables import COLUMNS, TABLES

_FUNCTIONS = {
    "abs": "abs_checked",
    "add": "add_checked",
    "and_": "bit_wise_and",
    "eq": "equal",
    "ge": "greater_equal",
    "gt": "greater",
    "invert": "bit_wise_not",
    "le": "less_equal",
    "lshift": "shift_left_checked",
    "lt": "less",
    "mul": "multiply_checked",
    "ne": "not_equal",
    "neg": "negate_checked",
    "or_": "bit_wise_or",
    "pow": "power_checked",
    "rshift": "shift_right_checked",
    "sub": "subtract_checked",
    "truediv": "divide_checked",
    "xor": "bit_wise_xor",
}
"""by the name in the module `operator`"""
_OF_BOOLS = {"and_": "and_kleene", "invert": "invert", "or_": "or_kleene", "xor": "xor"}


def is_arrow(operands: Sequence[Any]) -> bool:
    """Whether any of these is an array or a table of Arrow."""
    return any(kind_of(operand) in {COLUMNS, TABLES} for operand in operands)


def operate_arrow(operate: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """What an operator makes of arrays, or of one and a value. Raises TypeError where there is none."""
    name = operate.__name__
    for operand in operands:
        if kind_of(operand) is TABLES:
            raise TypeError(
                f"an operator ({name}) of a {type_name(type(operand))} has no meaning, because its "
                "columns differ: take a column first, as in xs.map(lambda table: table['name'])"
            )
    if name == "pos":
        return operands[0]
    function = _FUNCTIONS.get(name)
    if function is None:
        raise TypeError(f"Arrow has no operator {name} of arrays: say what to do in xs.map(f)")
    compute, types = import_module("pyarrow.compute"), import_module("pyarrow").types
    if name in _OF_BOOLS and any(
        kind_of(operand) is COLUMNS and types.is_boolean(operand.type) for operand in operands
    ):
        function = _OF_BOOLS[name]
    return compute.call_function(function, list(operands))
