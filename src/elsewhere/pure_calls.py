"""Calls of pure functions: what the store remembers is not sent at all, and the rest with its key."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from elsewhere.calls.messages import Options, Settlement
from elsewhere.codec.functions import to_send
from elsewhere.codec.references import dumps_with_inputs
from elsewhere.codec.values import dumps
from elsewhere.errors import NoKey, NotPicklable, StoreError
from elsewhere.finished import Hit, failed_future
from elsewhere.future import Future, Settler
from elsewhere.in_force import OfValues
from elsewhere.names import Name, describe_call, key_of_call, keys_of_calls
from elsewhere.store import KEY_BYTES, Store

T = TypeVar("T")


class Send(Protocol):
    """How a call is sent, whatever it is."""

    def __call__(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: Name | None = None,
        /,
    ) -> Future[T]:
        """Encode the call and send it; with a name, as a pure one."""


class PureCalls:
    """`settler` is that of the futures; `store` gives what remembers their results. Calls that run in the
    environment with this `digest` have keys of their own, for it has other libraries than this process."""

    def __init__(
        self, settler: Settler, store: Callable[[], Store], send: Send, digest: bytes = b""
    ) -> None:
        self._settler = settler
        self._digest = digest
        self._store = store
        self._send = send

    def submit(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        """What is remembered is answered here, before anything is sent."""
        try:
            key = self._here(key_of_call(fn, args, kwargs))
            kept = self._store().get(key)
        except NoKey as error:
            return self._submit_given(options, fn, args, kwargs, error)
        except (TypeError, StoreError) as error:
            # What the function itself says of its arguments, or a store that cannot be read
            return failed_future(error, self._settler)
        if kept is None:
            return self._submit_unknown(options, fn, key, args, kwargs)
        future: Future[T] = Future(None, kept.function, self._settler)
        future.settle(Settlement(0, kept.verdict, kept.payload))
        return future

    def _here(self, key: bytes) -> bytes:
        if not self._digest:
            return key
        from hashlib import blake2b  # with it comes OpenSSL, which every pool would pay for

        return blake2b(key, digest_size=KEY_BYTES, key=self._digest).digest()

    def _submit_unknown(
        self,
        options: Options,
        fn: Callable[..., T],
        key: bytes,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[T]:
        """Send a pure call that the store does not know."""
        try:
            name = describe_call(key, fn, args, kwargs)
            return self._send(options, to_send(fn), args, kwargs, name)
        except TypeError as error:
            return failed_future(error, self._settler)

    def _submit_given(
        self,
        options: Options,
        fn: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        no_key: NoKey,
    ) -> Future[T]:
        """A pure call with futures among its arguments has a key where it has their values: in a
        worker."""
        try:
            _, futures = dumps_with_inputs(args, kwargs, self._settler, dumps)
        except NotPicklable:
            futures = []
        if not futures:
            return failed_future(no_key, self._settler)
        return self._send(options, OfValues(fn), args, kwargs)

    def submit_each(
        self, options: Options, fn: Callable[..., T], items: Sequence[tuple[Any, ...]]
    ) -> Iterator[Future[T] | Hit[T]]:
        """As `submit` of each of `items`; what the store has is asked for at once."""
        keys = [
            self._here(key) if isinstance(key, bytes) else key for key in keys_of_calls(fn, items)
        ]
        try:
            kept = iter(self._store().get_many([key for key in keys if isinstance(key, bytes)]))
        except StoreError as error:
            yield from (failed_future(error, self._settler) for _ in items)
            return
        for item, key in zip(items, keys, strict=True):
            if isinstance(key, NoKey):
                yield self._submit_given(options, fn, item, {}, key)
                continue
            if not isinstance(key, bytes):
                yield failed_future(key, self._settler)
                continue
            found = next(kept)
            yield self._submit_unknown(options, fn, key, item, {}) if found is None else Hit(found)
