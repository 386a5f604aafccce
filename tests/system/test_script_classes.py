"""Classes of a script travel by value, and those that come back are the client's own."""

from tests.system.clients import run_python

OWN = """
from elsewhere import Pool
class Job:
    made = 0
    kinds = {}
    def __init__(self, number):
        Job.made += 1
        self.number = number
    def name(self): return "old"
class Refused(Exception):
    seen = []
def work(job):
    Job.kinds["worker"] = job.number
    return job
def make(number): return Job(number)
def refuse():
    raise Refused
kinds = Job.kinds
with Pool(1) as pool:
    jobs = pool.map(work, [Job(number) for number in range(3)], chunksize=1)
    Job.kinds["client"] = 1
    Job.name = lambda self: "new"
    print([type(job) is Job for job in jobs], Job.made, Job.kinds, Job.kinds is kinds)
    print([job.name() for job in pool.map(make, range(2))], Job.made)
    Refused.seen = [1]
    print(isinstance(pool.submit(refuse).exception(), Refused), Refused.seen)
    # What has changed here is known there.
    print(pool.submit(lambda job: job.name(), Job(1)).result())
"""

SLOTS = """
import abc, dataclasses, enum
from elsewhere import Pool
@dataclasses.dataclass(slots=True)
class Point:
    x: int
class Base(abc.ABC):
    __slots__ = ("a", "__weakref__")
    @abc.abstractmethod
    def get(self): ...
class Hidden(Base):
    __slots__ = ("__hidden",)
    def __init__(self, hidden): self.a, self.__hidden = 1, hidden
    def get(self): return self.a, self.__hidden
class One: __slots__ = "only"
class Open(One): pass
class Colour(enum.Enum): RED = 1
def make():
    one = Open()
    one.only, one.more = 5, 6
    return Point(3), Hidden(2), one, Colour.RED
def look(point, hidden, one, colour): return point.x, hidden.get(), one.only, one.more, colour.name
with Pool(1) as pool:
    made = pool.submit(make).result()
    print([type(one) for one in made] == [Point, Hidden, Open, Colour], look(*made))
    print(pool.submit(look, *made).result())
    print(pool.submit(setattr, made[0], "y", 1).exception())
"""

LOCKED = """
import threading
from elsewhere import NotPicklable, Pool
class Base(__import__("abc").ABC):
    __slots__ = ("a",)
class Locked(Base):
    lock = threading.Lock()
with Pool(1) as pool:
    try:
        pool.submit(print, Locked()).result()
    except NotPicklable as error:
        print(error.path)
"""


def lines(program: str) -> list[str]:
    ended = run_python("-c", program)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_nothing_that_workers_do_to_a_class_comes_back() -> None:
    assert lines(OWN) == [
        "[True, True, True] 3 {'client': 1} True",
        "['new', 'new'] 3",
        "True [1]",
        "new",
    ]


def test_classes_with_slots_have_them_there() -> None:
    assert lines(SLOTS) == [
        "True (3, (1, 2), 5, 6, 'RED')",
        "(3, (1, 2), 5, 6, 'RED')",
        "'Point' object has no attribute 'y'",
    ]


def test_an_attribute_of_a_class_that_cannot_travel_is_named() -> None:
    assert lines(LOCKED) == ["args[0].__class__.lock"]
