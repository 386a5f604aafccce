"""Calls providers, of whichever kind they are: functions, generators, and both with `async`.

Their kind is told by what they return, so a decorated one is as good as any.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from elsewhere.plans.host import PROCESS
from elsewhere.plans.injected import injected

_END = object()


class Made:
    """What a provider has made, and how that ends."""

    __slots__ = ("_loop", "_source", "value")

    def __init__(self, value: Any, source: Any = None, loop: "OwnLoop | None" = None) -> None:
        self.value = value
        self._source = source
        self._loop = loop

    @property
    def must_end(self) -> bool:
        """Whether there is something to clean up."""
        return self._source is not None

    def end(self) -> None:
        """Let the provider clean up. Raises what it raises, RuntimeError if it yields again."""
        source, self._source = self._source, None
        self.value = None
        if isinstance(source, GeneratorType):
            _end(source)
        elif source is not None:
            _run(_end_asynchronous(source), self._loop)
        if self._loop is not None:
            self._loop.close()

    async def end_in_loop(self) -> None:
        """As `end`, in the running loop."""
        source, self._source = self._source, None
        if isinstance(source, GeneratorType):
            _end(source)
        elif source is not None:
            await _end_asynchronous(source)


def make(provider: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Made:
    """Call it, up to its `yield` if it has one. Raises what it raises."""
    result = injected(provider)(*args, **kwargs)
    if isinstance(result, GeneratorType):
        return Made(_begin(provider, result), result)
    if not isinstance(result, (CoroutineType, AsyncGeneratorType)):
        return Made(result)
    host = PROCESS.host
    loop = None if host is not None and host.has_loop() else OwnLoop()
    try:
        if isinstance(result, CoroutineType):
            return Made(_run(result, loop), None, loop)
        return Made(_run(_begin_asynchronous(provider, result), loop), result, loop)
    except BaseException:
        if loop is not None:
            loop.close()
        raise


async def make_in_loop(
    provider: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Made:
    """As `make`, in the running loop."""
    result = injected(provider)(*args, **kwargs)
    if isinstance(result, CoroutineType):
        return Made(await result)
    if isinstance(result, AsyncGeneratorType):
        return Made(await _begin_asynchronous(provider, result), result)
    if isinstance(result, GeneratorType):
        return Made(_begin(provider, result), result)
    return Made(result)


class OwnLoop:
    """A loop for one resource, where there is no loop that outlives it."""

    def __init__(self) -> None:
        import asyncio

        self._runner = asyncio.Runner()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Its value. Blocks, also where this thread runs a loop already."""
        return _beside_any_loop(lambda: self._runner.run(coroutine))

    def close(self) -> None:
        _beside_any_loop(self._runner.close)


def _beside_any_loop(work: Callable[[], Any]) -> Any:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    from concurrent.futures import ThreadPoolExecutor

    # A thread runs one loop at a time.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def _run(coroutine: Coroutine[Any, Any, Any], loop: OwnLoop | None) -> Any:
    host = PROCESS.host
    if loop is not None:
        return loop.run(coroutine)
    if host is not None and host.has_loop():
        return host.finish(coroutine)
    passing = OwnLoop()  # the loop that it was made in cannot be waited for from here
    try:
        return passing.run(coroutine)
    finally:
        passing.close()


def _begin(provider: Callable[..., Any], source: Generator[Any, None, None]) -> Any:
    try:
        value = next(source, _END)
    except BaseException:
        source.close()  # it may have been interrupted just behind its `yield`
        raise
    if value is _END:
        raise _without_yield(provider)
    return value


async def _begin_asynchronous(
    provider: Callable[..., Any], source: AsyncGenerator[Any, None]
) -> Any:
    value = await anext(source, _END)
    if value is _END:
        raise _without_yield(provider)
    return value


def _without_yield(provider: Callable[..., Any]) -> RuntimeError:
    return RuntimeError(f"the provider {provider!r} has ended without a `yield`")


def _end(source: Generator[Any, None, None]) -> None:
    if next(source, _END) is not _END:
        source.close()
        raise _yields_again(source)


async def _end_asynchronous(source: AsyncGenerator[Any, None]) -> None:
    if await anext(source, _END) is not _END:
        await source.aclose()
        raise _yields_again(source)


def _yields_again(source: object) -> RuntimeError:
    name = getattr(source, "__qualname__", "a provider")
    return RuntimeError(f"{name} yields more than once: what follows its first `yield` cleans up")
