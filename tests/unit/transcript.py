"""Scenarios as text: what happens (``> ``), and what the gateway says to it (indented).

The texts in `transcripts/` are read as stories and reviewed as diffs. When the gateway is meant to
say something else: ``python -m tests.unit.transcript --rewrite``, then read the diff.
"""

import sys
from pathlib import Path

from tests.unit.stage import Stage, render

FOLDER = Path(__file__).parent / "transcripts"
EVENT = "> "
TURN = "      "


def play(text: str) -> str:
    """The same scenario with what the gateway says now. ``> budget N`` is for the gateway itself."""
    stage = Stage()
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(TURN):
            continue
        lines.append(line)
        if line.startswith(EVENT + "budget "):
            stage = Stage(tasks=int(line.split()[2]))
        elif line.startswith(EVENT):
            turn = stage.turn(line.removeprefix(EVENT))
            lines += [TURN + said for said in render(turn, wake=True)]
    return "\n".join(lines) + "\n"


def transcripts() -> list[Path]:
    return sorted(FOLDER.glob("*.txt"))


def main(arguments: list[str]) -> int:
    if arguments != ["--rewrite"]:
        print(__doc__)
        return 2
    for path in transcripts():
        path.write_text(play(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
