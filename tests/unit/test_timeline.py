"""A timeline is shown as it was, whatever the functions are called."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from elsewhere import Timeline
from elsewhere.calls.messages import Verdict
from elsewhere.calls.span import Span
from elsewhere.timeline.lanes import LANES_MAX, lay_out
from elsewhere.timeline.page import wait_of


def span(call: int, worker: int, started: float, elapsed: float, **more: Any) -> Span:
    name = more.pop("function", "f")
    verdict = more.pop("verdict", Verdict.VALUE)
    asked = more.pop("asked", started)
    return Span(name, worker, started, elapsed, 1, verdict, call, asked, **more)


# d2 is made of d1, d3 of d2 and of a call that is not in the timeline.
SPANS = [
    span(1, 4, 100.0, 1.0, function="make", result_bytes=10),
    span(2, 4, 101.5, 1.0, asked=100.25, ready=101.0, inputs=(1,), result_bytes=20),
    span(3, 9, 103.0, 0.5, asked=100.5, ready=102.5, inputs=(2, 77), verdict=Verdict.ERROR),
]


class Page(HTMLParser):
    """The text of each element, by tag, and what the elements refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.references: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")
        self.references += [str(value) for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            continue

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open[-1]][-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.texts["script"][0])


# ---------------------------------------------------------------- lanes


def test_each_worker_has_a_lane_in_the_order_of_their_numbers() -> None:
    lanes = lay_out(reversed(SPANS))
    assert lanes.names == ["worker 4", "worker 9"]
    assert [bar.lane for bar in lanes.bars] == [1, 0, 0]
    assert (lanes.origin, lanes.length) == (100.0, 3.5)


def test_calls_that_overlap_in_one_worker_are_beside_each_other() -> None:
    outer, inner, later = span(1, 2, 0.0, 4.0), span(2, 2, 1.0, 1.0), span(3, 2, 2.0, 1.0)
    lanes = lay_out([inner, later, outer, span(4, 7, 0.0, 1.0)])
    assert lanes.names == ["worker 2", "worker 2 (2)", "worker 7"]
    assert [bar.lane for bar in lanes.bars] == [1, 1, 0, 2]


def test_what_overlaps_by_rounding_only_stays_on_one_lane_and_overlaps_no_more() -> None:
    first, second = lay_out([span(1, 2, 1e6, 1.0 + 4e-7), span(2, 2, 1e6 + 1, 1.0)]).bars
    assert first.lane == second.lane
    assert first.ended == second.started


def test_lanes_are_found_again_when_they_are_free() -> None:
    spans = [span(n, 1, start, 1.5) for n, start in enumerate((0.0, 1.0, 2.0, 3.0, 4.0))]
    assert [bar.lane for bar in lay_out(spans).bars] == [0, 1, 0, 1, 0]


def test_a_picture_begins_with_the_first_request() -> None:
    assert lay_out([span(1, 1, 5.0, 1.0, asked=2.0)]).origin == 2.0
    assert lay_out([]).length == 0.0


# ---------------------------------------------------------------- the trace


def test_the_trace_has_a_thread_for_the_client_and_each_lane() -> None:
    events = Timeline(SPANS).trace()["traceEvents"]
    names = [(e["name"], e["tid"], e["args"]) for e in events if e["ph"] == "M"]
    assert names == [
        ("process_name", 1, {"name": "elsewhere"}),
        ("thread_name", 1, {"name": "client"}),
        ("thread_sort_index", 1, {"sort_index": 1}),
        ("thread_name", 2, {"name": "worker 4"}),
        ("thread_sort_index", 2, {"sort_index": 2}),
        ("thread_name", 3, {"name": "worker 9"}),
        ("thread_sort_index", 3, {"sort_index": 3}),
    ]


def test_each_call_is_a_complete_event_in_microseconds() -> None:
    trace = Timeline(SPANS).trace()
    calls = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert calls[2] == {
        "name": "f",
        "ph": "X",
        "pid": 1,
        "tid": 3,
        "ts": 3e6,
        "dur": 0.5e6,
        "cat": "call",
        "args": {
            "call": 3,
            "verdict": "error",
            "items": 1,
            "argument bytes": 0,
            "result bytes": 0,
            "sent bytes": 0,
            "mapped bytes": 0,
            "inputs": [2, 77],
            "waited for inputs (µs)": 2e6,
            "waited for a worker (µs)": 0.5e6,
        },
    }
    assert "inputs" not in calls[0]["args"]
    assert [(call["ts"], call["dur"]) for call in calls] == [(0, 1e6), (1.5e6, 1e6), (3e6, 0.5e6)]
    asked = [event["ts"] for event in trace["traceEvents"] if event["ph"] == "i"]
    assert asked == [0, 0.25e6, 0.5e6]
    assert json.loads(json.dumps(trace)) == trace


def test_a_flow_leads_from_within_each_known_input_to_the_start_of_the_call() -> None:
    events = Timeline(SPANS).trace()["traceEvents"]
    flows = [event for event in events if event["cat" if event["ph"] != "M" else "ph"] == "input"]
    assert [(e["ph"], e["id"], e["tid"], e["ts"]) for e in flows] == [
        ("s", 1, 2, 1e6 - 1),
        ("f", 1, 2, 1.5e6),
        ("s", 2, 2, 2.5e6 - 1),
        ("f", 2, 3, 3e6),
    ]
    assert [event["args"] for event in flows if event["ph"] == "s"] == [
        {"bytes": 10},
        {"bytes": 20},
    ]
    assert all(event["bp"] == "e" for event in flows if event["ph"] == "f")
    slices = [event for event in events if event["ph"] == "X"]
    for flow in flows:
        assert any(
            s["tid"] == flow["tid"] and s["ts"] <= flow["ts"] < s["ts"] + s["dur"] for s in slices
        )
    assert events.index(slices[-1]) < events.index(flows[0])


def test_no_two_events_of_a_thread_overlap() -> None:
    spans = [span(n, 1 + n % 2, n * 0.3, 1.0) for n in range(40)]
    by_thread: dict[int, list[tuple[float, float]]] = {}
    for event in Timeline(spans).trace()["traceEvents"]:
        if event["ph"] == "X":
            end = event["ts"] + event["dur"]
            by_thread.setdefault(event["tid"], []).append((event["ts"], end))
    for times in by_thread.values():
        times.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(times))


# ---------------------------------------------------------------- the page


def test_the_page_has_every_call_from_the_first_request() -> None:
    assert Page(Timeline(SPANS).html()).data == {
        "length": 3.5,
        "lanes": ["worker 4", "worker 9"],
        "functions": ["f", "make"],
        "calls": [
            [0, 0, 1, 1, 1, 0, None, [], 1, 0, 10, "value", 0, 0, 0],
            [0, 1.5, 2.5, 0, 2, 0.25, 1, [1], 1, 0, 20, "value", 0, 0, 0],
            [1, 3, 3.5, 0, 3, 0.5, 2.5, [2, 77], 1, 0, 0, "error", 0, 0, 0],
        ],
    }


def test_a_call_inside_another_one_is_not_asked_for_by_the_client() -> None:
    inner = span(0, 4, 100.2, 0.5, parent=1)
    timeline = Timeline([inner, SPANS[0]])

    events = timeline.trace()["traceEvents"]
    assert [event["args"]["call"] for event in events if event["ph"] == "i"] == [1]
    inside = [event["args"].get("inside call") for event in events if event["ph"] == "X"]
    assert inside == [None, 1]
    assert Page(timeline.html()).data["calls"][0][-1] == 1
    figures = Page(timeline.html()).texts
    sums = dict(zip(figures["dt"], figures["dd"], strict=True))
    assert sums["Sum of the client's calls"] == "1.00 s"


def test_what_is_nested_deep_shares_the_last_lane() -> None:
    nested = [span(0, 1, 100.0 + depth, 200.0 - 2 * depth, parent=1) for depth in range(80)]
    assert len(lay_out(nested).names) == LANES_MAX


def test_the_page_says_which_bytes_moved_and_which_calls_waited() -> None:
    page = Page(Timeline(SPANS).html())
    figures = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert figures["Results"] == "30 bytes"
    assert figures["Inputs from other calls"] == "30 bytes"
    assert figures["of these from another worker"] == "20 bytes"
    cells = page.texts["td"]
    # f: 2 calls, 1 failed; 1.5 s, the longest 1 s; they waited 1.375 s and 0.5 s on average.
    assert cells[:6] == ["2", "1", "1.50 s", "1.00 s", "1.38 s", "500.00 ms"]
    assert [wait_of(one) for one in SPANS] == [(0.0, 0.0), (0.75, 0.5), (2.0, 0.5)]


def test_a_worker_is_busy_once_where_two_of_its_calls_overlap() -> None:
    page = Page(Timeline([span(1, 1, 0.0, 4.0), span(2, 1, 1.0, 1.0), span(3, 1, 3.0, 5.0)]).html())
    assert page.texts["td"][-3:] == ["3", "8.00 s", "100%"]


def test_names_stay_names() -> None:
    name = "<b>&{{data}}</script><!--\ud800"
    text = Timeline([span(1, 1, 0.0, 1.0, function=name)]).html()
    page = Page(text)
    assert page.data["functions"] == [name]
    assert page.texts["code"][0] == "<b>&{{data}}</script><!--\\ud800"
    assert "<b>" not in text
    assert text.encode("utf-8")


def test_the_page_needs_nothing_else() -> None:
    text = Timeline(SPANS).html()
    page = Page(text)
    assert page.references == []
    assert not {"link", "img", "iframe", "object"} & set(page.texts)
    assert not re.search(r"@import|url\(|fetch\(|https?://(?!www\.w3\.org)", text)
    assert "default-src 'none'" in text
    assert "{{" not in text


def test_a_page_of_nothing_says_so() -> None:
    page = Page(Timeline([]).html())
    assert page.texts["h1"] == ["0 calls on 0 workers"]
    assert page.data["calls"] == []


# ---------------------------------------------------------------- the timeline


def test_a_timeline_is_a_sequence_and_equals_its_list() -> None:
    timeline = Timeline(SPANS)
    assert timeline == SPANS
    assert timeline == Timeline(SPANS)
    assert timeline != SPANS[1:]
    assert timeline != "spans"
    assert (len(timeline), timeline[-1], SPANS[1] in timeline) == (3, SPANS[2], True)
    assert isinstance(timeline[1:], Timeline)
    assert timeline[1:] == SPANS[1:]
    assert repr(timeline) == "<elsewhere.Timeline: 3 calls on 2 workers>"


def test_the_ending_of_a_path_says_how_it_is_saved(tmp_path: Path) -> None:
    timeline = Timeline(SPANS)
    timeline.save(tmp_path / "a.HTML")
    timeline.save(str(tmp_path / "a.json"))
    assert (tmp_path / "a.HTML").read_text("utf-8") == timeline.html()
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == timeline.trace()


@pytest.mark.parametrize("name", ["a.txt", "html", "a"])
def test_any_other_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"saved as \.html, a page, or as \.json.*not as"):
        Timeline(SPANS).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_shows_the_page_in_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elsewhere.timeline.timeline.NOTEBOOK_SPANS_MAX", 2)
    shown = Timeline(SPANS)._repr_html_()
    source = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" [^>]*></iframe>', shown
    )
    assert source is not None
    page = Page(unescape(source[1]))
    assert [call[4] for call in page.data["calls"]] == [2, 3]
    assert "1 earlier calls are left out." in page.texts["p"]
