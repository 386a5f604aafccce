"""Stores in real processes: killed, forked, crowded, out of room."""

import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from elsewhere.stores.eviction import evict
from elsewhere.stores.opening import open_store
from elsewhere.stores.summary import summarise
from tests.remembering import key, row
from tests.system.clients import environment, run_python
from tests.system.waiting import WAIT_SECONDS_MAX

# What result `number` is, so that whoever reads it knows what it has to be. Every tenth is a blob.
COMMON = """
import sys, threading
from elsewhere.stores.opening import open_store
from tests.remembering import Written, key, remember, row
from tests.system.test_stores import payload_of

path, level, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = open_store(path, level)
"""
# Says the number of each result as soon as it is acknowledged, and never ends by itself.
WRITE = """
import os
room = threading.Semaphore(count)
def done(number):
    def say(problem):
        assert problem is None, problem
        os.write(1, b"%d\\n" % number)
        room.release()
    return say
while room.acquire():
    store.write([row(first, payload_of(first))], done(first))
    first += 1
"""
# Writes and reads back its own results, and half of those of others if they are there.
USE = """
from tests.system.test_stores import check_result
for number in range(first, first + count):
    remember(store, row(number, payload_of(number)))
    check_result(store.get(key(number)), number)
    other = number * 7919 % 1000
    found = store.get(key(other))
    if found is not None:
        check_result(found, other)
store.close()
print("all read back")
"""


def payload_of(number: int) -> bytes:
    chance = random.Random(number)
    return chance.randbytes(70_000 if number % 10 == 0 else 1 + number % 300)


def check_result(found: object, number: int) -> None:
    expected = tuple(row(number, payload_of(number)))
    assert isinstance(found, tuple), f"{number} is not there"
    assert found[:-1] == expected, f"{number} is not what was written"


def start(program: str, path: Path, level: str, first: int, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + program, str(path), level, str(first), str(count)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Nothing is read before it is asked for, so that nothing is left in a buffer of ours.
        bufsize=0,
    )


@pytest.mark.parametrize("level", ["durable", "crash"])
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, level: str) -> None:
    path = tmp_path / "r.db"
    chance = random.Random(level)
    acknowledged: list[list[int]] = []
    # Far more numbers than fit into the pipe that they are said by.
    for first in range(0, 600_000, 100_000):
        with start(WRITE, path, level, first, 1000) as writer:
            assert writer.stdout is not None
            # Somewhere in what it does about then: it does not wait for us.
            said = b"".join(writer.stdout.readline() for _ in range(chance.randrange(1, 300)))
            writer.send_signal(signal.SIGKILL)
            rest, problem = writer.communicate(timeout=WAIT_SECONDS_MAX)
        assert writer.returncode == -signal.SIGKILL, problem
        # The last line may have been cut.
        acknowledged.append([int(line) for line in (said + rest).split(b"\n")[:-1]])
        assert acknowledged[-1] == list(range(first, first + len(acknowledged[-1])))
        with closing(open_store(path)) as store:
            for number in acknowledged[-1]:
                check_result(store.get(key(number)), number)
    # Nor did a later life of the store take away what an earlier one had kept.
    with closing(open_store(path)) as store:
        for first, *others in acknowledged:
            for number in (first, *others[-10:]):
                check_result(store.get(key(number)), number)


def test_processes_write_and_read_one_store_while_it_is_tidied(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    # They make it at the same time as well.
    processes = [start(USE, path, "crash", first, 400) for first in (0, 300, 600)]
    while any(process.poll() is None for process in processes):
        if path.exists():
            evict(path, function="nobody's")
    for process in processes:
        said, problem = process.communicate(timeout=WAIT_SECONDS_MAX)
        assert (said, problem) == (b"all read back\n", b"")
    with closing(open_store(path)) as store:
        for number in range(1000):
            check_result(store.get(key(number)), number)
    (kept,) = summarise(path).functions
    assert kept.results == 1000
    assert list(tmp_path.glob("*.new*")) == []


def test_a_file_that_may_not_grow_is_told_and_the_store_goes_on(tmp_path: Path) -> None:
    limit = 400_000
    program = f"""
import resource
from elsewhere.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
kept, refused = [], []
for number in range(first, first + count):
    # The database cannot hold them all, and no file the largest.
    size = 60_000 if number % 4 else {2 * limit}
    problem = Written(store, [row(number, bytes([number]) * size)]).problem()
    (kept if problem is None else refused).append(number)
    assert problem is None or isinstance(problem, StoreError), problem
    assert problem is None or path in str(problem), problem
assert kept and refused
assert all(store.get(key(number)).payload for number in kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for number in refused:
    assert store.get(key(number)) is None
    remember(store, row(number, bytes([number]) * 100_000))
assert all(store.get(key(number)).payload for number in kept + refused)
store.close()
print("went on")
"""
    with start(program, tmp_path / "r.db", "durable", 0, 40) as process:
        said, problem = process.communicate(timeout=WAIT_SECONDS_MAX)
    assert (said, problem) == (b"went on\n", b"")
    assert list((tmp_path / "r.db.blobs").glob("??/*.part")) == []


def test_a_fork_is_told_to_open_a_store_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    program = f"""
import os, sys
from elsewhere.errors import StoreError
from elsewhere.stores.opening import open_store
from tests.remembering import key, remember, row
store = open_store({str(path)!r})
remember(store, row(1))
assert store.get(key(1)) is not None
if (child := os.fork()) == 0:
    for use in (lambda: store.get(key(1)), lambda: remember(store, row(2))):
        try:
            use()
        except StoreError as error:
            assert "before a fork" in str(error), error
        else:
            os._exit(3)
    store.close()
    own = open_store({str(path)!r})
    assert own.get(key(1)) is not None
    remember(own, row(3))
    own.close()
    # As an ordinary end of a process does: whatever the child inherited is torn down.
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
remember(store, row(4))
assert store.get(key(3)) is not None
store.close()
print("done")
"""
    done = run_python("-W", "ignore::DeprecationWarning", "-c", program)
    assert (done.stdout, done.stderr) == ("done\n", "")
    with closing(open_store(path)) as store:
        assert [number for number in range(5) if store.get(key(number))] == [1, 3, 4]


def test_a_store_that_is_not_closed_keeps_nobody_from_ending(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    program = f"""
from elsewhere.stores.opening import open_store
from tests.remembering import remember, row
store = open_store({str(path)!r})
remember(store, row(1))
print("the end")
"""
    done = run_python("-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")
    with closing(open_store(path)) as store:
        assert store.get(key(1)) is not None
