"""What a fingerprint is made of: nodes that hold bytes and refer to one another, in circles too."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby
from typing import Any, TypeAlias

DIGEST_BYTES = 32
_BYTES, _NODE = b"\x00", b"\x01"


class Node:
    """Bytes with references to other nodes in between; of an `unordered` one, in no order."""

    __slots__ = ("parts", "unordered")

    def __init__(self, *, unordered: bool = False) -> None:
        self.parts: list[Part] = []
        self.unordered = unordered


Part: TypeAlias = bytes | Node


def digest_of(data: Any) -> bytes:
    """blake2b of any contiguous buffer, which is not copied."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def root_digest(root: Node) -> bytes:
    """The digest of everything that can be reached from `root`.

    Two roots have one digest if and only if following references from them gives the same bytes
    for ever, however the nodes are shared and whatever circles they form. This is the refinement
    of partitions of Hopcroft and Moore: nodes are told apart by ever longer paths from them, until
    no longer path tells more apart.
    """
    nodes = _reachable(root)
    colours = dict.fromkeys(nodes, b"")
    count = 1
    while True:
        finer = {node: _colour(node, colours) for node in nodes}
        finer_count = len(set(finer.values()))
        if finer_count == count:
            break
        colours, count = finer, finer_count
    # The pairs say which class of nodes leads where; without them a longer path could still differ.
    pairs = sorted({colours[node] + finer[node] for node in nodes})
    return digest_of(finer[root] + b"".join(pairs))


def _reachable(root: Node) -> list[Node]:
    found = {root: None}
    waiting = [root]
    while waiting:
        for part in waiting.pop().parts:
            if isinstance(part, Node) and part not in found:
                found[part] = None
                waiting.append(part)
    return list(found)


def _colour(node: Node, colours: dict[Node, bytes]) -> bytes:
    framed = [
        _NODE + colours[part]
        if isinstance(part, Node)
        else _BYTES + len(part).to_bytes(8, "big") + part
        for part in (node.parts if node.unordered else _joined(node.parts))
    ]
    if node.unordered:
        framed.sort()
    return digest_of((b"{" if node.unordered else b"[") + b"".join(framed))


def _joined(parts: list[Part]) -> Iterator[Part]:
    """The parts with the bytes between two references in one."""
    for is_node, run in groupby(parts, lambda part: isinstance(part, Node)):
        if is_node:
            yield from run
        else:
            yield b"".join(part for part in run if isinstance(part, bytes))
