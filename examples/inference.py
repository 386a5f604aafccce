"""The same inferences three times: with nothing kept between calls, with files, and with everything in memory.

A forest of decision trees is trained on handwritten digits that scikit-learn ships. Then 1,600 pictures
that it has not seen are classified, in 100 calls of 16:

    none      each call has a fresh process, which imports scikit-learn and loads the forest
    disk      a worker has imported scikit-learn; each call loads the forest from a file
    memory    each worker loads the forest once, and its calls are given it: `Depends`

Run: .venv/bin/python examples/inference.py [CALLS] [--chart FILE.png]
It needs what this installs: pip install 'elsewhere[inference]'
"""

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from elsewhere import Depends, Pool

PICTURES = 16
"""in one call"""
TREES = 32
SHIFTS = (-1, 0, 1)
Classify = Callable[[Any], Any]


def load(path: str) -> Any:
    """The forest; this imports what it needs of scikit-learn."""
    with open(path, "rb") as file:
        return pickle.load(file)


def classify_from_disk(path: str, pictures: Any) -> Any:
    return load(path).predict(pictures)


def classify_in_memory(path: str) -> Classify:
    def classify(pictures: Any, forest: Any = Depends(load, path)) -> Any:
        return forest.predict(pictures)

    return classify


@contextmanager
def none(workers: int, path: str) -> Iterator[tuple[Pool, Classify]]:
    with Pool(workers, max_tasks_per_child=1, preload=False) as pool:
        yield pool, partial(classify_from_disk, path)


@contextmanager
def disk(workers: int, path: str) -> Iterator[tuple[Pool, Classify]]:
    with Pool(workers) as pool:
        yield pool, partial(classify_from_disk, path)


@contextmanager
def memory(workers: int, path: str) -> Iterator[tuple[Pool, Classify]]:
    with Pool(workers) as pool:
        yield pool, classify_in_memory(path)


LEVELS = {"none": none, "disk": disk, "memory": memory}


def train(path: Path, calls: int) -> tuple[list[Any], list[Any]]:
    """Write a forest to a file; returns the pictures of each call, and what they show."""
    from numpy import concatenate, roll
    from sklearn.datasets import load_digits
    from sklearn.ensemble import ExtraTreesClassifier

    pictures, digits = load_digits(return_X_y=True)
    half = len(pictures) // 2
    known = pictures[:half].reshape(-1, 8, 8)
    # Each picture also a little to the side, up and down.
    moved = [roll(known, (y, x), (1, 2)).reshape(half, 64) for y in SHIFTS for x in SHIFTS]
    forest = ExtraTreesClassifier(TREES, random_state=0)
    forest.fit(concatenate(moved), concatenate([digits[:half]] * len(moved)))
    path.write_bytes(pickle.dumps(forest, pickle.HIGHEST_PROTOCOL))
    unseen = len(pictures) - half
    places = [
        [half + (call * PICTURES + n) % unseen for n in range(PICTURES)] for call in range(calls)
    ]
    return [pictures[place] for place in places], [digits[place] for place in places]


def measure(level: str, workers: int, path: Path, pictures: list[Any]) -> tuple[float, list[Any]]:
    """Seconds from before there is a pool until all results are here; the end of the pool is not counted."""
    began = time.perf_counter()
    with LEVELS[level](workers, str(path)) as (pool, classify):
        futures = [pool.submit(classify, some) for some in pictures]
        results = [future.result() for future in futures]
        return time.perf_counter() - began, results


def draw(seconds: dict[str, float], path: Path) -> None:
    """A bar for each level."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh([*seconds], [*seconds.values()], color=["#a9b4c2", "#6c9a8b", "#0b6e4f"])
    axis.bar_label(bars, [f"{value:.1f} s" for value in seconds.values()], padding=3)
    axis.invert_yaxis()
    axis.margins(x=0.15)
    axis.set_xlabel("seconds")
    axis.set_title(f"What is kept between calls: {less(seconds):.1%} less time", fontsize=10)
    figure.savefig(path, dpi=150)


def less(seconds: dict[str, float]) -> float:
    return 1 - seconds["memory"] / seconds["none"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calls", metavar="CALLS", nargs="?", type=int, default=100)
    parser.add_argument("--chart", metavar="FILE.png", type=Path, default=Path("inference.png"))
    parser.add_argument("--workers", metavar="N", type=int, default=2)
    options = parser.parse_args()
    if options.calls < 1:
        parser.error("CALLS must be at least 1")
    missing = [name for name in ("sklearn", "matplotlib") if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"{missing[0]} is missing; to install it: pip install 'elsewhere[inference]'"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forest.pickle"
        pictures, digits = train(path, options.calls)
        count, size = options.calls * PICTURES, path.stat().st_size / 1e6
        print(f"{count:,} inferences in {options.calls} calls, a forest of {size:.0f} MB")
        seconds: dict[str, float] = {}
        for level in LEVELS:
            seconds[level], results = measure(level, options.workers, path, pictures)
            pairs = zip(results, digits, strict=True)
            right = sum(int((found == shown).sum()) for found, shown in pairs)
            print(f"{level:<8} {seconds[level]:7.2f} s   {right / count:.1%} right", flush=True)
    print(f"{less(seconds):.1%} less time from none to memory")
    draw(seconds, options.chart)
    print(f"wrote {options.chart}")


if __name__ == "__main__":
    main()
