"""What a worker lacks is brought to it: the user's own modules, found by what imports them."""

import importlib.machinery
import inspect
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from elsewhere.testing.nodes import PoolOfNodes
from tests.projects import BARE, Project, project_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "project") as project:
        yield project


@pytest.fixture
def nodes() -> Iterator[PoolOfNodes]:
    with PoolOfNodes(2, path=BARE) as pool:
        yield pool


def test_modules_come_with_all_that_they_import(nodes: PoolOfNodes, project: Project) -> None:
    project.write("sent_a/__init__.py", "from .base import BASE\n")
    project.write("sent_a/base.py", "BASE = 1\n")
    project.write("sent_a/inner/more.py", "from ..base import BASE\nMORE = BASE + 1\n")
    project.write("sent_spaces/thing.py", "THING = 'in a namespace package'\n")
    project.write("sent_late.py", "LATE = 'imported when it is needed'\n")
    project.write(
        "sent_top.py",
        """
        import sys
        import sent_a.inner.more
        from sent_spaces import thing

        def seen():
            import sent_late
            loaders = {type(sys.modules[n].__loader__).__name__ for n in ("sent_a", "sent_late")}
            return sent_a.BASE, sent_a.inner.more.MORE, thing.THING, sent_late.LATE, loaders
        """,
    )
    seen = project.load("sent_top").seen
    wanted = (1, 2, "in a namespace package", "imported when it is needed", {"TextLoader"})
    assert [nodes.submit(seen).result() for _ in range(4)] == [wanted] * 4
    assert "sent_late" not in sys.modules


@pytest.mark.parametrize(("old", "loader"), [(True, "SourceFileLoader"), (False, "TextLoader")])
def test_what_is_there_in_the_same_edition_is_imported_as_ever(
    project: Project, old: bool, loader: str
) -> None:
    # The time of a file that was written to just now says too little.
    project.write("sent_b.py", "def loader():\n    return type(__loader__).__name__\n", old=old)
    module = project.load("sent_b")
    with PoolOfNodes(1, path=BARE, sees_files=True) as nodes:
        assert nodes.submit(module.loader).result() == loader


def test_modules_of_arguments_and_by_names_made_up_come_too(
    nodes: PoolOfNodes, project: Project
) -> None:
    project.write("sent_c.py", "class Point:\n    def __init__(self, x):\n        self.x = x\n")
    project.write("sent_plugin_c.py", "def act():\n    return 'acts'\n")
    point = project.load("sent_c").Point(3)
    project.load("sent_plugin_c")

    def use(thing: object, plugin: str) -> object:
        return vars(thing), importlib.import_module("sent_plugin_" + plugin).act()

    assert nodes.submit(use, point, "c").result() == ({"x": 3}, "acts")


def test_calls_inside_calls_pass_on_what_came(nodes: PoolOfNodes, project: Project) -> None:
    project.write(
        "sent_d.py",
        """
        import os, time
        import elsewhere

        def part(n):
            time.sleep(0.02)
            return n, os.getpid()

        def whole():
            return list(elsewhere.map(part, range(20)))
        """,
    )
    whole = project.load("sent_d").whole
    parts = nodes.submit(whole).result()
    assert [n for n, _ in parts] == list(range(20))
    assert len({worker for _, worker in parts}) == 2


def test_an_edit_is_seen_by_the_next_call(nodes: PoolOfNodes, project: Project) -> None:
    project.write("sent_e_deep.py", "VALUE = 1\n")
    project.write("sent_e.py", "from sent_e_deep import VALUE\ndef value():\n    return VALUE\n")
    module = project.load("sent_e")
    assert nodes.submit(module.value).result() == 1
    project.edit(project.load("sent_e_deep"), "VALUE = 22\n")
    assert [nodes.submit(module.value).result() for _ in range(4)] == [22] * 4


def test_what_is_loaded_late_there_is_seen_as_the_file_says(
    nodes: PoolOfNodes, project: Project
) -> None:
    path = project.write("sent_f_late.py", "VALUE = 1\n")
    project.write(
        "sent_f.py", "def value():\n    import sent_f_late\n    return sent_f_late.VALUE\n"
    )
    module = project.load("sent_f")
    assert nodes.submit(module.value).result() == 1
    path.write_text("VALUE = 22\n")
    assert nodes.submit(module.value).result() == 22


def test_tracebacks_and_texts_of_modules_that_lie_in_no_file(
    nodes: PoolOfNodes, project: Project
) -> None:
    path = project.write("sent_g.py", "def fail():\n    raise ValueError('as it was sent')\n")
    module = project.load("sent_g")

    def text() -> str:
        return inspect.getsource(module.fail)

    nodes.submit(abs, -1).result()
    assert nodes.submit(text).result() == path.read_text()
    path.write_text("something else")
    error = nodes.submit(module.fail).exception()
    assert error is not None
    told = "".join(traceback.format_exception(error))
    assert f"{path}" in told
    assert "line 2, in fail\n    raise ValueError('as it was sent')" in told


def test_modules_out_of_an_archive_come_too(
    nodes: PoolOfNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("sent_zip.py", "def answer():\n    return 'out of an archive'\n")
    monkeypatch.syspath_prepend(archive)
    monkeypatch.delitem(sys.modules, "sent_zip", raising=False)
    answer = importlib.import_module("sent_zip").answer
    assert nodes.submit(answer).result() == "out of an archive"


def test_an_initializer_takes_its_modules_along(project: Project) -> None:
    project.write("sent_h.py", "STATE = []\ndef begin(x):\n    STATE.append(x)\n")
    project.write("sent_h_use.py", "import sent_h\ndef state():\n    return sent_h.STATE\n")
    begin, state = project.load("sent_h").begin, project.load("sent_h_use").state
    with PoolOfNodes(1, path=BARE, initializer=begin, initargs=(7,)) as pool:
        assert pool.submit(state).result() == [7]


def test_pure_tasks_have_one_key_here_and_there(nodes: PoolOfNodes, project: Project) -> None:
    project.write(
        "sent_i.py",
        """
        import os
        import elsewhere

        @elsewhere.task(pure=True)
        def made(x):
            return x, os.urandom(8)

        def inside(x):
            return elsewhere.call(made, x)
        """,
    )
    module = project.load("sent_i")
    there = nodes.submit(module.inside, 1).result()
    assert nodes.submit(module.made, 1).result() == there
