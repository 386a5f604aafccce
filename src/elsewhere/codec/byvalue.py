"""The one door to cloudpickle, opened when something must travel by value."""

import functools
import io
from collections.abc import Callable
from typing import Any

import cloudpickle

CACHED = type(functools.cache(lambda: None))


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """cloudpickle's, which sends a function by value, and a function behind `functools.cache` too."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is CACHED and (obj.__module__ == "__main__" or "<locals>" in obj.__qualname__):
            # Made first and filled then, because the function may well call itself by this name.
            return (
                _make_cached,
                (obj.cache_parameters(),),
                obj.__wrapped__,
                None,
                None,
                _fill_cached,
            )
        return super().reducer_override(obj)


def _make_cached(parameters: dict[str, Any]) -> Any:
    inner: list[Callable[..., Any]] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        return inner[0](*args, **kwargs)

    cached: Any = functools.lru_cache(**parameters)(call)
    cached.inner = inner
    return cached


def _fill_cached(cached: Any, function: Callable[..., Any]) -> None:
    cached.inner.append(function)
    functools.update_wrapper(cached, function)


def cloudpickle_dumps(
    value: Any, protocol: int, buffer_callback: Callable[[Any], object] | None = None
) -> bytes:
    """As `cloudpickle.dumps`."""
    with io.BytesIO() as file:
        ByValuePickler(file, protocol, buffer_callback=buffer_callback).dump(value)
        return file.getvalue()
