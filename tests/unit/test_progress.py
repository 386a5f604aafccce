"""Progress is seen where somebody looks, and never costs the map anything."""

import io
import pickle
import re
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import pytest

from elsewhere.progress import Progress, open_progress
from elsewhere.progress.meter import Meter
from elsewhere.progress.shown import Tick, start_timer
from elsewhere.progress.words import span, speed


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Timers:
    """Stands for the threads: a test says when they tick."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []

    def start(self, tick: Tick, wait: float) -> Callable[[], None]:
        self.ticks.append(tick)
        return lambda: self.ticks.remove(tick) if tick in self.ticks else None

    def tick(self) -> None:
        for tick in list(self.ticks):
            tick()


class Terminal(io.StringIO):
    """A terminal as far as progress moves its cursor, and everything that was written to it."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        rows, row, column = [""], 0, 0
        for part in re.findall(r"\x1b\[\d*[A-Za-z]|\x1b\[[\d;]*m|[^\x1b]", self.getvalue()):
            if part == "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            elif part == "\r":
                column = 0
            elif part == "\x1b[J":
                rows[row:] = [rows[row][:column]]
            elif part == "\x1b[K":
                rows[row] = rows[row][:column]
            elif part.endswith("A"):
                row -= int(part[2:-1])
            elif not part.startswith("\x1b"):
                rows[row] = rows[row][:column].ljust(column) + part + rows[row][column + 1 :]
                column += 1
        return [text.rstrip() for text in rows if text.strip()]


class Face:
    """What a test holds: a clock, timers, the streams, and progresses to open."""

    def __init__(
        self, environment: pytest.MonkeyPatch, stdout: io.StringIO, stderr: io.StringIO
    ) -> None:
        self.environment = environment
        self.clock = Clock()
        self.timers = Timers()
        self.stdout = stdout
        self.stderr = stderr
        self.busy = (1, 2)
        self.opened: list[Progress] = []
        self.installed = False

    def open(self, wanted: bool | str = True, total: int | None = 100) -> Progress:
        self.install()
        progress = open_progress(
            wanted, total, lambda: self.busy, clock=self.clock, start_timer=self.timers.start
        )
        self.opened.append(progress)
        return progress

    def install(self) -> None:
        """Put the streams in place: not in a fixture, for pytest puts its own there after it."""
        if not self.installed:
            self.environment.setattr(sys, "stdout", self.stdout)
            self.environment.setattr(sys, "stderr", self.stderr)
            self.installed = True

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.timers.tick()

    def screen(self) -> list[str]:
        assert isinstance(self.stderr, Terminal)
        return self.stderr.screen()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    return monkeypatch


@pytest.fixture
def terminal(environment: pytest.MonkeyPatch) -> Iterator[Face]:
    screen = Terminal()
    face = Face(environment, screen, screen)
    yield face
    # All bars share one region, so a test that fails must not leave its bars to the next.
    for progress in face.opened:
        progress.close()


@pytest.fixture
def log(environment: pytest.MonkeyPatch) -> Face:
    return Face(environment, io.StringIO(), io.StringIO())


# Plain lines


def test_a_short_map_writes_one_line_to_a_log(log: Face) -> None:
    progress = log.open("parse")
    progress.advance(100, failed=3)
    log.wait(1.5)
    assert log.stderr.getvalue() == ""
    progress.close()
    progress.close()
    assert log.stderr.getvalue() == "parse: 100/100 (100%), 3 failed, 66.7/s, in 1.5 s\n"


def test_a_long_map_writes_ever_fewer_lines_to_a_log(log: Face) -> None:
    progress = log.open(total=None)
    written = []
    for second in range(1, 200):
        before = len(log.stderr.getvalue())
        log.wait(1.0)
        if len(log.stderr.getvalue()) > before:
            written.append(second)
    assert written == [2, 7, 17, 47, 107, 167]
    progress.close()


def test_a_line_in_a_log_tells_rate_remaining_time_and_workers(log: Face) -> None:
    progress = log.open(total=1000)
    progress.advance(99)
    log.wait(2.0)
    assert log.stderr.getvalue() == "map: 99/1,000 (9%), 49.5/s, 19 s left, 1/2 busy\n"
    progress.close()


def test_a_map_that_ends_early_says_so(log: Face) -> None:
    progress = log.open()
    progress.advance(7)
    log.clock.now += 1.0
    progress.close()
    assert log.stderr.getvalue() == "map: 7/100 (7%), 7.0/s, stopped after 1.0 s\n"


def test_a_map_that_ctrl_c_ended_says_so(log: Face) -> None:
    progress = log.open()
    progress.advance(7)
    log.clock.now += 1.0
    progress.close(interrupted=True)
    progress.close()
    assert log.stderr.getvalue() == "map: 7/100 (7%), 7.0/s, interrupted after 1.0 s\n"


def test_an_empty_map_is_complete(log: Face) -> None:
    log.open(total=0).close()
    assert log.stderr.getvalue() == "map: 0/0, in 0.0 s\n"


def test_a_log_and_a_dumb_terminal_need_no_rich(
    log: Face, terminal: Face, environment: pytest.MonkeyPatch
) -> None:
    environment.setitem(sys.modules, "elsewhere.progress.bar", None)
    with pytest.raises(ImportError):
        terminal.open()
    environment.setenv("TERM", "dumb")
    terminal.open().close()
    assert terminal.screen() == ["map: 0/100 (0%), stopped after 0.0 s"]
    log.open().close()
    assert log.stderr.getvalue() == "map: 0/100 (0%), stopped after 0.0 s\n"


def test_nothing_is_shown_unless_wanted(log: Face) -> None:
    progress = log.open(wanted=False)
    progress.advance(1)
    progress.close()
    assert log.stderr.getvalue() == ""
    assert not log.timers.ticks


def test_nothing_is_shown_without_standard_error(
    log: Face, environment: pytest.MonkeyPatch
) -> None:
    log.install()
    environment.setattr(sys, "stderr", None)
    progress = log.open()
    progress.advance(1)
    progress.close()
    assert not log.timers.ticks


def test_a_description_is_one_line_of_text(log: Face) -> None:
    log.open("two\nlines \x1b[2J").close()
    assert log.stderr.getvalue().startswith("two lines [2J: 0/100")


# Bars


def test_a_bar_grows_and_stays(terminal: Face) -> None:
    progress = terminal.open("parse")
    assert terminal.screen() == [f"parse {'━' * 40} 0/100  1/2 busy"]
    progress.advance(50)
    terminal.wait(1.0)
    (row,) = terminal.screen()
    assert row.startswith("parse ━━━")
    assert row.endswith("━ 50/100  50.0/s  1 s left  1/2 busy")
    progress.advance(50)
    progress.close()
    progress.close()
    assert terminal.screen() == [f"parse {'━' * 40} 100/100  100/s  in 1.0 s"]
    assert not terminal.timers.ticks


def test_failures_are_red(terminal: Face) -> None:
    progress = terminal.open()
    progress.advance(10, failed=2)
    terminal.wait(1.0)
    assert "\x1b[1;31m2 failed\x1b[0m" in terminal.stderr.getvalue()
    progress.close()


def test_no_color_is_obeyed(terminal: Face, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NO_COLOR", "1")
    progress = terminal.open()
    progress.advance(10, failed=2)
    terminal.wait(1.0)
    progress.close()
    assert "2 failed" in terminal.stderr.getvalue()
    assert not re.search(r"\x1b\[[\d;]*3\d", terminal.stderr.getvalue())


def test_an_unknown_total_spins(terminal: Face) -> None:
    progress = terminal.open(total=None)
    progress.advance(10)
    first = terminal.screen()
    terminal.wait(0.1)
    second = terminal.screen()
    assert first[0].split()[1] != second[0].split()[1]
    terminal.wait(0.9)
    assert terminal.screen()[0].endswith(" 10  10.0/s  1/2 busy")
    progress.close()
    assert terminal.screen() == ["map 10  10.0/s  in 1.0 s"]


@pytest.mark.parametrize("columns", [20, 40, 60, 80])
def test_a_bar_fits_a_narrow_terminal(
    terminal: Face, environment: pytest.MonkeyPatch, columns: int
) -> None:
    environment.setenv("COLUMNS", str(columns))
    progress = terminal.open("a description that is too long", total=1000)
    progress.advance(500, failed=10)
    terminal.wait(1.0)
    (row,) = terminal.screen()
    assert len(row) < columns
    progress.close()


def test_a_bar_is_redrawn_ten_times_a_second_at_most(terminal: Face) -> None:
    first, second = terminal.open("first", total=1000), terminal.open("second", total=1000)
    redraws = 0
    for _ in range(200):
        first.advance(1)
        second.advance(1)
        before = len(terminal.stderr.getvalue())
        terminal.wait(0.01)
        redraws += len(terminal.stderr.getvalue()) > before
    assert 15 <= redraws <= 20 + 2
    first.close()
    second.close()


def test_two_bars_share_the_terminal(terminal: Face) -> None:
    outer = terminal.open("outer")
    inner = terminal.open("inner")
    inner.advance(100)
    terminal.wait(1.0)
    assert [row.split()[0] for row in terminal.screen()] == ["outer", "inner"]
    inner.close()
    assert [row.split()[0] for row in terminal.screen()] == ["inner", "outer"]
    again = terminal.open("again")
    terminal.wait(1.0)
    outer.close()
    assert [row.split()[0] for row in terminal.screen()] == ["inner", "outer", "again"]
    again.close()
    assert [row.split()[0] for row in terminal.screen()] == ["inner", "outer", "again"]
    assert sys.stderr is terminal.stderr


def test_what_is_printed_stands_above_the_bar_in_whole_lines(terminal: Face) -> None:
    progress = terminal.open(total=1)
    print("from the loop:", end=" ", flush=True)
    worker = threading.Thread(target=lambda: sys.stdout.write("from a worker\n"))
    worker.start()
    worker.join()
    print("x" * 200)
    assert terminal.screen()[:2] == ["from a worker", f"from the loop: {'x' * 200}"]
    assert terminal.screen()[2].startswith("map ━")
    print("unfinished", end="")
    progress.close()
    print(" business")
    assert terminal.screen()[2:] == [
        f"map {'━' * 40} 0/1  stopped after 0.0 s",
        "unfinished business",
    ]


def test_a_line_without_an_end_does_not_wait_for_ever(terminal: Face) -> None:
    progress = terminal.open()
    print("x" * 10_000, end="")
    assert terminal.screen()[0] == "x" * 10_000
    progress.close()


def test_a_redirected_standard_output_is_left_alone(terminal: Face) -> None:
    output = terminal.stdout = io.StringIO()
    progress = terminal.open()
    print("into the file")
    assert sys.stdout is output
    progress.close()
    assert output.getvalue() == "into the file\n"


def test_the_standard_streams_come_back(terminal: Face) -> None:
    progress = terminal.open()
    during = sys.stdout
    assert during is not terminal.stdout
    assert during.isatty()
    assert pickle.loads(pickle.dumps(during)) is during
    assert during.write("three") == len("three")
    with pytest.raises(TypeError, match="bytes"):
        during.write(b"")
    progress.close()
    assert sys.stdout is terminal.stdout
    assert sys.stderr is terminal.stderr
    during.writelines([" more", " lines\n"])
    assert terminal.screen()[-1] == "three more lines"


def test_a_stream_that_the_user_replaced_is_not_touched(
    terminal: Face, environment: pytest.MonkeyPatch
) -> None:
    progress = terminal.open()
    mine = io.StringIO()
    environment.setattr(sys, "stdout", mine)
    progress.close()
    assert sys.stdout is mine


def test_a_live_display_of_the_user_keeps_the_terminal(terminal: Face) -> None:
    terminal.stderr.rich_proxied_file = None  # type: ignore[attr-defined]  # as rich marks its own
    terminal.open().close()
    assert terminal.screen() == ["map: 0/100 (0%), stopped after 0.0 s"]


# Notebooks


class Publisher:
    def __init__(self) -> None:
        self.published: list[tuple[str, str, str, bool]] = []

    def publish(self, data: dict[str, str], *, transient: dict[str, str], update: bool) -> None:
        self.published.append(
            (transient["display_id"], data["text/plain"], data["text/html"], update)
        )


def kernel(environment: pytest.MonkeyPatch, kind: str) -> Publisher:
    publisher = Publisher()
    shell = type("Shell", (type(kind, (), {}),), {"display_pub": publisher})()
    module = ModuleType("IPython")
    module.__dict__.update(vars(SimpleNamespace(get_ipython=lambda: shell)))
    environment.setitem(sys.modules, "IPython", module)
    return publisher


def test_a_notebook_has_one_output_that_is_updated(
    log: Face, environment: pytest.MonkeyPatch
) -> None:
    publisher = kernel(environment, "ZMQInteractiveShell")
    progress = log.open("<parse>")
    progress.advance(50, failed=1)
    log.wait(1.0)
    progress.close()
    ids, plain, html, updates = zip(*publisher.published, strict=True)
    assert len(set(ids)) == 1
    assert updates == (False, True, True)
    assert plain == (
        "<parse>: 0/100 · 1/2 busy",
        "<parse>: 50/100 · 1 failed · 50.0/s · 1 s left · 1/2 busy",
        "<parse>: 50/100 · 1 failed · 50.0/s · stopped after 1.0 s",
    )
    assert "&lt;parse&gt;" in html[-1]
    assert 'value="50" max="100"' in html[-1]
    assert '<span style="color:#d33">1 failed</span>' in html[-1]
    assert log.stderr.getvalue() == ""


def test_a_notebook_is_told_nothing_twice(log: Face, environment: pytest.MonkeyPatch) -> None:
    publisher = kernel(environment, "ZMQInteractiveShell")
    progress = log.open(total=None)
    log.wait(1.0)
    log.wait(1.0)
    assert len(publisher.published) == 1
    progress.close()


def test_ipython_on_a_terminal_is_no_notebook(log: Face, environment: pytest.MonkeyPatch) -> None:
    publisher = kernel(environment, "TerminalInteractiveShell")
    log.open().close()
    assert not publisher.published
    assert log.stderr.getvalue() != ""


# Failures


def test_a_bar_that_fails_warns_and_lets_the_map_go_on(terminal: Face) -> None:
    progress = terminal.open()
    terminal.busy = (1,)  # type: ignore[assignment]  # a pool with a fault
    with pytest.warns(RuntimeWarning, match="no longer be shown.*TypeError"):
        terminal.wait(1.0)
    assert sys.stderr is terminal.stderr
    assert terminal.screen() == []
    assert not terminal.timers.ticks
    progress.advance(1)
    progress.close()
    assert terminal.screen() == []


def test_a_terminal_that_goes_away_warns_and_gives_the_streams_back(terminal: Face) -> None:
    progress = terminal.open()
    terminal.stderr.close()
    with pytest.warns(RuntimeWarning, match="closed file"):
        terminal.wait(1.0)
    assert sys.stderr is terminal.stderr
    progress.close()


def test_a_bar_that_is_interrupted_at_its_end_gives_the_streams_back(
    terminal: Face, environment: pytest.MonkeyPatch
) -> None:
    def interrupt(reading: object) -> None:
        raise KeyboardInterrupt

    progress = terminal.open()
    environment.setattr("elsewhere.progress.bar.in_words", interrupt)
    with pytest.raises(KeyboardInterrupt):
        progress.close()
    assert sys.stderr is terminal.stderr
    assert terminal.screen() == []


def test_a_log_that_fails_at_the_end_warns(log: Face) -> None:
    progress = log.open()
    log.stderr.close()
    with pytest.warns(RuntimeWarning, match="does not affect the results.*closed file"):
        progress.close()
    progress.close()


def test_a_late_tick_shows_nothing(log: Face) -> None:
    progress = log.open()
    (tick,) = log.timers.ticks
    progress.close()
    written = log.stderr.getvalue()
    log.clock.now += 10.0
    assert tick() is None
    assert log.stderr.getvalue() == written


def test_a_forked_child_neither_draws_nor_closes(
    terminal: Face, environment: pytest.MonkeyPatch
) -> None:
    progress = terminal.open()
    drawn = terminal.stderr.getvalue()
    with environment.context() as child:
        child.setattr("os.getpid", lambda: -1)
        progress.close()
        print("child")
    assert terminal.stderr.getvalue() == f"{drawn}child\n"
    progress.close()
    assert terminal.stderr.getvalue() != f"{drawn}child\n"


# Parts


def test_a_timer_ticks_until_it_is_told_not_to() -> None:
    waits = iter([0.0, 0.0, None])
    ticked = []
    ended = threading.Event()

    def tick() -> float | None:
        ticked.append(threading.current_thread())
        wait = next(waits)
        if wait is None:
            ended.set()
        return wait

    start_timer(tick, 0.0)
    assert ended.wait(timeout=30)
    assert len(ticked) == 3
    assert ticked[0].daemon
    ticked[0].join(timeout=30)
    assert not ticked[0].is_alive()


def test_a_stopped_timer_does_not_tick() -> None:
    before = set(threading.enumerate())
    stop = start_timer(lambda: pytest.fail("ticked"), 3600.0)
    (thread,) = set(threading.enumerate()) - before
    stop()
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_threads_count_together() -> None:
    meter = Meter("map", None, Clock())

    def advance() -> None:
        for _ in range(5000):
            meter.advance(2, 1)

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading = meter.read(0, 0)
    assert (reading.done, reading.failed) == (40_000, 20_000)


def test_the_rate_follows_a_change_within_seconds() -> None:
    clock = Clock()
    meter = Meter("map", 10_000, clock)
    for per_second in (10, 100):
        for _ in range(200):
            clock.now += 0.1
            meter.advance(per_second // 10, 0)
    assert meter.read(0, 0).rate == pytest.approx(100)
    assert meter.read(0, 0).remaining == pytest.approx(78)
    assert meter.read_closed(interrupted=False).rate == pytest.approx(55)


def test_the_rate_is_steady_when_chunks_take_long() -> None:
    clock = Clock()
    meter = Meter("map", None, clock)
    rates = []
    for _ in range(20):
        for _ in range(30):
            clock.now += 1.0
            rates.append(meter.read(0, 0).rate)
        meter.advance(30, 0)
    settled = [rate for rate in rates[300:] if rate is not None]
    assert len(settled) == 300
    assert 0.75 < min(settled) < max(settled) < 1.25


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1234.0, "1.2k/s"),
        (999.7, "1.0k/s"),
        (620.4, "620/s"),
        (99.96, "100/s"),
        (12.34, "12.3/s"),
        (0.5, "30.0/min"),
        (0.01, "36.0/h"),
        (3.4e6, "3.4M/s"),
        (5e12, "5000G/s"),
    ],
)
def test_a_rate_is_in_human_units(rate: float, text: str) -> None:
    assert speed(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.4, "9.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (11_220, "3 h 07 min"),
        (86_400 * 2 + 3600 * 3, "2 d 03 h"),
    ],
)
def test_a_time_is_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds, decimals=1) == text
