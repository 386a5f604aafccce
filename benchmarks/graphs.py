"""Graphs of calls of which none can begin while they are built: what a call costs that waits.

    python -m benchmarks.graphs GRAPH CALLS            through a pool
    python -m benchmarks.graphs GRAPH CALLS --gateway  only what the gateway keeps

Each prints one line of JSON, and belongs in a process of its own: memory that was used once stays.
"""

import argparse
import fcntl
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from math import isqrt
from time import perf_counter, sleep
from typing import Any

from benchmarks.functions import begin_at, count_path
from benchmarks.peer import WORKERS
from benchmarks.processes import peak_resident_bytes, reset_peak, resident_bytes
from benchmarks.workload import check_equal
from elsewhere import Pool
from elsewhere.calls.messages import Call, Define, Input, Options, Submit
from elsewhere.codec.references import dumps_with_inputs
from elsewhere.codec.values import dumps
from elsewhere.future import Future
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT
from elsewhere.nobody import Nobody

Inputs = tuple[int, ...]
"""the numbers of the calls whose values a call is given; the first call has number 0 and no inputs"""
FAN_IN = 100_000
POLL_SECONDS = 0.001


def chain(calls: int) -> Iterator[Inputs]:
    """Each is given the value of the one before."""
    for number in range(1, calls):
        yield (number - 1,)


def fan_in(calls: int) -> Iterator[Inputs]:
    """All are given the value of the first, but one in FAN_IN that is given those since the last such."""
    begun = 1
    for number in range(1, calls):
        if number - begun == FAN_IN or number == calls - 1:
            yield tuple(range(begun, number))
            begun = number + 1
        else:
            yield (0,)


def wavefront(calls: int) -> Iterator[Inputs]:
    """Each is given the values of its upper and its left neighbour in a square."""
    side = isqrt(calls)
    for number in range(1, side * side):
        row, column = divmod(number, side)
        yield (number - side,) * (row > 0) + (number - 1,) * (column > 0)


GRAPHS: Mapping[str, Callable[[int], Iterator[Inputs]]] = {
    "wavefront": wavefront,
    "chain": chain,
    "fan-in": fan_in,
}


def paths(name: str, calls: int) -> list[int]:
    """How long the longest way to each call is."""
    found = [0]
    for inputs in GRAPHS[name](calls):
        found.append(1 + max(found[number] for number in inputs))
    return found


def run_in_pool(name: str, calls: int) -> dict[str, float]:
    """Build the graph while its first call is kept waiting, and then fetch all values.

    The memory is the highest that the client has had until the last value was there, above that of
    the pool without calls.
    """
    with Pool(WORKERS) as pool, tempfile.NamedTemporaryFile() as gate:
        list(pool.map(count_path, range(100)))
        fcntl.flock(gate, fcntl.LOCK_EX)
        futures: list[Future[int]] = []
        gc.collect()
        before = resident_bytes()
        reset_peak()
        started = perf_counter()
        futures.append(pool.submit(begin_at, gate.name))
        while not os.path.getsize(gate.name):
            sleep(POLL_SECONDS)
        for inputs in GRAPHS[name](calls):
            given: list[Any] = [futures[number] for number in inputs]
            futures.append(pool.submit(count_path, *given))
        fcntl.flock(gate, fcntl.LOCK_UN)
        values = [future.result() for future in futures]
        seconds = perf_counter() - started
        grown = peak_resident_bytes() - before
        check_equal(values, paths(name, calls))
    return {
        "calls_per_second": len(values) / seconds,
        "client_kb_per_call": grown / 1000 / len(values),
    }


def run_in_gateway(name: str, calls: int) -> dict[str, float]:
    """Submit the graph to a gateway without workers, and see how its process grows.

    That is all it keeps of calls: the messages too, which in a client are also those of the futures.
    """
    gateway = Gateway()
    gateway.step(CLIENT, Define(1, b"code", "function"), 0.0)
    options = Options()
    payloads = {0: b""}
    gc.collect()
    before = resident_bytes()
    gateway.step(CLIENT, Submit([Call(1, 1, b"", options)]), 0.0)
    for number, inputs in enumerate(GRAPHS[name](calls), 2):
        width = len(inputs)
        if width not in payloads:
            payloads[width] = encode_arguments(width)
        call = Call(
            number,
            1,
            bytes(bytearray(payloads[width])),  # not the same bytes, as it never is
            options,
            inputs=tuple([Input(one + 1) for one in inputs]),
        )
        gateway.step(CLIENT, Submit([call]), 0.0)
    return {"gateway_kb_per_call": (resident_bytes() - before) / 1000 / len(gateway.calls)}


def encode_arguments(width: int) -> bytes:
    """The arguments of a call that is given so many futures."""
    nobody = Nobody()
    futures: list[Future[int]] = [Future(None, "function", nobody) for _ in range(width)]
    return dumps_with_inputs(tuple(futures), {}, nobody, dumps)[0]


def measure(name: str, calls: int) -> dict[str, float]:
    """Both, in processes of their own."""
    command = [sys.executable, "-m", "benchmarks.graphs", name, str(calls)]
    measured: dict[str, float] = {}
    for more in ([], ["--gateway"]):
        ended = subprocess.run([*command, *more], stdout=subprocess.PIPE, text=True, check=True)
        measured |= json.loads(ended.stdout)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graphs")
    parser.add_argument("graph", choices=GRAPHS)
    parser.add_argument("calls", type=int)
    parser.add_argument("--gateway", action="store_true", help="measure the gateway alone")
    options = parser.parse_args()
    run = run_in_gateway if options.gateway else run_in_pool
    print(json.dumps(run(options.graph, options.calls)))


if __name__ == "__main__":
    main()
