"""However a client ends, no process and no shared-memory file of it is left two seconds later."""

import os
import signal
from pathlib import Path

import pytest

from tests.system.clients import start_client
from tests.system.waiting import wait_until

SHARED_MEMORY = Path("/dev/shm")
GONE_SECONDS_MAX = 2.0

USES_A_POOL = """
import time
from elsewhere import Pool
from tests.system import functions

pool = Pool(2)
pool.submit(functions.square, 3).result()
"""
WAYS_TO_BE_BUSY = {
    "idle": "",
    "python": "futures = [pool.submit(functions.spin, 60) for _ in range(8)]",
    "asleep": "futures = [pool.submit(time.sleep, 60) for _ in range(8)]",
    "holding the interpreter": "futures = [pool.submit(functions.hold_the_interpreter) for _ in range(4)]",
    "swallowing interrupts": "futures = [pool.submit(functions.swallow_interrupts, 60) for _ in range(8)]",
    "ignoring signals": "futures = [pool.submit(functions.ignore_signals, 60) for _ in range(8)]",
    "unbounded map": "results = pool.map(functions.spin_for_a_moment, iter(int, 1)); next(results)",
    "large argument under way": "future = pool.submit(functions.identity, bytes(2**28))",
}
THEN_WAITS = """
if calls := globals().get("futures"):
    while sum(future.running() for future in calls) < 2:
        time.sleep(0.01)
print("ready")
time.sleep(60)
"""


@pytest.mark.parametrize("busy", WAYS_TO_BE_BUSY)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_nothing_is_left_of_a_client_that_is_killed(
    busy: str, number: signal.Signals, tmp_path: Path
) -> None:
    shared = set(SHARED_MEMORY.iterdir())
    program = USES_A_POOL + WAYS_TO_BE_BUSY[busy] + THEN_WAITS
    with start_client(program, tmp_path) as client:
        # The client, its node, two workers, and perhaps a trial of what they have imported.
        assert len(client.processes()) in {4, 5}

        os.kill(client.process.pid, number)

        assert client.wait_end() == -number
        client.wait_gone(GONE_SECONDS_MAX)
        left = {path.name for path in set(SHARED_MEMORY.iterdir()) - shared}
        # Other pools of this machine have folders of their own there.
        of_others = {
            name for name in left if not name.startswith(f"elsewhere-{client.process.pid}-")
        }
        assert left - {name for name in of_others if name.startswith("elsewhere-")} == set()
        assert client.errors == ""


def test_nothing_is_left_of_a_killed_client_but_its_own_fork(tmp_path: Path) -> None:
    """The fork holds all that the client held, the other ends of sockets too."""
    program = (
        USES_A_POOL
        + """
import os
fork = os.fork()
if fork == 0:
    time.sleep(60)
    os._exit(0)
futures = [pool.submit(functions.hold_the_interpreter) for _ in range(2)]
print("ready")
time.sleep(60)
"""
    )
    with start_client(program, tmp_path) as client:
        assert len(client.processes()) == 5

        os.kill(client.process.pid, signal.SIGKILL)

        client.wait_end()
        wait_until(lambda: len(client.processes()) == 1, "only the fork is left", GONE_SECONDS_MAX)


def test_nothing_is_left_of_a_pool_inside_a_worker(tmp_path: Path) -> None:
    program = """
import os, time
from elsewhere import Pool
from tests.system import functions

def nested(path):
    with Pool(2) as pool:
        functions.append_line(path, "started")
        list(pool.map(functions.spin, [60] * 4))

trace = os.environ["TRACE"]
pool = Pool(2)
future = pool.submit(nested, trace)
while not functions.count_lines(trace):
    time.sleep(0.01)
print("ready")
time.sleep(60)
""".replace('os.environ["TRACE"]', repr(str(tmp_path / "trace")))
    with start_client(program, tmp_path) as client:
        os.kill(client.process.pid, signal.SIGKILL)

        client.wait_end()
        client.wait_gone(GONE_SECONDS_MAX)
        assert client.errors == ""


def test_nothing_is_left_of_a_client_that_dies_while_its_pool_starts(tmp_path: Path) -> None:
    program = (
        "from elsewhere import Pool\npool = Pool(2)\nprint('ready')\npool.submit(int).result()"
    )
    with start_client(program + "\nwhile True: pass", tmp_path) as client:
        os.kill(client.process.pid, signal.SIGKILL)

        client.wait_end()
        client.wait_gone(GONE_SECONDS_MAX)
        assert client.errors == ""


ENDINGS = {
    "end of the script": ("", 0),
    "sys.exit": ("import sys; sys.exit(3)", 3),
    "an exception": ("raise ValueError('the end')", 1),
    "os._exit": ("import os; os._exit(5)", 5),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_of_a_client_that_never_shut_its_pool_down(
    ending: str, tmp_path: Path
) -> None:
    statement, code = ENDINGS[ending]
    program = f"{USES_A_POOL}\nprint('ready')\ntime.sleep(0.5)\n{statement}"
    with start_client(program, tmp_path) as client:
        assert client.wait_end() == code
        client.wait_gone(GONE_SECONDS_MAX)
        assert client.errors.count("Traceback") == int(code == 1)
