"""An edited module, once loaded again here, is what the next call finds, in every worker."""

import inspect
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import elsewhere
from elsewhere import Pool
from elsewhere.calls.shipment import PICKLE
from tests.projects import Project, project_in
from tests.system.waiting import wait_until


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "project") as project:
        yield project


def test_an_edited_module_is_seen_by_the_next_call(pool: Pool, project: Project) -> None:
    project.write("edited_a.py", "def answer():\n    return 'first'\n")
    module = project.load("edited_a")
    assert pool.submit(module.answer).result() == "first"

    for edition in ("second", "third and longer", "first"):
        project.edit(module, f"def answer():\n    return {edition!r}\n")
        futures = [pool.submit(module.answer) for _ in range(8)]
        assert {future.result() for future in futures} == {edition}


def test_so_are_modules_that_import_it_and_functions_that_travel_by_value(
    pool: Pool, project: Project
) -> None:
    project.write("edited_b/__init__.py", "")
    project.write("edited_b/deep.py", "VALUE = 1\n")
    project.write("edited_b/middle.py", "from edited_b.deep import VALUE\n")
    project.write("edited_b/apart.py", "import os\nLOADED_BY = os.urandom(8)\n")
    project.write(
        "edited_b/top.py",
        """
        from edited_b import apart, middle

        def seen():
            return middle.VALUE, apart.LOADED_BY
        """,
    )
    top = project.load("edited_b.top")
    deep = project.load("edited_b.deep")

    def seen_by_value() -> object:
        return top.middle.VALUE, elsewhere.call(top.seen)[0]

    with Pool(1) as one:
        first, loaded_by = one.submit(top.seen).result()
        project.edit(deep, "VALUE = 2\n")
        # What does not depend on what was edited is not loaded anew.
        assert one.submit(top.seen).result() == (2, loaded_by)
    assert first == 1
    assert pool.submit(seen_by_value).result() == (2, 2)


def test_a_call_under_way_keeps_the_edition_that_it_has(project: Project, tmp_path: Path) -> None:
    project.write(
        "edited_c.py",
        """
        import elsewhere
        import asyncio, pathlib
        from dataclasses import dataclass

        @dataclass
        class Thing:
            name: str = "old"

        def child():
            return Thing().name

        async def wait_for(path):
            while not path.exists():
                await asyncio.sleep(0.005)

        def slow(folder):
            before = Thing()
            (folder / "begun").touch()
            # While it waits, its worker runs calls of the newer edition.
            elsewhere.spawn(wait_for, folder / "go on").result()
            return before == Thing(), Thing().name, elsewhere.call(child)
        """,
    )
    module = project.load("edited_c")
    text = (project.folder / "edited_c.py").read_text()
    go_on = tmp_path / "go on"
    with Pool(1) as pool:
        slow = pool.submit(module.slow, tmp_path)
        wait_until(lambda: list(tmp_path.glob("begun")), "the slow call has begun")
        project.edit(module, text.replace('"old"', '"newer"'))
        futures = [pool.submit(module.child) for _ in range(4)]
        assert {future.result() for future in futures} == {"newer"}
        go_on.touch()
        assert slow.result() == (True, "old", "old")
        assert pool.submit(module.child).result() == "newer"


def test_what_is_loaded_here_counts_and_not_what_the_file_says_since(
    pool: Pool, project: Project
) -> None:
    path = project.write("edited_d.py", "def answer():\n    return 1\n")
    module = project.load("edited_d")
    pool.submit(module.answer).result()
    project.edit(module, "def answer():\n    return 22\n")
    path.write_text("this is no Python\n")
    assert pool.submit(module.answer).result() == 22
    path.unlink()
    assert [pool.submit(module.answer).result() for _ in range(4)] == [22] * 4


def test_lines_of_an_edition_that_lies_in_no_file_are_told(pool: Pool, project: Project) -> None:
    path = project.write("edited_e.py", "def fail():\n    raise ValueError\n")
    module = project.load("edited_e")
    pool.submit(module.fail).exception()
    project.edit(module, "\n\n\ndef fail():\n    raise ValueError('the newer one')\n")
    path.write_text("\n".join(["something else"] * 20))

    error = pool.submit(module.fail).exception()
    assert error is not None
    told = "".join(traceback.format_exception(error))
    assert "line 5, in fail\n    raise ValueError('the newer one')" in told

    def text_of() -> str:
        return inspect.getsource(module.fail)

    assert pool.submit(text_of).result() == "def fail():\n    raise ValueError('the newer one')\n"


def test_a_result_of_an_edited_class_comes_back(pool: Pool, project: Project) -> None:
    text = """
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: int

            def moved(self):
                return Point(self.x + 1)
        """
    project.write("edited_f.py", text)
    module = project.load("edited_f")
    assert pool.submit(module.Point.moved, module.Point(1)).result() == module.Point(2)
    project.edit(module, text.replace("+ 1", "+ 1000"))
    assert pool.submit(module.Point.moved, module.Point(1)).result() == module.Point(1001)


def test_maps_and_new_workers_see_it_too(project: Project) -> None:
    project.write("edited_g.py", "def add(x):\n    return x + 1\n")
    module = project.load("edited_g")
    with Pool(2, max_tasks_per_child=2) as pool:
        assert list(pool.map(module.add, range(3))) == [1, 2, 3]
        project.edit(module, "def add(x):\n    return x + 1000\n")
        assert list(pool.map(module.add, range(3), chunksize=1)) == [1000, 1001, 1002]
        assert [pool.submit(module.add, n).result() for n in range(6)] == list(range(1000, 1006))


def test_a_module_that_does_not_load_any_more_fails_the_call(pool: Pool, project: Project) -> None:
    project.write("edited_h.py", "def answer():\n    return 1\n")
    module = project.load("edited_h")
    assert pool.submit(module.answer).result() == 1
    with pytest.raises(SyntaxError):
        project.edit(module, "def answer(:\n")
    with pytest.raises(SyntaxError):
        pool.submit(module.answer).result()
    project.edit(module, "def answer():\n    return 22\n")
    assert pool.submit(module.answer).result() == 22


def test_nothing_is_sent_along_before_anything_was_edited(project: Project) -> None:
    project.write("edited_i.py", "def answer():\n    return 1\n")
    module = project.load("edited_i")
    with Pool(1) as pool:
        pool.submit(module.answer).result()
        assert pool._session._functions.encode(module.answer).code[:1] == PICKLE
