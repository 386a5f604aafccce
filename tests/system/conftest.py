"""A pool of two for each test that asks for one."""

from collections.abc import Iterator

import pytest

from elsewhere import Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2) as pool:
        yield pool
        # What a test leaves running must not keep its pool from ending.
        pool.shutdown(wait=False, cancel_futures=True)
