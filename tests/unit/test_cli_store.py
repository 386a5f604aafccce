"""The commands that look after a store: what they print, and what they refuse."""

import argparse
import json
from contextlib import closing
from pathlib import Path

import pytest

from elsewhere.cli import main
from elsewhere.cli.quantities import age
from elsewhere.stores.opening import open_store
from tests.remembering import LARGE, key, remember, row

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "r.db"
    with closing(open_store(path)) as store:
        remember(store, row(1, function="pkg.f"), row(2, function="pkg.f"), row(3, LARGE, "pkg.g"))
        assert store.get(key(1)) is not None
    return path


def test_status_is_a_table_for_people(capsys: Captured, path: Path) -> None:
    assert main(["status", "--store", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 3 results, format 1"
    assert "1 blobs 128.0 KiB" in lines[1]
    assert lines[2].split()[-1] == "function"
    assert [line.split()[-1] for line in lines[3:]] == ["pkg.g", "pkg.f"]
    assert lines[4].split()[:6] == ["2", "24", "bytes", "0.5", "1", "0.2"]


def test_status_is_one_object_for_programs(capsys: Captured, path: Path) -> None:
    assert main(["status", "--store", str(path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["store"], value["format"], value["results"]) == (str(path), 1, 3)
    assert (value["blobs"], value["blob_bytes"]) == (1, len(LARGE))
    g, f = value["functions"]
    assert (f["function"], f["results"], f["bytes"], f["seconds"]) == ("pkg.f", 2, 24, 0.5)
    assert (f["hits"], f["seconds_saved"]) == (1, 0.25)
    assert g["oldest"] == g["newest"] == g["last_use"]


def test_an_empty_store_has_a_status(capsys: Captured, tmp_path: Path) -> None:
    open_store(tmp_path / "r.db").close()
    assert main(["status", "--store", str(tmp_path / "r.db")]) == 0
    assert "0 results" in capsys.readouterr().out


def test_gc_says_what_it_did(capsys: Captured, path: Path) -> None:
    assert main(["gc", str(path), "--function", "pkg.g", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would evict 1 results, 128.")
    assert main(["gc", str(path), "--function", "pkg.g", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["results"], value["kept_results"], value["blobs"]) == (1, 2, 1)
    assert value["dry_run"] is False
    assert main(["gc", str(path), "--older-than", "30d", "--max-size", "2GB"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("evicted 0 results")
    assert "kept 2 results" in printed


@pytest.mark.parametrize("command", [["status", "--store"], ["gc"]])
def test_what_is_no_store_is_one_plain_line(
    capsys: Captured, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "notes.txt").write_text("something else entirely\n" * 100, "utf-8")
    for name, says in (("none.db", "there is no store"), ("notes.txt", "it is no store")):
        assert main([*command, str(tmp_path / name)]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"elsewhere: {tmp_path / name}: {says}")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gc"], "the following arguments are required: STORE"),
        (["gc", "r.db", "--older-than", "soon"], "--older-than: 'soon' is no age: give a number"),
        (["gc", "r.db", "--older-than", "0d"], "'0d' is no age"),
        (["gc", "r.db", "--older-than", "30"], "'30' is no age"),
        (["gc", "r.db", "--max-size", "2 parsecs"], "--max-size: '2 parsecs' is no size"),
        (["status"], "the following arguments are required: --store"),
    ],
)
def test_wrong_usage_is_explained(capsys: Captured, arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45m", 2700), ("1.5h", 5400), ("30d", 2_592_000), ("8W", 4_838_400)],
)
def test_ages(text: str, seconds: float) -> None:
    assert age(text) == seconds


def test_an_age_without_a_number_is_none() -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        age("d")
