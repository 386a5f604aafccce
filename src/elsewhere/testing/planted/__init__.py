"""Bugs to plant in the machine, to see that the simulation finds them.

``python -m elsewhere.testing.planted`` plants each alone and says which seed finds it.
"""

from elsewhere.testing.planted import (
    asks,
    attempts,
    handing,
    inputs,
    placements,
    resources,
    stores,
    values,
)
from elsewhere.testing.planted.planting import PLANTED, Patch

__all__ = [
    "PLANTED",
    "Patch",
    "asks",
    "attempts",
    "handing",
    "inputs",
    "placements",
    "resources",
    "stores",
    "values",
]
