"""The one door to cloudpickle, opened when something must travel by value."""

from typing import Any

import cloudpickle


def cloudpickle_dumps(value: Any, protocol: int) -> bytes:
    """As `cloudpickle.dumps`."""
    data: bytes = cloudpickle.dumps(value, protocol)
    return data
