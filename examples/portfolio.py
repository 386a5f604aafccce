"""Value portfolios whose options overlap: each option is priced once, and remembered in a file.

Run it twice, and the second time nothing is computed. Then change RATE, or a portfolio, and only what
that concerns is computed again.

Run: .venv/bin/python examples/portfolio.py [STORE]
"""

import math
import sys
import time
from dataclasses import dataclass

import elsewhere
from elsewhere import Pool

RATE = 0.03
STEPS = 1000
QUOTES = {"ACME": (100.0, 0.2), "BOLT": (80.0, 0.35), "CORE": (55.0, 0.25)}
"""the price of a share and its volatility in a year"""


@dataclass(frozen=True)
class Leg:
    """The right to buy one share for `strike` in `years` from now."""

    ticker: str
    strike: float
    years: float


@elsewhere.task(pure=True)
def price(leg: Leg) -> float:
    """The binomial tree of Cox, Ross and Rubinstein."""
    spot, volatility = QUOTES[leg.ticker]
    step = leg.years / STEPS
    up = math.exp(volatility * math.sqrt(step))
    discount = math.exp(-RATE * step)
    chance = (math.exp(RATE * step) - 1 / up) / (up - 1 / up)
    shares = [spot * up ** (2 * ups - STEPS) for ups in range(STEPS + 1)]
    values = [max(0.0, share - leg.strike) for share in shares]
    for left in range(STEPS, 0, -1):
        values = [
            discount * (chance * values[i + 1] + (1 - chance) * values[i]) for i in range(left)
        ]
    return values[0]


@elsewhere.task(pure=True)
def value(legs: tuple[Leg, ...]) -> float:
    return sum(elsewhere.map(price, legs))


ladder = [Leg(ticker, strike, 1.0) for ticker in QUOTES for strike in (60.0, 80.0, 100.0)]
portfolios = {
    "everything": tuple(ladder),
    "cheap": tuple(leg for leg in ladder if leg.strike <= 80),
    "acme": tuple(leg for leg in ladder if leg.ticker == "ACME"),
}
store = sys.argv[1] if len(sys.argv) > 1 else "portfolio.db"
with Pool(store=store, record=True) as pool:
    began = time.perf_counter()
    values = list(elsewhere.map(value, portfolios.values()))
    seconds = time.perf_counter() - began
    sent = sum(not span.parent for span in pool.timeline())
for name, worth in zip(portfolios, values, strict=True):
    print(f"{name:>12} {worth:8.2f}")
if sent:
    print(
        f"workers were sent {sent} of {len(portfolios)} portfolios; {store} remembers the results"
    )
else:
    print(f"no call was sent to a worker: {store} remembered all results")
print(f"it took {seconds:.3f} s")
