"""The process of one peer in one workload: `python -m benchmarks.server PEER WORKLOAD [--quick]`."""

import gc
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.catalogue import find_entry, load_peer
from benchmarks.peer import Peer
from benchmarks.processes import adopt_orphans
from benchmarks.wire import CLOSE, MEASURE, Closed, Failed, Measured, Missing, Ready, Reply, encode
from benchmarks.workload import Scale, Workload
from benchmarks.workloads import load_workload


def serve(peer: Peer, workload: Workload, scale: Scale) -> Iterator[Reply]:
    """Yield one reply when the peer is ready and one for each line of standard input."""
    with opened(peer, workload):
        workload.prepare(peer, scale)
        variants = list(workload.variants(peer))
        yield Ready(version=peer.version(), python=platform.python_version(), variants=variants)
        for line in sys.stdin:
            verb, _, variant = line.rstrip("\n").partition(" ")
            if verb == CLOSE:
                break
            if verb != MEASURE:
                raise ValueError(f"unknown verb {verb!r}")
            gc.collect()
            yield Measured(metrics=workload.measure(peer, variant, scale))
    yield Closed()


@contextmanager
def opened(peer: Peer, workload: Workload) -> Iterator[None]:
    if workload.opens == "pool":
        peer.open()
    elif workload.opens == "cluster":
        peer.open_cluster()
    try:
        yield
    finally:
        if workload.opens == "pool":
            peer.close()
        elif workload.opens == "cluster":
            peer.close_cluster()


def take_standard_output() -> int:
    """Return a private descriptor of standard output, which prints of peers no longer reach."""
    replies = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def main(arguments: list[str]) -> int:
    peer_name, workload_name, *options = arguments
    replies = take_standard_output()
    adopt_orphans()
    try:
        peer = load_peer(find_entry(peer_name))
        workload = load_workload(workload_name)
    except ImportError as error:
        os.write(replies, encode(Missing(what=str(error))))
        return 0
    try:
        for reply in serve(peer, workload, Scale(quick="--quick" in options)):
            os.write(replies, encode(reply))
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is its result
        traceback.print_exc()
        os.write(replies, encode(Failed(error=f"{type(error).__name__}: {error}")))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
