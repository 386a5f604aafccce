"""What the workers of a pool keep for their calls."""

from time import monotonic, sleep
from typing import NamedTuple

from elsewhere.calls.resources import Inquire
from elsewhere.gateway.machine import Gateway
from elsewhere.host import GatewayHost

ANSWER_SECONDS_MAX = 0.2
"""How long is waited for workers to say how often their resources were used."""
LOOK_SECONDS = 0.005
"""How often is looked for the answers that another thread hears."""
MEGABYTE = 10**6


class KeptResource(NamedTuple):
    """What one worker keeps for the calls that are given it."""

    worker: int
    """its number"""
    node: int
    """the machine that it is on"""
    label: str
    """the provider and its arguments, in words"""
    seconds: float
    """what making it took, without what it was made with"""
    nbytes: int
    """by how much the worker has grown meanwhile"""
    uses: int
    """how often it was given to a call or a provider, or made ahead, since it was made"""
    idle_seconds: float
    """for how long nobody has had it"""

    @property
    def hits(self) -> int:
        """How often it was found made: all uses but the first."""
        return self.uses - 1

    def __repr__(self) -> str:
        return (
            f"<{self.label} in worker {self.worker}: made in {self.seconds:.3g} s, "
            f"{self.nbytes / MEGABYTE:.3g} MB, {self.uses} uses, {self.hits} hits, "
            f"idle for {self.idle_seconds:.3g} s>"
        )


def take_inventory(host: GatewayHost) -> list[KeptResource]:
    """What there is, once the workers have answered, or do not in time."""
    host.post(Inquire())
    waited = host.look(lambda gateway: gateway.ledger.kits.unanswered)
    until = monotonic() + ANSWER_SECONDS_MAX
    while waited and (left := until - monotonic()) > 0:
        if not host.serve_until(lambda: not waited, left):
            sleep(min(left, LOOK_SECONDS))  # another thread hears the answers
    return host.look(_list)


def _list(gateway: Gateway) -> list[KeptResource]:
    return [
        KeptResource(
            worker.id,
            worker.node,
            kept.resource.label,
            kept.seconds,
            kept.nbytes,
            kept.uses,
            max(0.0, monotonic() - kept.used_at),
        )
        for worker, kept in gateway.ledger.kits.listing()
    ]
