"""The demo reads each file of the standard library and the packages once, and hides nothing."""

import os
import sysconfig
from pathlib import Path

import pytest

from elsewhere.demo.collect import Collection, collect, module_name, printable, python_roots
from elsewhere.demo.complexity import FailureKind


def write(root: Path, sizes: dict[str, int]) -> Path:
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"#" * size)
    return root


def modules(collection: Collection) -> set[str]:
    return {source.module for source in collection.sources}


def test_only_python_files_are_found(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": 1, "b/__init__.py": 2, "b/c.py": 3, "b/d.txt": 4, "e.pyc": 5})
    write(tmp_path, {"__pycache__/a.py": 1})
    collection = collect([tmp_path])
    assert modules(collection) == {"a", "b", "b.c"}
    assert collection.bytes == 6


def test_packages_within_the_standard_library_are_not_part_of_it(tmp_path: Path) -> None:
    library = write(tmp_path / "lib", {"os.py": 1, "site-packages/x.py": 1})
    write(library, {"dist-packages/y.py": 1, "test/site-packages/z.py": 1})
    assert modules(collect([library])) == {"os", "test.site-packages.z"}
    both = collect([library, library / "site-packages"])
    assert modules(both) == {"os", "test.site-packages.z", "x"}


def test_a_file_with_many_names_is_taken_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": 1})
    (tmp_path / "b.py").symlink_to(tmp_path / "a.py")
    os.link(tmp_path / "a.py", tmp_path / "c.py")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "again").symlink_to(tmp_path)
    collection = collect([tmp_path, tmp_path])
    assert modules(collection) == {"a"}
    # Two more names in the first round, all three in the second.
    assert collection.duplicates == 5


def test_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to(tmp_path / "nowhere")
    (failure,) = collect([tmp_path]).unreadable
    assert (failure.module, failure.kind) == ("a", FailureKind.UNREADABLE)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    assert collect([tmp_path]).sources == ()


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    (failure,) = collect([tmp_path / "missing"]).unreadable
    assert failure.kind is FailureKind.UNREADABLE


def test_large_files_come_first_and_the_order_is_always_the_same(tmp_path: Path) -> None:
    small = {f"s{number}.py": number for number in range(20)}
    write(tmp_path, {**small, "large.py": 300_000, "larger.py": 400_000})
    names = [source.module for source in collect([tmp_path]).sources]
    assert names[:2] == ["larger", "large"]
    assert sorted(names[2:]) == sorted(name.removesuffix(".py") for name in small)
    assert names == [source.module for source in collect([tmp_path]).sources]


def test_the_limit_counts_what_it_leaves_out(tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"a.py": 10, "b.py": 20})
    second = write(tmp_path / "second", {"c.py": 30, "d.py": 1})
    collection = collect([first, second], limit_bytes=35)
    # After the first file that does not fit nothing is taken: the order says what is in.
    assert modules(collection) == {"a", "b"}
    assert (collection.left_out_files, collection.left_out_bytes) == (2, 31)
    exact = collect([first, second], limit_bytes=61)
    assert (len(exact.sources), exact.left_out_files) == (4, 0)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("os.py", "os"),
        ("json/__init__.py", "json"),
        ("json/decoder.py", "json.decoder"),
        ("__init__.py", "__init__"),
        ("odd\nname\x1b[31m.py", "odd\\nname\\x1b[31m"),
    ],
)
def test_module_names(path: str, module: str) -> None:
    assert module_name(Path("/root"), f"/root/{path}") == module


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("größe \x1b[0m\udcff") == "größe \\x1b[0m\\udcff"


def test_the_running_python_is_found() -> None:
    roots = python_roots()
    assert roots[0] == Path(sysconfig.get_path("stdlib")).resolve()
    assert len(set(roots)) == len(roots)
    assert all(root.is_dir() for root in roots)
