"""The diagrams of docs/states.md are those of the tables in `elsewhere.calls.lifecycle`.

``python -m tests.meta.test_states_page --rewrite`` draws them anew.
"""

import ast
import re
import sys
from collections.abc import Mapping
from enum import IntEnum
from inspect import getsource
from typing import TypeVar

from elsewhere.calls import lifecycle
from elsewhere.calls.lifecycle import CALL_MOVES, WORKER_MOVES, CallState, WorkerState
from tests.meta.tree import ROOT

State = TypeVar("State", bound=IntEnum)
PAGE = ROOT / "docs" / "states.md"


def drawn(text: str) -> str:
    """The page with its two generated parts made anew; what stands around them is kept."""
    text = replaced(text, "call", part(CallState, CALL_MOVES))
    return replaced(text, "worker", part(WorkerState, WORKER_MOVES))


def replaced(text: str, name: str, generated: str) -> str:
    """Raises LookupError if the page has not exactly one place called `name`."""
    place = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    new, count = place.subn(lambda found: found[1] + generated + found[2], text)
    if count != 1:
        raise LookupError(f"{count} places for the generated part {name!r}")
    return new


def part(states: type[State], moves: Mapping[State, frozenset[State]]) -> str:
    """One lifecycle as a diagram and as a table."""
    told = sentences(states)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {word(min(states))}"]
    lines += [f"    {word(a)} --> {word(b)}" for a in states for b in sorted(moves[a])]
    lines += [f"    {word(state)} --> [*]" for state in states if not moves[state]]
    lines += ["```", "", "| state | meaning | may become |", "| --- | --- | --- |"]
    for state in states:
        after = " or ".join(word(other) for other in sorted(moves[state])) or "nothing else"
        lines.append(f"| {word(state)} | {told[state.name]} | {after} |")
    return "\n".join(lines) + "\n"


def word(state: IntEnum) -> str:
    return state.name.lower()


def sentences(states: type[IntEnum]) -> dict[str, str]:
    """The text below each state. Raises KeyError, when it is used, for a state without one."""
    (kind,) = (
        node
        for node in ast.parse(getsource(lifecycle)).body
        if isinstance(node, ast.ClassDef) and node.name == states.__name__
    )
    told = {}
    for state, below in zip(kind.body, kind.body[1:], strict=False):
        if isinstance(state, ast.Assign) and isinstance(below, ast.Expr):
            told[ast.unparse(state.targets[0])] = str(ast.literal_eval(below.value))
    return told


def test_the_page_shows_the_tables() -> None:
    text = PAGE.read_text("utf-8")
    wanted = "python -m tests.meta.test_states_page --rewrite"
    assert text == drawn(text), f"the tables have changed: {wanted}"


def test_a_move_that_the_page_lacks_is_found() -> None:
    more = {**CALL_MOVES, CallState.SETTLED: frozenset({CallState.QUEUED})}
    assert "    settled --> queued\n" in part(CallState, more)
    assert part(CallState, more) != part(CallState, CALL_MOVES)


def test_the_generated_part_is_replaced_and_the_rest_is_kept() -> None:
    text = "a\n<!-- generated: call -->\nold\n<!-- end -->\nb\n"
    assert replaced(text, "call", "new\n") == text.replace("old", "new")


if __name__ == "__main__":
    if sys.argv[1:] != ["--rewrite"]:
        sys.exit("usage: python -m tests.meta.test_states_page --rewrite")
    PAGE.write_text(drawn(PAGE.read_text("utf-8")), "utf-8")
