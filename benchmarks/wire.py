"""The lines between the runner and a peer's process.

The runner writes `measure VARIANT` or `close`; the process answers each with one line of JSON,
and sends one more when it is ready.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

MEASURE = "measure"
CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The pool is up. An empty `variants`: the peer has no way to run the workload."""

    version: str
    python: str
    variants: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A package is not installed in the peer's environment."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The pool was shut down; the process ends next."""


Reply = Ready | Measured | Missing | Failed | Closed
_KINDS: dict[str, type[Reply]] = {
    kind.__name__: kind for kind in (Ready, Measured, Missing, Failed, Closed)
}


def encode(reply: Reply) -> bytes:
    return json.dumps([type(reply).__name__, asdict(reply)]).encode() + b"\n"


def decode(line: bytes) -> Reply:
    """Return the reply of one line; ValueError if it is none."""
    try:
        kind, fields = json.loads(line)
        return _KINDS[kind](**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a reply: {line!r}") from error
