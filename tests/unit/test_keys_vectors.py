"""The published vectors hold, in this process and in others.

    python -m tests.unit.test_keys_vectors --rewrite

writes them anew. Who changes the encoding changes `DOMAIN` too.
"""

import collections
import datetime as dt
import decimal
import fractions
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
import zoneinfo
from typing import Any

import pytest

from elsewhere.keys.key import DOMAIN, key_from
from elsewhere.keys.node import Node, root_digest
from tests.meta.tree import ROOT
from tests.unit.keys import encoded

FILE = ROOT / "docs" / "keys-vectors.json"
VALUES = [
    "None", "True", "False", "...", "NotImplemented", "0", "1", "-1", "2**63 - 1", "2**63", "-2**63", "-2**63 - 1", "10**30",
    "0.0", "-0.0", "1.5", "float('nan')", "-float('nan')", "float('inf')", "1 - 2j", "''", "'a'", "'\\u00e9'", "'\\ud800'",
     "'a' * 65537", "b''", "b'\\x00'", "b'a' * 65537", "bytearray(b'a')", "()", "(1, 'a')", "[]", "[[1], []]",
    "{}", "{'a': 1, 'b': [2]}", "{'b': [2], 'a': 1}", "{1: 'x', 'x': 1}", "set()", "{'a', 'b', 3}", "frozenset({1})",
    "range(1, 9, 2)", "slice(1, None)", "circle()", "dt.date(2020, 2, 29)", "dt.datetime(2020, 1, 2, 3, 4, 5, 6)",
    "dt.datetime(2020, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'), fold=1)", "dt.time(1, 2, tzinfo=dt.timezone.utc)",
    "dt.timedelta(-1, 5)", "dt.timezone(dt.timedelta(hours=1), 'x')", "decimal.Decimal('-0.10')", "fractions.Fraction(-1, 3)",
    "uuid.UUID(int=5)", "pathlib.PurePosixPath('/a/b')", "pathlib.PureWindowsPath('a')", "re.compile('a+', re.I)",
    "collections.OrderedDict(b=1, a=2)", "collections.Counter('aab')", "collections.deque([1], 3)", "memoryview(b'ab')", "collections.defaultdict(None, a=1)",
]  # fmt: skip
ARGUMENTS = ["()", "(1, 'a', (1, 2, 3, 4, 5))", "([{'a': None}],)"]
FINGERPRINTS = [bytes(32), bytes(range(32))]
# Parts of nodes: text, or the number of a node.
GRAPHS: list[list[list[str | int]]] = [
    [["a"]],
    [["a", 1], ["b"]],
    [["a", 1, "c"], ["b", 0]],
    [["a", 1, 2], ["b", 2], ["b", 1]],
]


def circle() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


def value_of(text: str) -> Any:
    modules = (collections, decimal, fractions, pathlib, re, uuid, zoneinfo)
    named = {module.__name__: module for module in modules}
    return eval(text, {**named, "dt": dt, "circle": circle})


def digest_of_graph(graph: list[list[str | int]]) -> bytes:
    nodes = [Node() for _ in graph]
    for node, parts in zip(nodes, graph, strict=True):
        node.parts = [nodes[p] if isinstance(p, int) else p.encode() for p in parts]
    return root_digest(nodes[0])


def found() -> dict[str, Any]:
    return {
        "domain": DOMAIN.decode(),
        "values": {text: encoded(value_of(text)).hex() for text in VALUES},
        "graphs": [[graph, digest_of_graph(graph).hex()] for graph in GRAPHS],
        "keys": [
            [fingerprint.hex(), text, key_from(fingerprint, encoded(value_of(text))).hex()]
            for fingerprint in FINGERPRINTS
            for text in ARGUMENTS
        ],
    }


def test_the_published_vectors_hold() -> None:
    assert json.loads(FILE.read_text("utf-8")) == found()


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_published_vectors_hold_in_a_fresh_process(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.test_keys_vectors"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == json.loads(FILE.read_text("utf-8"))


def test_no_two_vectors_are_alike_but_those_of_equal_values() -> None:
    data = list(found()["values"].values())
    # A dict in two orders, and two NaNs.
    assert len(set(data)) == len(data) - 2


if __name__ == "__main__":
    text = json.dumps(found(), indent=1) + "\n"
    if "--rewrite" in sys.argv:
        FILE.write_text(text, "utf-8")
    else:
        print(text)
