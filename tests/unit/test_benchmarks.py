"""The statistics and the reports of the benchmarks, on measurements that were made up."""

import json
from dataclasses import replace

import pytest

from benchmarks.figures import ANY_PEER, Figure, judge, judge_all, target
from benchmarks.machine import Machine
from benchmarks.report import aligned, as_plain, number, text
from benchmarks.results import PeerResult, Results, Summary, WorkloadResult, ratios, summarise
from benchmarks.wire import Closed, Failed, Measured, Missing, Ready, decode, encode
from benchmarks.workload import Metric, Scale, WrongResult, check_equal

RATE = Metric("calls_per_second", "calls/s", "higher")
TIME = Metric("seconds", "s", "lower")


def measured(name: str, metric: Metric, **variants: list[float]) -> PeerResult:
    """Return a peer that has these values, round by round, of one metric."""
    count = max(map(len, variants.values()))
    return PeerResult(
        name=name,
        version="1.0",
        variants=list(variants),
        rounds=[
            {
                variant: {metric.name: values[number]}
                for variant, values in variants.items()
                if number < len(values)
            }
            for number in range(count)
        ],
    )


def workload(metric: Metric, *peers: PeerResult, name: str = "submit") -> WorkloadResult:
    return WorkloadResult(name=name, title="calls", metrics=(metric,), peers=peers)


def run_of(*workloads: WorkloadResult) -> Results:
    machine = Machine(
        processor="Processor",
        cores=2,
        memory_mib=2048,
        system="Linux 6",
        python="3.11.7",
        load_before=0.5,
    )
    return Results(
        machine=machine, started="2026-01-02T03:04:05", rounds=3, quick=False, workloads=workloads
    )


def test_a_summary_leaves_out_what_was_not_measured() -> None:
    assert summarise([3.0, None, 1.0, 2.0]) == Summary(2.0, 1.0, 3.0)
    assert summarise([None]) is None


def test_ratios_are_taken_round_by_round() -> None:
    # The second round was twice as slow for both, which is none of our doing.
    assert ratios([10.0, 5.0, 10.0], [2.0, 1.0, None]) == [5.0, 5.0, None]


def test_a_peer_counts_with_its_best_variant() -> None:
    peer = measured("loky", RATE, default=[1.0, 2.0], by_hand=[9.0, 8.0])
    assert [series.variant for series in workload(RATE, peer).best(RATE)] == ["by_hand"]
    peer = measured("loky", TIME, default=[1.0, 2.0], by_hand=[9.0, 8.0])
    assert [series.variant for series in workload(TIME, peer).best(TIME)] == ["default"]


@pytest.mark.parametrize(
    ("ours", "reached", "within_spread"),
    [
        ([70.0, 80.0, 71.0], True, False),
        ([69.0, 80.0, 68.0], False, True),
        ([10.0, 20.0, 30.0], False, False),
    ],
)
def test_a_median_below_the_bound_says_whether_a_round_was_above(
    ours: list[float], reached: bool, within_spread: bool
) -> None:
    figure = Figure(
        workload="submit",
        metric=RATE.name,
        comparison="≥",
        bound=7,
        peer="concurrent.futures",
    )
    peers = [
        measured("elsewhere", RATE, submit=ours),
        measured("concurrent.futures", RATE, submit=[10.0, 10.0, 10.0]),
    ]
    verdict = judge(figure, workload(RATE, *peers))
    assert (verdict.reached, verdict.within_spread) == (reached, within_spread)
    assert verdict.against == "concurrent.futures, submit"


def test_the_best_peer_is_never_ourselves() -> None:
    figure = Figure(
        workload="initializer", metric=TIME.name, comparison="≤", bound=1, peer=ANY_PEER
    )
    peers = [
        measured("elsewhere", TIME, initializer=[2.0]),
        measured("loky", TIME, initializer=[4.0]),
        measured("mpire", TIME, worker_init=[2.5]),
    ]
    verdict = judge(figure, workload(TIME, *peers, name="initializer"))
    assert verdict.against == "mpire, worker_init"
    assert verdict.measured == Summary(0.8, 0.8, 0.8)


def test_only_the_named_variants_of_a_peer_are_compared_with() -> None:
    figure = Figure(
        workload="matvec",
        metric=TIME.name,
        comparison="<",
        bound=1,
        peer="concurrent.futures",
        variants=("forked",),
    )
    peers = [
        measured("elsewhere", TIME, closure=[3.0]),
        measured("concurrent.futures", TIME, forked=[4.0], forked_by_hand=[1.0]),
    ]
    assert judge(figure, workload(TIME, *peers, name="matvec")).reached


def test_an_equal_value_is_not_faster() -> None:
    figure = Figure(workload="stream", metric=TIME.name, comparison="<", bound=20)
    peer = measured("elsewhere", TIME, default=[20.0])
    assert not judge(figure, workload(TIME, peer, name="stream")).reached


def test_without_the_peer_there_is_no_verdict_and_no_target() -> None:
    alone = workload(RATE, measured("elsewhere", RATE, submit=[1.0]))
    (verdict,) = judge_all(run_of(alone))
    assert verdict.word == "not measured"
    assert target(alone, RATE) is None


def test_a_target_is_in_the_unit_of_the_metric() -> None:
    peer = measured("concurrent.futures", RATE, submit=[10.0, 30.0, 20.0])
    assert target(workload(RATE, peer), RATE) == pytest.approx(140.0)


def test_the_table_shows_ratios_verdicts_and_what_is_missing() -> None:
    peers = [
        measured("elsewhere", RATE, submit=[80_000.0]),
        measured("concurrent.futures", RATE, submit=[10_000.0]),
        PeerResult(name="ray", problem="not installed: make bench-peers"),
    ]
    lines = [" ".join(line.split()) for line in text(run_of(workload(RATE, *peers))).splitlines()]
    assert "elsewhere submit 80,000 (80,000 to 80,000)" in lines
    assert "concurrent.futures submit 10,000 (10,000 to 10,000) 8 x" in lines
    assert "ray: not installed: make bench-peers" in lines
    assert lines[-1].endswith("8 x (8 to 8) ≥ 7 x yes")


def test_a_busy_machine_is_told() -> None:
    peer = replace(measured("loky", RATE, submit=[1.0]), seconds=10.0, others_seconds=5.0)
    assert "others used 0.5 cores while loky was measured" in text(run_of(workload(RATE, peer)))


def test_a_workload_that_cannot_run_has_no_verdict() -> None:
    broken = WorkloadResult(name="matvec", title="matvec", problem="No module named 'numpy'")
    assert list(judge_all(run_of(broken))) == []
    assert "matvec: No module named 'numpy'" in text(run_of(broken))


def test_the_json_has_every_value_and_verdict() -> None:
    peers = [
        measured("elsewhere", RATE, submit=[70.0, 90.0]),
        measured("concurrent.futures", RATE, submit=[10.0, 10.0]),
    ]
    plain = json.loads(json.dumps(as_plain(run_of(workload(RATE, *peers)))))
    (shown,) = plain["workloads"]
    assert shown["peers"][0]["rounds"][1] == {"submit": {"calls_per_second": 90.0}}
    assert shown["summaries"][0]["median"] == 80.0
    assert plain["figures"][0]["reached"] is True


@pytest.mark.parametrize(
    ("value", "written"), [(1234567.8, "1,234,568"), (45.678, "45.7"), (0.04567, "0.0457")]
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written


def test_columns_are_aligned() -> None:
    assert list(aligned([["a", "1"], ["bcd", "23"]], "<>")) == ["  a     1", "  bcd  23"]


@pytest.mark.parametrize(
    "reply",
    [
        Ready(version="1.0", python="3.11.7", variants=["default"]),
        Measured(metrics={"seconds": 1.5}),
        Missing(what="No module named 'loky'"),
        Failed(error="ValueError: no\nsuch thing"),
        Closed(),
    ],
)
def test_a_reply_is_one_line_and_survives_it(
    reply: Ready | Measured | Missing | Failed | Closed,
) -> None:
    line = encode(reply)
    assert line.count(b"\n") == 1
    assert decode(line) == reply


@pytest.mark.parametrize("line", [b"Warning: something", b"[1]", b'["Ready", {"no": 1}]', b"3"])
def test_what_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a reply"):
        decode(line)


def test_a_quick_run_makes_fewer_calls_but_some() -> None:
    assert Scale().count(20_000, 20) == 1000
    assert Scale(quick=True).count(20_000, 20) == 100
    assert Scale(quick=True).count(10, 10) == 2


def test_a_wrong_result_is_no_measurement() -> None:
    check_equal([1, 2], [1, 2])
    with pytest.raises(WrongResult):
        check_equal([1, 3], [1, 2])
