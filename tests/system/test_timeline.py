"""The timeline of real workers: what ran where, what waited for what, and which bytes moved."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import elsewhere
from elsewhere import Pool
from elsewhere.calls.messages import Verdict
from tests.system import functions


def make(size: int) -> bytes:
    return bytes(size)


def join(*parts: bytes) -> bytes:
    return b"".join(parts)


def total(lengths: list[str]) -> int:
    return sum(elsewhere.map(len, lengths))


def test_spans_say_what_waited_for_what_and_how_many_bytes_moved() -> None:
    with Pool(2, record=True) as pool:
        first, second = pool.submit(make, 1000), pool.submit(make, 100_000)
        third = pool.submit(join, first, second)
        assert len(third.result()) == 101_000
        fourth = pool.submit(join, second, third)
        assert len(fourth.result()) == 201_000
        one, two, three, four = sorted(pool.timeline(), key=lambda span: span.call)

    assert three.inputs == (one.call, two.call)
    assert three.ready == max(one.ended, two.ended)
    assert three.asked < three.ready <= three.started
    assert four.inputs == (two.call, three.call)
    assert four.ready == three.ended <= four.asked
    assert (one.ready, one.inputs) == (None, ())
    assert two.argument_bytes < three.argument_bytes < 1000
    assert 100_000 <= two.result_bytes < 101_000 <= three.result_bytes < 102_000
    assert all(0 < span.asked <= span.started for span in (one, two, three, four))


def test_large_values_do_not_count_as_sent() -> None:
    with Pool(2, record=True) as pool:
        put = pool.put(bytes(1_000_000))
        made = pool.submit(join, put, bytes(2_000_000))
        assert pool.submit(len, made).result() == 3_000_000
        joined, counted = sorted(pool.timeline(), key=lambda span: span.call)

    assert len(joined.inputs) == 1
    assert counted.inputs == (joined.call,)
    assert joined.sent_bytes < 1000
    assert 6_000_000 <= joined.mapped_bytes < 6_100_000
    assert counted.sent_bytes < 1000
    assert 3_000_000 <= counted.mapped_bytes < 3_100_000


def test_calls_of_a_map_calls_that_fail_and_calls_inside_calls_are_in_it() -> None:
    with Pool(2, record=True) as pool:
        assert sum(pool.map(len, ["ab"] * 10, chunksize=5)) == 20
        assert isinstance(pool.submit(functions.fail, 1).exception(), ValueError)
        assert pool.submit(total, ["ab"] * 10).result() == 20
        spans = pool.timeline()

    assert [(s.function, s.items, s.verdict) for s in spans if not s.parent] == [
        ("len", 5, Verdict.VALUE),
        ("len", 5, Verdict.VALUE),
        ("fail", 1, Verdict.ERROR),
        ("total", 1, Verdict.VALUE),
    ]
    (outer,) = (span for span in spans if span.function == "total")
    inner = [span for span in spans if span.parent]
    assert [(s.function, s.items, s.verdict) for s in inner] == [("len", 1, Verdict.VALUE)] * 10
    assert {span.parent for span in inner} == {outer.call}
    assert all(span.argument_bytes and span.result_bytes for span in inner)


def test_calls_inside_calls_are_told_of_wherever_they_run() -> None:
    def spread(count: int) -> None:
        list(elsewhere.map(time.sleep, [0.05] * count))

    def fail() -> str:
        return type(elsewhere.spawn(functions.fail, 1).exception()).__name__

    with Pool(2, record=True) as pool:
        pool.submit(spread, 8).result()
        assert pool.submit(fail).result() == "ValueError"
        spans = pool.timeline()

    naps = [span for span in spans if span.function == "sleep"]
    assert {span.worker for span in naps} == {1, 2}
    assert len(naps) == 8
    (outer,) = (span for span in spans if span.function.endswith("spread"))
    for nap in naps:
        assert nap.parent == outer.call
        assert outer.started <= nap.asked <= nap.started
        assert nap.ended <= outer.ended
        # One that left the worker in which it was made has a number.
        assert nap.call or nap.worker == outer.worker
    (failed,) = (span for span in spans if span.function == "fail")
    assert (failed.verdict, bool(failed.parent)) == (Verdict.ERROR, True)


def test_what_an_input_has_failed_did_not_run() -> None:
    with Pool(1, record=True) as pool:
        failed = pool.submit(functions.fail, 1)
        after = pool.submit(functions.identity, failed)
        assert isinstance(after.exception(), ValueError)
        assert [span.function for span in pool.timeline()] == ["fail"]


def test_a_timeline_can_be_saved_once_the_pool_has_ended(tmp_path: Path) -> None:
    with Pool(2, record=True) as pool:
        made = pool.submit(make, 10)
        pool.submit(join, made)
    pool.timeline().save(tmp_path / "run.json")
    pool.timeline().save(tmp_path / "run.html")

    events = json.loads((tmp_path / "run.json").read_text("utf-8"))["traceEvents"]
    assert sorted(event["name"] for event in events if event["ph"] == "X") == ["join", "make"]
    assert [event["ph"] for event in events if event.get("cat") == "input"] == ["s", "f"]
    assert "<title>2 calls on " in (tmp_path / "run.html").read_text("utf-8")


@pytest.mark.parametrize(("arguments", "loaded"), [("2", False), ("2, record=True", True)])
def test_only_who_records_loads_what_records(arguments: str, loaded: bool) -> None:
    script = (
        "import sys\nfrom elsewhere import Pool\n"
        f"with Pool({arguments}) as pool:\n    future = pool.submit(abs, -1)\n    future.result()\n"
        "print(any(name.startswith('elsewhere.timeline') for name in sys.modules), future.noted)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    is_loaded, noted = done.stdout.strip().split(" ", 1)
    assert is_loaded == str(loaded)
    assert (noted == "None") is not loaded
