"""Look for prime numbers on every core, with a bar and without a main guard.

Run: .venv/bin/python examples/primes.py
"""

from elsewhere import Pool


def nth_prime(n: int) -> int:
    """The n-th prime number, by trial division: slow on purpose."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < n:
        if all(candidate % prime for prime in primes if prime * prime <= candidate):
            primes.append(candidate)
        candidate += 1
    return primes[-1]


with Pool() as pool:
    wanted = range(100, 2100, 100)
    for n, prime in zip(wanted, pool.map(nth_prime, wanted, progress="primes"), strict=True):
        print(f"prime number {n:>5} is {prime:>6}")
