"""A reading in words: ASCII only, so that every terminal and log can show them."""

import math
from typing import NamedTuple

from elsewhere.progress.meter import Reading


class Words(NamedTuple):
    """The parts of one line, some of them empty."""

    counts: str
    failed: str
    rate: str
    time: str
    busy: str


def in_words(reading: Reading) -> Words:
    """What is worth saying about a reading, the most important first."""
    return Words(
        counts=_counts(reading),
        failed=f"{reading.failed:,} failed" if reading.failed else "",
        rate="" if reading.rate is None else speed(reading.rate),
        time=_time(reading),
        busy="" if reading.closed else f"{reading.busy}/{reading.alive} busy",
    )


def _counts(reading: Reading) -> str:
    return f"{reading.done:,}" if reading.total is None else f"{reading.done:,}/{reading.total:,}"


def _time(reading: Reading) -> str:
    if reading.closed:
        early = reading.total is not None and reading.done < reading.total
        how = "interrupted after" if reading.interrupted else "stopped after" if early else "in"
        return f"{how} {span(reading.elapsed, decimals=1)}"
    if reading.remaining is None:
        return ""
    return f"{span(math.ceil(reading.remaining))} left"


def speed(rate: float) -> str:
    """Items per second, for people: 0.5 is "30/min", 1500 is "1.5k/s"."""
    if rate < 1:
        scaled, unit = (rate * 60, "/min") if rate * 60 >= 1 else (rate * 3600, "/h")
    else:
        scaled, unit = rate, "/s"
        for prefix in ("k", "M", "G"):
            if scaled < 999.5:
                break
            scaled, unit = scaled / 1000, f"{prefix}/s"
    return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"


def span(seconds: float, decimals: int = 0) -> str:
    """A time for people: "3 s" (or "3.2 s"), "2 min 05 s", "3 h 07 min", "2 d 03 h"."""
    whole = round(seconds)
    if whole < 10:
        return f"{seconds:.{decimals}f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86400} d {whole // 3600 % 24:02} h"
