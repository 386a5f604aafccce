"""An import costs and touches only what its place allows."""

import json
import subprocess
import sys
import tomllib

import pytest

from tests.meta.imports import (
    imported_packages,
    impurities,
    is_pure,
    is_third_party,
    scattered_third_parties,
)
from tests.meta.tree import ROOT, Source, sources

NEW_MODULES = """
import json, sys
before = set(sys.modules)
import elsewhere
print(json.dumps(sorted(set(sys.modules) - before)))
"""

MODULES_BEFORE_THE_NODE = """
import json, sys
before = set(sys.modules)

def look(event, _):
    if event == "os.posix_spawn":
        print(json.dumps(sorted(set(sys.modules) - before)))

sys.addaudithook(look)
import elsewhere
elsewhere.Pool(1).shutdown()
"""


def test_a_third_party_package_is_imported_in_one_file_of_its_own() -> None:
    wrong = scattered_third_parties(sources(ROOT, "src/"))
    assert not wrong, "\n".join(wrong)


def test_the_pure_tier_touches_nothing() -> None:
    pure = [source for source in sources(ROOT, "src/") if is_pure(source)]
    assert {source.module.split(".")[1] for source in pure} >= {"calls", "errors", "gateway"}
    wrong = [finding for source in pure for finding in impurities(source)]
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_imports_no_third_party() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", NEW_MODULES], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    loaded = {str(name).partition(".")[0] for name in json.loads(printed)}
    assert "elsewhere" in loaded
    assert {name for name in loaded if is_third_party(name)} == set()


def test_the_node_starts_before_anything_third_party_is_imported() -> None:
    """Both take as long: a node that starts later is ready later."""
    printed = subprocess.run(
        [sys.executable, "-c", MODULES_BEFORE_THE_NODE],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    loaded = {str(name).partition(".")[0] for name in json.loads(printed)}
    assert "elsewhere" in loaded
    assert {name for name in loaded if is_third_party(name)} == set()


def test_what_is_imported_is_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {requirement.partition(">=")[0] for requirement in project["dependencies"]}
    extra = {
        requirement.partition(">=")[0]
        for requirements in project["optional-dependencies"].values()
        for requirement in requirements
    }
    used = {
        package
        for source in sources(ROOT, "src/")
        for _, package in imported_packages(source)
        if is_third_party(package)
    }
    assert declared <= used, "declared and never imported"
    # ipykernel brings IPython along.
    assert used <= declared | extra | {"IPython"}, "imported and not declared"


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (["import rich", "import msgspec.msgpack\nfrom msgspec import Struct\nimport os"], 0),
        (["import rich", "def f():\n    from rich.table import Table"], 1),
        (["import rich, msgspec"], 1),
        (["from . import rich"], 0),
    ],
)
def test_scattered_third_parties_are_found(texts: list[str], count: int) -> None:
    files = [Source(f"src/elsewhere/{n}.py", text) for n, text in enumerate(texts)]
    assert len(scattered_third_parties(files)) == count


@pytest.mark.parametrize(
    ("path", "text", "count"),
    [
        ("calls/wire.py", "from msgspec import Struct", 0),
        ("calls/span.py", "from msgspec import Struct", 1),
        ("gateway/machine.py", "from heapq import heappush\nfrom elsewhere.calls import span", 0),
        ("gateway/machine.py", "def f():\n    from time import monotonic", 1),
        ("errors.py", "def f():\n    print(id(f))", 2),
        ("calls/messages.py", "class Call:\n    id: int", 0),
    ],
)
def test_impurities_are_found(path: str, text: str, count: int) -> None:
    source = Source(f"src/elsewhere/{path}", text)
    assert is_pure(source)
    assert len(list(impurities(source))) == count


def test_the_other_tiers_may_touch_the_world() -> None:
    assert not is_pure(Source("src/elsewhere/engines/local.py", ""))
    assert not is_pure(Source("src/elsewhere/__init__.py", ""))
