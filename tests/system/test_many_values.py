"""More large values at once than a process may have files open."""

import subprocess
import sys

import pytest

from tests.system.waiting import WAIT_SECONDS_MAX

PROGRAM = """
import os
import resource

resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))
import numpy as np
from elsewhere import Pool

pool = Pool(1)
folder = pool._session._host.holdings._directory
futures = [pool.submit(np.arange, n) for n in range(20_000, 20_300)]
values = []
try:
    for future in futures[:200]:
        values.append(future.result())
except OSError as error:
    print("refused:", error)
print(pool.submit(len, futures[0]).result())
pool.shutdown()
print(os.path.exists(folder))
print([len(value) for value in values] == list(range(20_000, 20_000 + len(values))))
print([len(future.result()) for future in futures[200:]] == list(range(20_200, 20_300)))
"""


def printed_by(hard: int) -> list[str]:
    """What a program prints that holds 200 large values where it may have 128 files open, or `hard`
    if it asks for more."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(hard=hard)],
        capture_output=True,
        text=True,
        timeout=2 * WAIT_SECONDS_MAX,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


def test_so_many_values_are_held_as_there_may_be_files() -> None:
    assert printed_by(1024) == ["20000", "False", "True", "True"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="a mapping keeps no file open there")
def test_one_more_is_refused_and_the_pool_ends_all_the_same() -> None:
    refused, *rest = printed_by(128)

    assert refused.startswith("refused: [Errno 24]")
    assert "ulimit -n" in refused
    assert rest == ["20000", "False", "True", "True"]
