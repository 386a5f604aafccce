"""What a function needs is found by reading, and named so that an edit of anything it needs shows."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from elsewhere.calls.shipment import PICKLE, Form, Module, Shipment, Table
from elsewhere.calls.wire import decode_record
from elsewhere.codec.functions import Functions
from elsewhere.keys.names import imports_of
from elsewhere.shipping.contents import users_modules
from elsewhere.shipping.editions import PoolEditions
from elsewhere.shipping.graph import Graph
from elsewhere.shipping.reloads import RELOADS
from tests.projects import Project, project_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path) as project:
        yield project


def shipped(code: bytes) -> tuple[Shipment, dict[str, Module]]:
    shipment = decode_record(code, Shipment)
    return shipment, {m.name: m for m in decode_record(shipment.table, Table).modules}


def pack(editions: PoolEditions, function: object) -> tuple[Shipment, dict[str, Module]]:
    return shipped(editions.pack(function, b"\x80code", editions.late(function)))


def test_every_import_statement_is_found_and_whether_it_runs_at_once() -> None:
    text = """
import a, b.c as d
from . import e
from ..f import g, h
try:
    from i import *
except ImportError:
    pass
class C:
    import j
def k():
    import l.m
    class N:
        import o
    return lambda: __import__
"""
    found = [
        (what.level, what.module, what.attributes, at_once)
        for what, at_once in imports_of(compile(text, "<text>", "exec"))
    ]
    assert sorted(found) == [
        (0, "a", (), True),
        (0, "b.c", (), True),
        (0, "i", ("*",), True),
        (0, "j", (), True),
        (0, "l.m", (), False),
        (0, "o", (), False),
        (1, "", ("e",), True),
        (2, "f", ("g", "h"), True),
    ]


def test_modules_are_followed_and_nothing_is_run(project: Project) -> None:
    project.write("walk_a/__init__.py", "raise SystemExit('nothing is run')\n")
    project.write(
        "walk_a/one.py", "from . import two\nfrom .two import absent\nimport os, walk_b\n"
    )
    project.write("walk_a/two.py", "def f():\n    from .three import x\n")
    project.write("walk_a/three.py", "import walk_a.one\nimport does_not_exist\n")
    project.write("walk_b/deep/leaf.py", "")
    project.write("walk_c.py", "import walk_b.deep.leaf\nfrom ... import too_far\n")
    project.write("walk_d.py", "this is no Python")
    graph = Graph()

    assert graph.reach(["walk_a.one"]) == {
        "walk_a",
        "walk_a.one",
        "walk_a.two",
        "walk_a.three",
        "walk_b",
    }
    assert graph.reach(["walk_c"]) == {"walk_c", "walk_b", "walk_b.deep", "walk_b.deep.leaf"}
    assert graph.reach(["walk_d", "does_not_exist"]) == {"walk_d"}
    assert graph.edition("walk_b").form is Form.NAMESPACE
    assert not {"walk_a", "walk_b", "walk_c", "walk_d"} & sys.modules.keys()


def test_an_edition_is_another_if_anything_that_it_reaches_is(project: Project) -> None:
    project.write("deep_a.py", "import deep_b\n")
    project.write("deep_b.py", "import deep_c, deep_a\n")
    path = project.write("deep_c.py", "")
    project.write("deep_d.py", "")

    def editions() -> dict[str, bytes]:
        graph = Graph()
        names = graph.reach(["deep_a", "deep_d"])
        return {name: graph.edition(name).edition for name in names}

    before = editions()
    assert editions() == before
    path.write_text("x = 1\n")
    after = editions()
    assert {name for name in before if before[name] != after[name]} == {
        "deep_a",
        "deep_b",
        "deep_c",
    }
    assert len({*after.values()}) == 4


def test_alike_workers_are_told_nothing_before_a_reload_and_then_what_depends_on_it(
    project: Project,
) -> None:
    project.write("alike_low.py", "X = 1\n")
    project.write("alike_high.py", "import alike_low\ndef f():\n    return alike_low.X\n")
    project.write("alike_apart.py", "")
    function = project.load("alike_high").f
    project.load("alike_apart")
    editions = PoolEditions(alike=True, environment="strict")
    before = editions.now()
    assert editions.pack(function, b"\x80code") == b"\x80code"

    project.edit(sys.modules["alike_low"], "X = 22\n")

    assert editions.now() != before
    shipment, modules = pack(editions, function)
    assert shipment.code == b"\x80code"
    assert shipment.distributions == ()
    assert modules.keys() == {"alike_low", "alike_high"}
    # A pool that is made now has workers that find the files as they are.
    assert PoolEditions(alike=True, environment="strict").pack(function, b"\x80") == b"\x80"


def test_a_library_that_is_loaded_again_does_not_travel() -> None:
    editions = PoolEditions(alike=True, environment="strict")
    importlib.reload(importlib.import_module("colorsys"))
    assert pack(editions, test_a_library_that_is_loaded_again_does_not_travel)[1] == {}


def test_others_are_told_of_all_modules_and_of_distributions_that_count(project: Project) -> None:
    project.write("sent_low.py", "import hypothesis\n")
    project.write("sent_high.py", "import sent_low\ndef f():\n    import sent_late, numbers\n")
    project.write("sent_late.py", "")
    project.write("sent_loaded.py", "import msgspec\n")
    function = project.load("sent_high").f
    project.load("sent_loaded")
    shipment, modules = pack(PoolEditions(alike=False, environment="warn"), function)

    assert {"sent_low", "sent_high", "sent_late", "sent_loaded", __name__} <= modules.keys()
    names = [name for name, _ in shipment.distributions]
    assert names == ["Python", "hypothesis"]
    assert not shipment.strict


def test_a_function_is_encoded_anew_once_what_it_needs_is_another(project: Project) -> None:
    project.write("anew_low.py", "X = 1\n")
    project.write("anew.py", "import anew_low\ndef f():\n    return anew_low.X\n")
    project.write("anew_late.py", "")
    function = project.load("anew").f

    def imports() -> object:
        import anew_late  # type: ignore[import-not-found]  # a module of the project

        return anew_late

    functions = Functions(
        lambda message: None, editions=PoolEditions(alike=True, environment="warn")
    )
    first, lazy = functions.encode(function), functions.encode(imports)
    assert functions.encode(function) is first
    assert functions.encode(imports) is lazy
    assert first.code[:1] == lazy.code[:1] == PICKLE

    project.write("anew_late.py", "edited = True\n")
    assert functions.encode(function) is first
    again = functions.encode(imports)
    assert again is not lazy
    assert shipped(again.code)[1].keys() == {"anew_late"}

    project.edit(sys.modules["anew_low"], "X = 22\n")
    assert shipped(functions.encode(function).code)[1].keys() == {"anew_low", "anew"}


def test_a_finder_that_came_before_does_not_hide_reloads(project: Project) -> None:
    class Before:
        """Answers whatever it is asked."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            return importlib.machinery.PathFinder.find_spec(name, path)  # type: ignore[arg-type]  # as given

    module = project.load(project.write("hidden.py", "").stem)
    editions = PoolEditions(alike=True, environment="strict")
    finder = Before()
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]  # as much of a finder as is needed
    try:
        before = editions.now()
        importlib.reload(module)
        assert editions.now() != before
        assert sys.meta_path[0] is RELOADS
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]  # as above


def test_modules_that_nobody_could_import_are_nobodys(project: Project) -> None:
    project.write("orphan/inner/leaf.py", "")
    project.load("orphan.inner.leaf")
    assert "orphan.inner.leaf" in users_modules()
    parent = sys.modules.pop("orphan")
    sys.modules["made_by_hand"] = ModuleType("made_by_hand")
    try:
        names = users_modules()
        assert "orphan.inner" not in names
        assert Graph().reach(["made_by_hand"]) == set()
    finally:
        sys.modules["orphan"] = parent
        del sys.modules["made_by_hand"]
