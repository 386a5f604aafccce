"""Checkpoints: named lists of payloads in a store.

A store keeps what it was given under a key for good. So each payload is kept under the hash of its
content, and last, under that of the name, the list of their keys: whoever was interrupted in between
has left nothing that a later checkpoint of that name could find.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from queue import SimpleQueue

from elsewhere.calls.messages import Verdict
from elsewhere.codec.values import dumps, loads
from elsewhere.errors import StoreError
from elsewhere.store import KEY_BYTES, Remember, Store

_NAME, _PAYLOAD = b"elsewhere.ckpt.1", b"elsewhere.part.1"
_FUNCTION = "elsewhere.Chunked.checkpoint"
"""what status and gc say of such a row"""


def write_checkpoint(
    store: Store, name: str, payloads: Iterable[bytes], is_same: Callable[[bytes, bytes], bool]
) -> None:
    """Keep `payloads` as `name`; returns once they are as safe as the store promises.

    If the name stands for payloads already, they must be the same, byte for byte or as `is_same` says
    of two: else ValueError. Raises `StoreError` if they cannot be written, or not be compared.
    """
    index = _index_of(name)
    kept = store.get(index)
    if kept is not None:
        _check_same(store, name, loads(kept.payload), payloads, is_same)
        return
    keys = []
    for payload in payloads:
        keys.append(_key(_PAYLOAD, payload))
        _write(store, keys[-1], payload)
    _write(store, index, dumps(keys, "checkpoint"))


def _check_same(
    store: Store,
    name: str,
    keys: list[bytes],
    payloads: Iterable[bytes],
    is_same: Callable[[bytes, bytes], bool],
) -> None:
    count = 0
    for position, payload in enumerate(payloads):
        count += 1
        if count > len(keys):
            break
        key = _key(_PAYLOAD, payload)
        if key == keys[position]:
            _write(store, key, payload)  # it may have been evicted
        elif not is_same(_find(store, name, position, keys[position]), payload):
            count = -1
            break
    if count != len(keys):
        raise ValueError(f"the store has a checkpoint {name!r} of other values: take another name")


def read_checkpoint(store: Store, name: str) -> Iterator[bytes]:
    """The payloads of `name`, one after another.

    Raises KeyError if there is no such checkpoint, `StoreError` where one of them is gone.
    """
    kept = store.get(_index_of(name))
    if kept is None:
        raise KeyError(f"the store has no checkpoint {name!r}")
    for position, key in enumerate(loads(kept.payload)):
        yield _find(store, name, position, key)


def _find(store: Store, name: str, position: int, key: bytes) -> bytes:
    found = store.get(key)
    if found is None:
        raise StoreError(
            f"the checkpoint {name!r}",
            f"the store does not have its chunk {position} any more",
            "It was evicted or is larger than the store: compute it again, and keep it under "
            "another name in a store that has room",
        )
    return found.payload


def _index_of(name: str) -> bytes:
    if not isinstance(name, str):
        raise TypeError(f"the name of a checkpoint must be a text, not {name!r}")
    return _key(_NAME, name.encode())


def _key(domain: bytes, content: bytes) -> bytes:
    return blake2b(content, digest_size=KEY_BYTES, person=domain).digest()


def _write(store: Store, key: bytes, payload: bytes) -> None:
    answers: SimpleQueue[BaseException | None] = SimpleQueue()
    store.write([Remember(key, _FUNCTION, Verdict.VALUE, payload, 0.0)], answers.put)
    error = answers.get()
    if error is not None:
        raise error
