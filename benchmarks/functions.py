"""The functions that the workloads send away: importable, and cheap to import."""

import fcntl
import os
import time
from collections.abc import Iterator

SETUP_SECONDS = 1.0
WORK_SECONDS = 0.005
SETUP_BYTES = 50_000_000

_is_set_up = False
_space = bytearray()
_runs = 0


def same(value: int) -> int:
    """Do nothing: the no-op of every workload, which still lets results be told apart."""
    return value


def increment(value: int) -> int:
    return value + 1


def same_counted(value: int) -> int:
    """Do nothing but count; `runs` says how often that was in this process."""
    global _runs
    _runs += 1
    return value


def runs() -> int:
    return _runs


def nth_prime(n: int) -> int:
    """Return the n-th prime by trial division, in pure Python on purpose."""
    primes = [2]
    candidate = 1
    while len(primes) < n:
        candidate += 2
        for prime in primes:
            if prime * prime > candidate:
                primes.append(candidate)
                break
            if candidate % prime == 0:
                break
    return primes[-1]


def set_up() -> None:
    """Stand for a model that takes a second to load."""
    global _is_set_up
    time.sleep(SETUP_SECONDS)
    _is_set_up = True


def work_after_set_up(value: int) -> int:
    """Use the processor for WORK_SECONDS; RuntimeError where `set_up` has not run."""
    if not _is_set_up:
        raise RuntimeError("this worker was not set up")
    use_processor()
    return value


def use_processor() -> None:
    end = time.thread_time() + WORK_SECONDS
    while time.thread_time() < end:
        pass


def allocate() -> bytearray:
    """Stand for a model that takes a second to load, and is large."""
    time.sleep(SETUP_SECONDS)
    return bytearray(b"x") * SETUP_BYTES


def set_up_large() -> None:
    """Keep such a model where `work_after_set_up` finds it."""
    global _is_set_up, _space
    _space = allocate()
    _is_set_up = True


def counted(count: int) -> Iterator[int]:
    """Yield 0 to count - 1, as a generator without a length."""
    yield from range(count)


def square(value: int) -> int:
    return value * value


def spin(value: int, seconds: float) -> int:
    """Keep a processor busy for `seconds` by the wall clock, so that what others take does not count."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return value


def note_run(path: str) -> None:
    """Add one byte to a file: its size says how often functions ran, in whatever process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b".")
    os.close(descriptor)


def count_path(*values: int) -> int:
    """Do nothing but count the calls on the longest way to this one, from the values of those before."""
    return 1 + max(values)


def begin_at(gate: str) -> int:
    """Be the first of a graph of calls, which begins when `gate` is open."""
    wait_at(gate)
    return 0


def wait_at(gate: str) -> None:
    """Note that this process has come, and block while another has locked the file `gate`."""
    note_run(gate)
    with open(gate) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
