"""Checks of what users give as arguments. Each names the argument and says what it must be."""

from math import isnan


def check_count(name: str, value: object, *, least: int = 1, most: int | None = None) -> None:
    """Raises TypeError for what is no whole number, ValueError for one out of bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, not {value}")


def check_seconds(name: str, value: object) -> float:
    """The value as a number. Raises TypeError for what is none, ValueError for nan."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if isnan(value):
        raise ValueError(f"{name} must be a number of seconds, not {value!r}")
    return value


def check_limits(timeout: object, retries: object) -> None:
    """The time limit of an attempt, None for none, and how often a failed one is tried again."""
    if timeout is not None and check_seconds("timeout", timeout) <= 0:
        raise ValueError(f"timeout must be more than 0 seconds, not {timeout!r}")
    check_count("retries", retries, least=0)


def check_isolation(isolation: object) -> bool:
    """Whether calls run in forks of their workers."""
    if isolation not in {None, "fork"}:
        raise ValueError(f'isolation must be "fork" or None, not {isolation!r}')
    return isolation == "fork"


def check_environment(value: object) -> None:
    """Raises ValueError for what `Pool` does not take as ``environment``."""
    if value not in ("strict", "warn"):
        raise ValueError(f'environment must be "strict" or "warn", not {value!r}')
