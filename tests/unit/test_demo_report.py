"""The report and the page say what was found, whatever the files and functions are called."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from elsewhere.demo.collect import collect
from elsewhere.demo.page import render
from elsewhere.demo.report import (
    as_text,
    as_value,
    collection_text,
    shortened,
    table,
)
from elsewhere.demo.survey import Survey, take_survey
from tests.unit.demo_inline import InlinePool

# A file name that would end the script and the cell it stands in, and one like a marker.
HOSTILE = "</script><b>&\"'"
MARKER = "{{data}}"


def write(folder: Path) -> None:
    (folder / "plain.py").write_text("def f(x):\n    return x and 1\n", "utf-8")
    (folder / "second.py").write_text("def g(): pass\n", "utf-8")
    (folder / f"{MARKER}.py").write_text("def größe(): pass\n", "utf-8")
    hostile = folder / HOSTILE.replace("/", "\N{FRACTION SLASH}")
    hostile.mkdir()
    (hostile / "h.py").write_text("def h(x): return x or x and 2\n", "utf-8")
    (hostile / "bad.py").write_text("x = <script>\n", "utf-8")


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    write(tmp_path)
    return take_survey(collect([tmp_path]), InlinePool)


class Page(HTMLParser):
    """What a browser would see: the tags, the text outside scripts, and the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.shown = ""
        self.data = ""
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        kind = dict(attrs).get("type") or ""
        self._in.append("data" if kind == "application/json" else tag)

    def handle_endtag(self, tag: str) -> None:
        self._in.append("")

    def handle_data(self, data: str) -> None:
        inside = self._in[-1] if self._in else ""
        if inside == "data":
            self.data += data
        elif inside not in {"script", "style"}:
            self.shown += data


def test_the_text_names_all_that_was_asked_for(survey: Survey) -> None:
    text = as_text(survey, Path("page.html"))
    assert "plain:1" in text
    assert re.search(r"files +5 ", text)
    assert re.search(r"functions +4 ", text)
    assert "invalid syntax: 1 (" in text
    assert "extrapolated by bytes from 5 files" in text
    assert "seed 1976" in text
    assert text.endswith("The timeline of every worker: page.html")


def test_the_text_tells_where_the_calls_ran(survey: Survey) -> None:
    lines = as_text(survey, None).splitlines()
    start = lines.index("Where the calls ran")
    assert [line.split() for line in lines[start + 1 : start + 4]] == [
        ["worker", "calls", "files", "busy", "seconds", "share"],
        ["1", "2", "3", "2.00", "66.7%"],
        ["2", "1", "2", "1.00", "33.3%"],
    ]


def test_long_names_fit_the_terminal(tmp_path: Path) -> None:
    name = "f" + "o" * 200
    (tmp_path / f"{name}.py").write_text(f"def {name}(): pass\n", "utf-8")
    found = take_survey(collect([tmp_path]), InlinePool)
    narrow = as_text(found, None, columns=80)
    assert max(len(line) for line in narrow.splitlines()[:3]) <= 80
    assert name in as_text(found, None)


def test_no_function_at_all_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    text = as_text(take_survey(collect([tmp_path]), InlinePool), None)
    assert "no functions were found" in text
    assert "speed-up 0.00" in text


def test_a_limit_that_was_reached_is_said_everywhere(tmp_path: Path) -> None:
    write(tmp_path)
    collection = collect([tmp_path], limit_bytes=30)
    survey = take_survey(collection, InlinePool)
    notice = f"The limit of 30 bytes was reached: {collection.left_out_files} more files"
    assert collection.left_out_files > 0
    assert notice in collection_text(collection)
    assert notice in as_text(survey, None)
    assert notice in Page(render(survey)).shown
    value = as_value(survey, None)["limit"]
    assert value == {
        "bytes": 30,
        "left_out_files": collection.left_out_files,
        "left_out_bytes": collection.left_out_bytes,
    }


def test_without_a_limit_nothing_is_said_of_one(survey: Survey) -> None:
    assert "was reached" not in collection_text(survey.collection) + as_text(survey, None) + render(
        survey
    )


def test_a_record_that_lost_calls_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    survey = take_survey(collect([tmp_path]), lambda: InlinePool(spans_max=1))
    notice = "The pool's record covers 1 of 5 files"
    assert notice in as_text(survey, None)
    assert notice in Page(render(survey)).shown


def test_the_json_is_one_value_that_programs_can_read(survey: Survey) -> None:
    value = json.loads(json.dumps(as_value(survey, Path("page.html"))))
    assert value["page"] == "page.html"
    assert value["totals"]["files"] == 5
    assert value["totals"]["failed"] == 1
    top = value["most_complex"][0]
    assert (top["function"], top["line"], top["complexity"], top["lines"]) == ("h", 1, 3, 1)
    assert value["failures"][0]["count"] == len(value["failures"][0]["files"]) == 1
    assert sum(worker["share"] for worker in value["where"]) == pytest.approx(1)
    assert value["one_core"]["extrapolated_by"] == "bytes"
    plain = next(module for module in value["modules"] if module["module"] == "plain")
    assert (plain["lines"], plain["functions"], plain["complexity_max"]) == (2, 1, 2)
    assert len(value["modules"]) == 4


def test_the_page_shows_the_figures_and_the_names(survey: Survey) -> None:
    shown = Page(render(survey)).shown
    assert "measured on 2 workers" in shown
    for expected in ("plain:1", "größe", "invalid syntax", "66.7%", "seed 1976"):
        assert expected in shown


def test_no_name_becomes_markup(survey: Survey) -> None:
    page = Page(render(survey))
    assert HOSTILE.replace("/", "\N{FRACTION SLASH}") + ".h:1" in page.shown
    assert "b" not in page.tags
    assert page.tags.count("script") == 2


def test_a_name_like_a_marker_is_not_filled_in(survey: Survey) -> None:
    page = Page(render(survey))
    assert page.shown.count(f"{MARKER}:1") == 1
    # No other marker is left over.
    assert re.findall(r"\{\{\w+\}\}", render(survey)) == [MARKER]


def test_the_page_needs_nothing_else(survey: Survey) -> None:
    page = Page(render(survey))
    assert page.links == []
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert "@import" not in render(survey)
    assert "url(" not in render(survey)
    assert "default-src 'none'" in render(survey)


def test_the_timeline_has_every_call_from_the_start_of_the_survey(survey: Survey) -> None:
    data = json.loads(Page(render(replace(survey, began=-10.0, elapsed_seconds=13.5))).data)
    assert data == {
        "elapsed": 13.5,
        "calls": [[1, 10.0, 1.0, 2, True], [2, 11.0, 1.0, 2, True], [1, 12.0, 1.0, 1, True]],
    }


def test_a_page_without_failures_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    assert "None." in Page(render(take_survey(collect([tmp_path]), InlinePool))).shown


def test_columns_are_aligned() -> None:
    assert table(("n", "name"), [("10", "x"), ("1", "long")], right=1) == [
        "   n  name",
        "  10  x",
        "   1  long",
    ]


def test_shortening_keeps_both_ends() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 9) == "abc...ijk"
