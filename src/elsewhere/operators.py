"""Python's operators, for a class that knows how to apply one."""

import operator
from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar


class _Operand(Protocol):
    def operate(
        self, function: Callable[..., Any], *others: Any, swapped: bool = False
    ) -> Self: ...


O = TypeVar("O", bound=_Operand)  # noqa: E741  # an operand


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[O, Any], O]:
    def method(self: O, other: Any) -> O:
        return self.operate(function, other)

    return method


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[O, Any], O]:
    def method(self: O, other: Any) -> O:
        return self.operate(function, other, swapped=True)

    return method


def _unary(function: Callable[[Any], Any]) -> Callable[[O], O]:
    def method(self: O) -> O:
        return self.operate(function)

    return method


class Operators:
    """Arithmetic and comparison, all by a method ``operate(function, *others, swapped=False)``."""

    # numpy and pandas would take the right operand for a sequence, and fetch it one by one.
    __array_ufunc__ = None
    __pandas_priority__ = 2**16

    __add__, __radd__ = _binary(operator.add), _swapped(operator.add)
    __sub__, __rsub__ = _binary(operator.sub), _swapped(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul), _swapped(operator.mul)
    __matmul__, __rmatmul__ = _binary(operator.matmul), _swapped(operator.matmul)
    __truediv__, __rtruediv__ = _binary(operator.truediv), _swapped(operator.truediv)
    __floordiv__, __rfloordiv__ = _binary(operator.floordiv), _swapped(operator.floordiv)
    __mod__, __rmod__ = _binary(operator.mod), _swapped(operator.mod)
    __pow__, __rpow__ = _binary(operator.pow), _swapped(operator.pow)
    __and__, __rand__ = _binary(operator.and_), _swapped(operator.and_)
    __or__, __ror__ = _binary(operator.or_), _swapped(operator.or_)
    __xor__, __rxor__ = _binary(operator.xor), _swapped(operator.xor)
    __lshift__, __rlshift__ = _binary(operator.lshift), _swapped(operator.lshift)
    __rshift__, __rrshift__ = _binary(operator.rshift), _swapped(operator.rshift)
    __neg__, __pos__ = _unary(operator.neg), _unary(operator.pos)
    __abs__, __invert__ = _unary(operator.abs), _unary(operator.invert)
    __lt__, __le__ = _binary(operator.lt), _binary(operator.le)
    __gt__, __ge__ = _binary(operator.gt), _binary(operator.ge)
    # As arrays do, where object's own compare to a bool.
    __eq__ = _binary(operator.eq)  # type: ignore[assignment]  # see above
    __ne__ = _binary(operator.ne)  # type: ignore[assignment]  # see above
    __hash__ = None  # type: ignore[assignment]  # what compares by elements has no hash
