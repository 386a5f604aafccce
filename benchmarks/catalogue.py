"""Which peers there are and where they live; imports none of them."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.peer import Peer

OURS = "elsewhere"
REFERENCE = "concurrent.futures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A peer. Without `requirements` it runs in the current interpreter.

    A `restless` one uses the processor while idle, so it is stopped while others are measured.
    `tokens` are environment variables that get a fresh secret for each process.
    """

    name: str
    module: str
    adapter: str
    requirements: tuple[str, ...] = ()
    restless: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    tokens: tuple[str, ...] = ()


CATALOGUE = (
    Entry(name=OURS, module="elsewhere", adapter="Elsewhere"),
    Entry(name=REFERENCE, module="standard", adapter="Futures"),
    Entry(name="multiprocessing.Pool", module="standard", adapter="MultiprocessingPool"),
    Entry(name="by hand", module="by_hand", adapter="ByHand"),
    Entry(name="loky", module="loky", adapter="Loky", requirements=("loky>=3.5,<4",)),
    Entry(name="mpire", module="mpire", adapter="Mpire", requirements=("mpire>=2.10,<3",)),
    Entry(name="joblib", module="joblib", adapter="Joblib", requirements=("joblib>=1.5,<2",)),
    Entry(name="redun", module="redun", adapter="Redun", requirements=("redun>=0.40,<1",)),
    Entry(name="dbos", module="dbos", adapter="Dbos", requirements=("dbos>=3,<4",)),
    Entry(
        name="distributed",
        module="distributed",
        adapter="Distributed",
        requirements=("distributed>=2026.1,<2027",),
        restless=True,
    ),
    Entry(
        name="ray",
        module="ray",
        adapter="Ray",
        requirements=("ray>=2.50,<3",),
        restless=True,
        # The second keeps Ray's ports on loopback: it names other systems, but works on Linux.
        environment={
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        },
        tokens=("RAY_AUTH_TOKEN",),
    ),
)


def find_entry(name: str) -> Entry:
    """Return the peer called `name`; KeyError if there is none."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise KeyError(name)


def load_peer(entry: Entry) -> Peer:
    """Return the adapter; ImportError if the library is not installed here."""
    module = importlib.import_module(f"benchmarks.peers.{entry.module}")
    peer: Peer = getattr(module, entry.adapter)()
    return peer
