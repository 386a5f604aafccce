"""Why a pure call is run, or is not: what its key is made of, and what differs from the last time."""

from collections.abc import Callable
from typing import Any

from elsewhere.codec.labels import full_name
from elsewhere.in_force import in_force
from elsewhere.keys.parts import Parts, explain, parts_of
from elsewhere.store import Store
from elsewhere.tasks import plain_function


def why(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """What the key of ``function(*args, **kwargs)`` is made of, as text.

    In the block of a pool that remembers a call of the same function: which parts differ from the
    last one whose parts were kept. Raises `NoKey`, and TypeError for arguments that do not fit.
    """
    caller = in_force()
    return explain_call(function, args, kwargs, None if caller is None else caller.store())


def explain_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], store: Store | None
) -> str:
    """As `why`, against what `store` remembers."""
    plain = plain_function(function)
    new = parts_of(plain, args, kwargs)
    kept = None if store is None else store.latest(full_name(function))
    if store is not None and store.get(new.key) is not None:
        return explain(new, new)
    return explain(new, None if kept is None else Parts.from_bytes(kept.parts))
