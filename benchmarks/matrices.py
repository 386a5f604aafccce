"""Matrix-vector products."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer import Problem

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_kept: Matrix | None = None


def random_problem(size: int, seed: int) -> Problem:
    matrix = np.random.default_rng(seed).standard_normal((size, size))
    return Problem(
        matrix=matrix,
        closure=multiplying(matrix),
        multiply=multiply,
        keep=partial(keep, matrix),
        kept=multiply_kept,
    )


def random_vectors(size: int, count: int, seed: int) -> list[Vector]:
    return list(np.random.default_rng(seed).standard_normal((count, size)))


def are_close(products: list[Vector], expected: list[Vector]) -> bool:
    return len(products) == len(expected) and all(
        np.allclose(one, other) for one, other in zip(products, expected, strict=True)
    )


def multiply(matrix: Matrix, vector: Vector) -> Vector:
    product: Vector = matrix @ vector
    return product


def multiplying(matrix: Matrix) -> Callable[[Vector], Vector]:
    """Return a function that closes over the matrix."""

    def product(vector: Vector) -> Vector:
        return multiply(matrix, vector)

    return product


def keep(matrix: Matrix) -> None:
    """Set the module's global matrix, for workers that are forked afterwards."""
    global _kept
    _kept = matrix


def multiply_kept(vector: Vector) -> Vector:
    """Multiply by the global matrix; RuntimeError if it was not set before the fork."""
    if _kept is None:
        raise RuntimeError("this worker has no matrix")
    return multiply(_kept, vector)
