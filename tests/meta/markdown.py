"""What a reader may follow or paste from a page: its links, its headings, its Python."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from urllib.parse import unquote

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[\w+-]*)")
_LINK = re.compile(
    r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Snippet:
    line: int
    language: str
    text: str


def snippets(text: str) -> Iterator[Snippet]:
    """The fenced blocks; `line` is the first line within the fence."""
    inside: list[str] = []
    opened: re.Match[str] | None = None
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if opened is None:
            if opened := _FENCE.match(line):
                inside, start = [], number + 1
        elif line.strip() == opened["fence"]:
            yield Snippet(start, opened["language"], dedent("\n".join(inside)) + "\n")
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        yield Snippet(start, "never closed", "")


def prose(text: str) -> str:
    """The text without its fenced blocks and its `code`."""
    kept, fence = [], ""
    for line in text.splitlines():
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opened := _FENCE.match(line):
            fence = opened["fence"]
        else:
            kept.append(re.sub(r"`+[^`]*`+", "", line))
    return "\n".join(kept)


def anchors(text: str) -> set[str]:
    """The names that headings get: lower case, spaces as hyphens, no other punctuation."""
    found: set[str] = set()
    in_fence = ""
    for line in text.splitlines():
        if in_fence:
            in_fence = "" if line.strip() == in_fence else in_fence
        elif opened := _FENCE.match(line):
            in_fence = opened["fence"]
        elif heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            repeat = 0
            while (unique := name if not repeat else f"{name}-{repeat}") in found:
                repeat += 1
            found.add(unique)
    return found


def broken_links(root: Path, document: str) -> Iterator[str]:
    """Links of `document` to files and headings of the repository that are not there."""
    text = (root / document).read_text("utf-8")
    for link in _LINK.finditer(prose(text)):
        target = unquote(link[1] or link[2])
        if _ELSEWHERE.match(target):
            continue
        name, _, anchor = target.partition("#")
        page = (root / document).parent / name if name else root / document
        if not page.exists() or not page.resolve().is_relative_to(root.resolve()):
            yield f"{document}: {target} is not there"
        elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text("utf-8")):
            yield f"{document}: {target}: no such heading"
