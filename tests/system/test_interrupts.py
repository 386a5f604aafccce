"""One Ctrl-C ends what runs, shows one traceback, and leaves no process behind."""

from pathlib import Path

import pytest

from tests.system.clients import start_client

START = """
import concurrent.futures, itertools, signal, sys, time
from elsewhere import Pool
from tests.system import functions

def ready():
    print("ready", flush=True)
    return True

def numbers():
    for number in itertools.count():
        number == 50 and ready()
        yield number
"""

# Each says "ready" when what it is about has begun, and would go on for far too long.
PROGRAMS = {
    "map": """
with Pool(2) as pool:
    for result in pool.map(functions.spin_for_a_moment, numbers()):
        pass
""",
    "map of long calls": """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    list(pool.map(time.sleep, [60] * 100))
""",
    "map of calls that swallow interrupts": """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    list(pool.map(functions.swallow_interrupts, [60] * 100))
""",
    "map of calls that hold the interpreter": """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    list(pool.map(lambda _: functions.hold_the_interpreter(), range(100)))
""",
    "map without a with block": """
pool = Pool(2)
pool.submit(functions.square, 3).result() and ready()
list(pool.map(time.sleep, [60] * 100))
""",
    "map with progress": """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    list(pool.map(time.sleep, [60] * 100, progress=True))
""",
    "burst of submits": """
with Pool(2) as pool:
    ready()
    while True:
        futures = [pool.submit(functions.identity, number) for number in range(2000)]
""",
    "burst of submits and results": """
with Pool(2) as pool:
    ready()
    while True:
        futures = [pool.submit(functions.identity, number) for number in range(500)]
        [future.result() for future in futures]
""",
    "round trips": """
with Pool(2) as pool:
    ready()
    while True:
        pool.submit(functions.identity, 1).result()
""",
    "result": """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    pool.submit(time.sleep, 60).result()
""",
    "result without a with block": """
pool = Pool(2)
futures = [pool.submit(time.sleep, 60) for _ in range(10)]
ready()
futures[0].result()
""",
    "wait": """
with Pool(2) as pool:
    futures = [pool.submit(time.sleep, 60) for _ in range(10)]
    ready()
    concurrent.futures.wait(futures)
""",
    "end of the with block": """
with Pool(2) as pool:
    futures = [pool.submit(time.sleep, 60) for _ in range(10)]
    ready()
""",
    "shutdown": """
pool = Pool(2)
futures = [pool.submit(time.sleep, 60) for _ in range(10)]
ready()
pool.shutdown()
""",
    "pools one after another": """
ready()
while True:
    with Pool(2) as pool:
        pool.submit(functions.square, 3).result()
""",
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_one_ctrl_c_ends_a_script(what: str, tmp_path: Path) -> None:
    with start_client(START + PROGRAMS[what], tmp_path) as client:
        client.press_ctrl_c()

        assert client.wait_end(20) == -2, client.errors
        client.wait_gone(2)

    assert client.errors.count("Traceback (most recent call last)") == 1, client.errors
    assert client.errors.splitlines().count("KeyboardInterrupt") == 1, client.errors
    assert "Exception ignored" not in client.errors


def test_a_ctrl_c_just_before_the_pool_is_waited_for_ends_it_too(tmp_path: Path) -> None:
    program = """
from elsewhere.session import Session
close = Session.close

def interrupted(session):
    Session.close = close
    signal.raise_signal(signal.SIGINT)

with Pool(2) as pool:
    futures = [pool.submit(time.sleep, 60) for _ in range(10)]
    Session.close = interrupted
    ready()
"""
    with start_client(START + program, tmp_path) as client:
        assert client.wait_end(20) == -2, client.errors
        client.wait_gone(2)


def test_a_pool_works_on_after_a_ctrl_c_that_was_caught(tmp_path: Path) -> None:
    program = """
pool = Pool(2)
pool.submit(functions.square, 3).result() and ready()
try:
    list(pool.map(time.sleep, [60] * 10))
except KeyboardInterrupt:
    print("caught")
print(list(pool.map(functions.square, range(5))))
pool.shutdown()
"""
    with start_client(START + program, tmp_path) as client:
        client.press_ctrl_c()

        assert client.wait_end(20) == 0, client.errors
        client.wait_gone(2)

    assert client.output.splitlines() == ["ready", "caught", "[0, 1, 4, 9, 16]"]
    assert client.errors == ""


def test_many_ctrl_c_leave_nothing_either(tmp_path: Path) -> None:
    program = """
with Pool(2) as pool:
    pool.submit(functions.square, 3).result() and ready()
    list(pool.map(functions.swallow_interrupts, [60] * 10))
"""
    with start_client(START + program, tmp_path) as client:
        for _ in range(3):
            client.press_ctrl_c()

        assert client.wait_end(20) != 0
        client.wait_gone(2)


def test_ctrl_c_between_steps_never_loses_a_call(tmp_path: Path) -> None:
    """An alarm raises in the main thread every few milliseconds, wherever that is just then."""
    program = """
armed = False

def interrupt(*_):
    global armed
    if armed:
        armed = False
        signal.raise_signal(signal.SIGINT)

pool = Pool(2)
pool.submit(functions.square, 3).result() and ready()
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
caught = 0
until = time.monotonic() + 2
while time.monotonic() < until:
    try:
        armed = True
        assert pool.submit(functions.identity, 1).result(20) == 1
        assert list(pool.map(functions.identity, range(20), timeout=20)) == list(range(20))
        armed = False
    except KeyboardInterrupt:
        caught += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert caught > 20, caught
futures = [pool.submit(functions.square, number) for number in range(1000)]
assert [future.result(20) for future in futures] == [number**2 for number in range(1000)]
pool.shutdown()
"""
    with start_client(START + program, tmp_path) as client:
        assert client.wait_end(60) == 0, client.errors
        client.wait_gone(2)
