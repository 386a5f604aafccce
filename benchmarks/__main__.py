"""The command: `python -m benchmarks [WORKLOAD ...]` and `python -m benchmarks install-peers`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.catalogue import CATALOGUE, find_entry
from benchmarks.environments import ROOT, ignore_by_git, install_peers
from benchmarks.report import as_plain, text
from benchmarks.results import Results
from benchmarks.runner import Plan, run
from benchmarks.workloads import NAMES

INSTALL = "install-peers"
RESULTS = ROOT / "benchmarks" / "results"
ROUNDS = 5
QUICK_ROUNDS = 2
INTERRUPTED = 130


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    known = [entry.name for entry in CATALOGUE]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure elsewhere and its peers in alternation, with two workers each.",
        epilog=f"{INSTALL} makes the environments of the peers and measures nothing.",
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"{', '.join(NAMES)}; default: all"
    )
    parser.add_argument("--peers", metavar="A,B", help=f"of {', '.join(known)}; default: all")
    parser.add_argument("--rounds", type=int, help=f"default: {ROUNDS}, {QUICK_ROUNDS} if quick")
    parser.add_argument("--quick", action="store_true", help="fewer calls a round")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    options.peers = options.peers.split(",") if options.peers else known
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    for wrong in sorted({*options.peers} - {*known}):
        parser.error(f"no peer is called {wrong!r}; there are {', '.join(known)}")
    for wrong in sorted({*options.workloads} - {*NAMES, INSTALL}):
        parser.error(f"no workload is called {wrong!r}; there are {', '.join(NAMES)}")
    if INSTALL in options.workloads and len(options.workloads) > 1:
        parser.error(f"{INSTALL} stands alone")
    return options


def save(results: Results, folder: Path) -> list[Path]:
    """Write the JSON and the chart, also under the names `latest.*`; return their paths."""
    ignore_by_git(folder)
    stem = results.started.partition("+")[0].replace(":", "-")
    paths = [folder / f"{stem}.json"]
    paths[0].write_text(json.dumps(as_plain(results), indent=1, ensure_ascii=False) + "\n")
    try:
        from benchmarks.chart import draw
    except ImportError as error:
        print(f"no chart: {error}; pip install matplotlib", file=sys.stderr)
    else:
        paths.append(folder / f"{stem}.png")
        draw(results, paths[1])
    for path in paths:
        (folder / f"latest{path.suffix}").write_bytes(path.read_bytes())
    return paths


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if options.workloads == [INSTALL]:
        return 1 if install_peers(options.peers) else 0
    plan = Plan(
        workloads=options.workloads or NAMES,
        peers=[find_entry(name) for name in options.peers],
        rounds=options.rounds,
        quick=options.quick,
    )
    try:
        results = run(plan)
    except KeyboardInterrupt:
        print("interrupted; all processes have been ended", file=sys.stderr)
        return INTERRUPTED
    paths = save(results, options.results)
    print(json.dumps(as_plain(results), ensure_ascii=False) if options.json else text(results))
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
