"""A `functools.partial` that holds futures: a call of it is given their values, as of other arguments."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

from elsewhere.future import Future
from elsewhere.inline import is_walked, parts_of

_PLACEHOLDER = getattr(functools, "Placeholder", object())
"""what a partial leaves to its call, from Python 3.14 on"""


def unfold(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """A call; one of a `partial` that holds futures as the call that it stands for.

    They are looked for where calls without a pool look for them.
    """
    if type(function) is not partial or not _holds_future([function.args, function.keywords]):
        return function, args, kwargs
    rest = list(args)
    first = [
        rest.pop(0) if one is _PLACEHOLDER and rest else one  # too few: the call itself says so
        for one in function.args
    ]
    return function.func, (*first, *rest), {**function.keywords, **kwargs}


def _holds_future(values: list[Any]) -> bool:
    walked: dict[int, Any] = {}
    while values:
        for part in parts_of(values.pop()):
            if isinstance(part, Future):
                return True
            if is_walked(part) and id(part) not in walked:
                walked[id(part)] = part
                values.append(part)
    return False
