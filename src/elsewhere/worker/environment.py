"""Whether this process has the distributions that a function was written with."""

import sys
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from elsewhere.errors import EnvironmentDiffers, EnvironmentWarning


def check_distributions(wanted: Sequence[tuple[str, str]], *, strict: bool) -> None:
    """Raises `EnvironmentDiffers`, or warns of it, if one is missing here or has another version."""
    differing = [(name, there, version_of(name)) for name, there in wanted]
    differing = [one for one in differing if one[1] != one[2]]
    if differing:
        error = EnvironmentDiffers(tuple(differing))
        if strict:
            raise error
        warnings.warn(str(error), EnvironmentWarning, stacklevel=2)


@cache
def version_of(distribution: str) -> str:
    """Its version here; "" if it is not installed."""
    if distribution == "Python":
        return "{}.{}".format(*sys.version_info)
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
