"""The files and names that pages point to are there."""

import re
from pathlib import Path

from tests.meta.tree import ROOT, documents, files

HOME = "src/elsewhere/"
# One row stands for all of these.
FOLDERS = ("cli/", "demo/", "progress/", "testing/")

_LIMIT = re.compile(r"^\|.*\| `([\w/]+\.py)` (`.*`) \|$", re.MULTILINE)
_NAME = re.compile(r"`(\w+)`")
_DUTY = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)
_PATH = re.compile(r"`([^`]+)`")


def lost_limits(root: Path, text: str) -> list[str]:
    """Rows that end with a file and constants of it, where one of them is not there."""
    lost = []
    for path, names in _LIMIT.findall(text):
        file = root / HOME / path
        source = file.read_text("utf-8") if file.is_file() else ""
        lost += [
            f"{path} has no {name}"
            for name in _NAME.findall(names)
            if not re.search(rf"^{name}\b.*=", source, re.MULTILINE)
        ]
    return lost


def compare_houses(told: set[str], there: set[str]) -> list[str]:
    """Files that are told of and not there, or there and not told of."""
    return sorted(
        [f"{path} is gone" for path in told - there]
        + [f"{path} is not told of" for path in there - told]
    )


def test_every_limit_is_where_the_page_says() -> None:
    pages = documents(ROOT)
    found = {page: lost_limits(ROOT, (ROOT / page).read_text("utf-8")) for page in pages}
    assert not {page: lost for page, lost in found.items() if lost}


def test_the_architecture_tells_of_every_file() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    told = {path for row in _DUTY.findall(text) for path in _PATH.findall(row)}
    modules = {
        f.removeprefix(HOME) for f in files(ROOT) if f.startswith(HOME) and f.endswith(".py")
    }
    there = {
        path
        for path in modules
        if not path.startswith(FOLDERS) and (path == "__init__.py" or "__init__" not in path)
    }
    assert not compare_houses({path for path in told if path not in FOLDERS}, there)


def test_a_limit_that_has_moved_is_found(tmp_path: Path) -> None:
    (tmp_path / HOME).mkdir(parents=True)
    (tmp_path / HOME / "host.py").write_text("A_MAX = 1\nB_MAX: int = 2\n", "utf-8")
    text = "| a | 1 | `host.py` `A_MAX`, `B_MAX`, `C_MAX` |\n| d | 1 | `gone.py` `D_MAX` |\n"
    assert lost_limits(tmp_path, text) == ["host.py has no C_MAX", "gone.py has no D_MAX"]


def test_files_that_only_one_side_has_are_found() -> None:
    assert compare_houses({"a.py", "b.py"}, {"b.py", "c.py"}) == [
        "a.py is gone",
        "c.py is not told of",
    ]
