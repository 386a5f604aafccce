"""The tree of calls that Fibonacci's recursion makes."""

from benchmarks.workload import check_equal


def fib(n: int) -> int:
    value, after = 0, 1
    for _ in range(n):
        value, after = after, value + after
    return value


def fib_calls(n: int) -> int:
    """Return how many calls the recursion makes for the n-th number, the first one included."""
    return 2 * fib(n + 1) - 1


def deepest_fib(calls: int) -> int:
    """Return the largest n for which the recursion makes at most so many calls; at least 0."""
    n = 0
    while fib_calls(n + 1) <= calls:
        n += 1
    return n


def check_fib(n: int, value: object) -> None:
    """Raise WrongResult unless the value is the n-th Fibonacci number."""
    check_equal(value, fib(n))
