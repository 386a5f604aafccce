"""A result as a row of the database: sealed by a hash when it is written, checked on each read.

The seal covers all that a row says but when it was used. A large payload is not in the row: the row
has the name of its blob, which is the hash of its content.
"""

import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, TypeAlias

from elsewhere.calls.messages import Verdict
from elsewhere.store import KEY_BYTES, Remember, Remembered

INLINE_BYTES_MAX = 64 * 1024 - 1
HASH_BYTES = 32

COLUMNS = "function, verdict, elapsed, made, used, blob, seal, payload, parts"
# After damage a key may have several rows, of which any that is whole will do.
GET = f"SELECT {COLUMNS} FROM results WHERE key = ? LIMIT 1"
# Always of so many keys, so that SQLite compiles it once: a batch that has fewer repeats one of them.
GET_MANY_KEYS = 64
GET_MANY = f"SELECT {COLUMNS}, key FROM results WHERE key IN ({', '.join('?' * GET_MANY_KEYS)})"
GET_NUMBER = f"SELECT {COLUMNS} FROM results WHERE id = ?"
INSERT = f"""\
INSERT INTO results(key, size, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_NEW = f"""\
INSERT INTO results(key, size, {COLUMNS}) SELECT ?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
WHERE NOT EXISTS (SELECT 1 FROM results WHERE key = ?1)"""

Row: TypeAlias = tuple[str, int, float, float, float, bytes | None, bytes, bytes | None, bytes]
"""the values of `COLUMNS`"""
Inserted: TypeAlias = tuple[bytes, int, *Row]

_FIXED: Final = struct.Struct("<BddIII?")


class Damaged(Exception):
    """A row or a blob is not what was written. The message says what is wrong with it."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what


def check_row(row: Remember) -> None:
    """Raises `ValueError` or `TypeError` for a row that no store takes."""
    if not isinstance(row, Remember):
        raise TypeError(f"a store remembers a Remember, not {row!r}")
    if len(row.key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(row.key)}")
    if row.verdict not in {Verdict.VALUE, Verdict.ERROR}:
        raise ValueError(f"a value or an error is remembered, not {row.verdict!r}")


def content_name(payload: bytes) -> bytes:
    """The name of a blob: blake2b-256 of its content."""
    return blake2b(payload, digest_size=HASH_BYTES).digest()


def to_insert(row: Remember, made: float) -> Inserted:
    """The values for `INSERT`; a payload beyond `INLINE_BYTES_MAX` is only named."""
    size = len(row.payload)
    inline = size <= INLINE_BYTES_MAX
    blob = None if inline else content_name(row.payload)
    payload = row.payload if inline else None
    verdict, elapsed = int(row.verdict), float(row.elapsed)
    content = blob or row.payload
    seal = _seal(row.key, row.function, verdict, elapsed, made, content, row.parts, inline)
    return (
        *(row.key, size + len(row.parts)),
        *(row.function, verdict, elapsed, made, made, blob, seal, payload, row.parts),
    )


def to_remembered(
    key: bytes, row: Row, path: str, read_blob: Callable[[bytes], bytes]
) -> Remembered:
    """What the row in the database `path` says. Raises `Damaged`."""
    function, verdict, elapsed, made, used, blob, seal, payload, parts = row
    content = payload if blob is None else blob
    try:
        fields = (function, verdict, elapsed, made, content or b"", parts, blob is None)
        whole = seal == _seal(key, *fields)
    except (AttributeError, TypeError, ValueError, struct.error):
        # Damage may have changed the type of anything.
        whole = False
    if content is None or not whole or type(used) is not float:
        raise Damaged(path, "its row is not what was written")
    value = content if blob is None else read_blob(blob)
    return Remembered(key, function, Verdict(verdict), value, elapsed, parts, made)


def _seal(
    key: bytes,
    function: str,
    verdict: int,
    elapsed: float,
    made: float,
    content: bytes,
    parts: bytes,
    inline: bool,
) -> bytes:
    name = function.encode()
    # Lengths come first, so that no two rows make the same bytes.
    fixed = _FIXED.pack(verdict, elapsed, made, len(name), len(content), len(parts), inline)
    return blake2b(b"".join((fixed, key, name, content, parts)), digest_size=HASH_BYTES).digest()
