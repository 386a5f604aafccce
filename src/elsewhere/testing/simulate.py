"""The real gateway machine in simulated worlds: ``python -m elsewhere.testing.simulate --seeds 200``.

Each seed is a world with its own workers, calls and faults. First faults happen, and nothing wrong
may be done (safety); then they stop, and everything must settle (liveness). No process, socket,
thread or clock is involved in a world, and a seed is always the same history. Exits with 1 at the
first violation and says how to replay it.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import fields

from elsewhere.cpus import usable_cpus
from elsewhere.testing.campaign import PROBES, Summary, run_campaign
from elsewhere.testing.run import Report, run_seed

PROBED_SEEDS_MIN = 200
"""A campaign of so many seeds or more has to reach every probe."""


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    if options.seed is not None:
        return _run_one(options.seed, trace=options.trace, as_json=options.json)
    summary = run_campaign(range(options.first, options.first + options.seeds), options.jobs)
    missed = summary.unreached if summary.seeds >= PROBED_SEEDS_MIN else []
    if options.json:
        print(_encode(summary))
    else:
        print("\n".join(_describe(summary, options.jobs)))
    for seed, violation in summary.violations[:1]:
        print(f"\nseed {seed}: {violation}", file=sys.stderr)
        print(
            f"replay: python -m elsewhere.testing.simulate --seed {seed} --trace", file=sys.stderr
        )
    if missed:
        print(f"\nnever reached: {', '.join(missed)}", file=sys.stderr)
    return 1 if summary.violations or missed else 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m elsewhere.testing.simulate",
        description="Drive the gateway machine through simulated faults, and check every step.",
    )
    parser.add_argument("--seeds", type=_positive, default=200, help="how many (200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print what happens")
    parser.add_argument("--json", action="store_true", help="print JSON for a program to read")
    parser.add_argument(
        "--jobs", type=_positive, default=usable_cpus(), help="processes (usable cores)"
    )
    options = parser.parse_args(arguments)
    if options.trace and options.seed is None:
        parser.error("--trace needs --seed")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run_one(seed: int, *, trace: bool, as_json: bool) -> int:
    report = run_seed(seed, check_every=1, tell=print if trace else None)
    if as_json:
        print(_encode(report))
    else:
        print("\n".join(_describe_one(report)))
    return 1 if report.violation else 0


def _encode(counted: Summary | Report) -> str:
    # Not asdict: it takes a Counter apart into pairs and counts those.
    return json.dumps({f.name: getattr(counted, f.name) for f in fields(counted)}, indent=2)


def _describe_one(report: Report) -> list[str]:
    return [
        f"seed {report.seed}  hash {report.hash}",
        f"kinds of faults: {', '.join(report.kinds) or 'none'}",
        f"{report.steps:,} steps, {report.events:,} events, {report.simulated_seconds:.3f} s simulated",
        f"violation: {report.violation or 'none'}",
    ]


def _describe(summary: Summary, jobs: int) -> list[str]:
    seconds = summary.core_seconds or 1.0
    share = 100 * summary.checks / max(1, summary.steps)
    return [
        f"seeds       {summary.seeds:,} in {summary.wall_seconds:.1f} s with {jobs} jobs",
        f"            {summary.faultless:,} without faults",
        f"repeated    {summary.repeated:,} seeds, with invariants after every step: equal hashes",
        f"steps       {summary.steps:,}, {summary.steps / seconds:,.0f} a second and core",
        f"events      {summary.events:,}, {summary.events / seconds:,.0f} a second and core",
        f"checked     promises after every step, all invariants after {share:.0f} % of them",
        f"simulated   {summary.simulated_seconds:,.0f} s",
        *_table("settled", summary.verdicts),
        *_table("faults", summary.faults),
        *_table("sometimes", {probe: summary.probes[probe] for probe in PROBES}),
        f"violations  {len(summary.violations)}",
    ]


def _table(name: str, counts: Mapping[str, int]) -> list[str]:
    rows = [f"{count:>11,}  {what}" for what, count in sorted(counts.items(), key=_by_count)]
    return [f"{name:<12}{sum(counts.values()):,}", *rows]


def _by_count(row: tuple[str, int]) -> tuple[int, str]:
    return -row[1], row[0]


if __name__ == "__main__":
    sys.exit(main())
