"""A file that was named by `elsewhere.file` is where the call is, with the content that it had."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest

import elsewhere
from elsewhere import DataFile, Depends, FileChanged, Pool
from elsewhere.keys.key import key_of
from elsewhere.plans.host import PROCESS
from elsewhere.testing.nodes import PoolOfNodes
from tests.projects import BARE, Project, project_in


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("one two three")
    return path


@pytest.fixture
def nodes() -> Iterator[PoolOfNodes]:
    with PoolOfNodes(2, path=BARE) as pool:
        yield pool


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with project_in(tmp_path / "project") as project:
        yield project


def read(file: DataFile) -> str:
    return Path(file).read_text()


def where(file: DataFile) -> tuple[str, int, int]:
    path = os.fspath(file)
    return path, stat.S_IMODE(os.stat(path).st_mode), os.getpid()


def test_a_worker_of_this_machine_reads_the_file_itself(pool: Pool, words: Path) -> None:
    file = elsewhere.file(words)
    assert pool.submit(read, file).result() == "one two three"
    assert pool.submit(where, file).result()[0] == str(words) == os.fspath(file)


def test_it_is_not_read_where_all_see_it(
    pool: Pool, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PROCESS, "names_files", False)
    words.chmod(0)
    file = elsewhere.file(words)
    assert pool.submit(where, file).result()[0] == str(words)
    assert not file._name


def test_on_another_node_it_has_a_path_that_all_its_workers_share(words: Path) -> None:
    with PoolOfNodes(1, 2, path=BARE) as nodes:
        file = elsewhere.file(words)
        assert nodes.submit(read, file).result() == "one two three"
        found = {future.result() for future in [nodes.submit(where, file) for _ in range(20)]}
    assert len({path for path, _, _ in found} - {str(words)}) == 1
    assert {mode for _, mode, _ in found} == {stat.S_IRUSR}


def test_it_may_be_a_default_a_variable_or_what_a_provider_is_given(
    nodes: PoolOfNodes, words: Path
) -> None:
    file = elsewhere.file(words)

    def default(file: DataFile = file) -> str:
        return read(file)

    def variable() -> str:
        return read(file)

    def given(text: Annotated[str, Depends(read, file)]) -> str:
        return text

    for function in (default, variable, given):
        assert nodes.submit(function).result() == "one two three"


def test_modules_name_files_where_they_come_from(nodes: PoolOfNodes, project: Project) -> None:
    project.write("table.txt", "of a project")
    project.write(
        "named_files.py",
        """
        from pathlib import Path
        import elsewhere

        TABLE = elsewhere.file(Path(__file__).with_name("table.txt"))

        def text(table=TABLE):
            return Path(table).read_text()
        """,
    )
    module = project.load("named_files")
    assert [nodes.submit(module.text).result() for _ in range(4)] == ["of a project"] * 4


def test_an_edited_file_is_an_error_that_says_so(words: Path) -> None:
    with PoolOfNodes(1, path=BARE) as nodes, Pool(1) as pool:
        file = elsewhere.file(words)
        for each in (nodes, pool):
            assert each.submit(abs, -1).result() == 1
        futures = [each.submit(read, elsewhere.file(words)) for each in (nodes, pool)]
        assert [future.result() for future in futures] == ["one two three"] * 2

        held = words.with_name("held.txt")
        held.write_text("as it was named")
        sent = elsewhere.file(held)
        name = sent.name
        held.write_text("edited")
        assert name
        with pytest.raises(FileChanged, match=r"held\.txt .* edited"):
            os.fspath(sent)
        for each in (nodes, pool):
            # It was named before it was edited, and is sent after it.
            with pytest.raises(FileChanged, match=r"held\.txt .* edited"):
                each.submit(read, sent).result()
        assert file.name


def test_so_is_one_that_is_not_there_any_more_or_never_was(pool: Pool, words: Path) -> None:
    file = elsewhere.file(words)
    words.unlink()
    with pytest.raises(FileChanged, match=r"words\.txt .* there no more"):
        pool.submit(read, file).result()
    with pytest.raises(FileChanged, match=r"words\.txt .* not there any more"):
        os.fspath(file)
    with pytest.raises(FileNotFoundError, match=r"words\.txt"):
        elsewhere.file(words)
    with pytest.raises(IsADirectoryError, match="name the files in it"):
        elsewhere.file(words.parent)
    with pytest.raises(TypeError, match="path must be a string or a path"):
        elsewhere.file(b"words.txt")  # type: ignore[arg-type]  # which the test is about


def test_in_a_key_it_counts_by_its_content(words: Path) -> None:
    same = words.with_name("same.txt")
    same.write_text("one two three")
    other = words.with_name("other.txt")
    other.write_text("one two four")
    first, second, third = (key_of(read, (elsewhere.file(p),)) for p in (words, same, other))
    assert first == second != third
    assert elsewhere.file(words) == elsewhere.file(same) != elsewhere.file(other)


def test_without_a_pool_it_is_the_file(words: Path) -> None:
    assert elsewhere.call(read, elsewhere.file(words)) == "one two three"
    assert repr(elsewhere.file(words)) == f"elsewhere.file({str(words)!r})"
