"""Sizes and ages as they are typed on a command line."""

import argparse
import re

_BYTES = {
    "": 1,
    "b": 1,
    "k": 10**3, "kb": 10**3, "kib": 2**10,
    "m": 10**6, "mb": 10**6, "mib": 2**20,
    "g": 10**9, "gb": 10**9, "gib": 2**30,
    "t": 10**12, "tb": 10**12, "tib": 2**40,
}  # fmt: skip
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def byte_size(text: str, otherwise: str = "") -> int:
    """A size in bytes, at least 1. Raises `argparse.ArgumentTypeError`, which says `otherwise` too."""
    size = int(_product(text, _BYTES))
    if size < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size: give bytes as 5000000, or with a unit as 64MiB{otherwise}"
        )
    return size


def age(text: str) -> float:
    """An age in seconds, more than 0. Raises `argparse.ArgumentTypeError`."""
    seconds = _product(text, _SECONDS)
    if not seconds:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no age: give a number and a unit, as 90s, 45m, 12h, 30d or 8w"
        )
    return seconds


def _product(text: str, units: dict[str, int]) -> float:
    """Number times unit, 0 if it is not that."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]*)", text.lower())
    factor = units.get(match[2]) if match else None
    return float(match[1]) * factor if match and factor else 0.0
