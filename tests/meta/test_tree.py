"""The list of files that the other checks read is the repository's."""

import subprocess
from pathlib import Path

import pytest

from tests.meta.tree import ROOT, Source, files, sources
from tests.requirements import need


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    for name in ("src/a.py", "README.md", "dist/built.py", ".venv/lib/other.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")
    return tmp_path


def test_this_repository_is_found() -> None:
    assert {"pyproject.toml", "src/elsewhere/__init__.py", "tests/meta/tree.py"} <= set(files(ROOT))


def test_without_git_the_folders_are_searched(small_tree: Path) -> None:
    assert files(small_tree) == ["README.md", "src/a.py"]


def test_with_git_only_what_it_would_take_counts(
    small_tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = subprocess.run(["git", "--version"], capture_output=True, check=False).returncode
    need(git == 0, "git", "apt-get install git")
    monkeypatch.delenv("GIT_DIR", raising=False)
    subprocess.run(["git", "init", "--quiet"], cwd=small_tree, check=True)
    (small_tree / ".gitignore").write_text("/dist/\n/.venv/\n", "utf-8")
    (small_tree / "gone.py").write_text("", "utf-8")
    subprocess.run(["git", "add", "gone.py"], cwd=small_tree, check=True)
    (small_tree / "gone.py").unlink()
    assert files(small_tree) == [".gitignore", "README.md", "src/a.py"]
    assert [source.path for source in sources(small_tree, "src/")] == ["src/a.py"]


def test_a_source_knows_its_module() -> None:
    assert Source("src/elsewhere/calls/__init__.py", "").module == "elsewhere.calls"
    assert Source("src/elsewhere/pool.py", "").module == "elsewhere.pool"
