"""Whoever fails, and in whichever order: every node that goes on seeking a blob gets it."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from elsewhere.calls.blobs import Offer, Seek, Source, Unavailable, Wanted
from elsewhere.calls.messages import ToGateway
from elsewhere.calls.workers import Exit, Lost, NodeLost, Ready, Started
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE

BLOB = b"b"
HOME = "client"


class World:
    """Nodes of one worker each, which fetch a blob in the order that chance says."""

    def __init__(self, nodes: int) -> None:
        self.gateway = Gateway()
        self.alive = set(range(1, nodes + 1))
        self.have: set[str] = {HOME}
        self.mail: deque[tuple[int, object]] = deque()
        for number in self.alive:
            self.say(ENGINE, Started(number, number))
            self.say(number, Ready(1))

    def say(self, sender: int, message: ToGateway) -> None:
        self.mail += self.gateway.step(sender, message, 0.0).sends
        check_invariants(self.gateway)

    def deliver(self, place: int, *, fails: bool) -> None:
        """One of the messages under way arrives; what is to be fetched then `fails` or not."""
        self.mail.rotate(-place)
        peer, message = self.mail.popleft()
        if isinstance(message, Wanted):
            self.say(CLIENT, Offer(BLOB, HOME))
        elif isinstance(message, Source) and peer in self.alive:
            assert message.address, "the client has it"
            if fails or message.address not in self.have:
                self.say(peer, Unavailable(BLOB, "failed", message.address))
                self.say(peer, Seek(BLOB))
            else:
                self.have.add(f"node {peer}")
                self.say(peer, Offer(BLOB, f"node {peer}"))

    def lose(self, node: int) -> None:
        self.alive.discard(node)
        self.have.discard(f"node {node}")
        self.say(ENGINE, Lost(node, Exit(1)))
        self.say(ENGINE, NodeLost(node))


@given(data=st.data(), nodes=st.integers(1, 12))
def test_every_node_that_lives_gets_what_it_seeks(data: st.DataObject, nodes: int) -> None:
    world = World(nodes)
    waiting = set(world.alive)
    for _ in range(data.draw(st.integers(0, 60))):
        act = data.draw(st.sampled_from(["seek", "deliver", "fail", "lose"]))
        if act == "seek" and waiting:
            world.say(waiting.pop(), Seek(BLOB))
        elif act == "lose" and len(world.alive) > 1:
            node = data.draw(st.sampled_from(sorted(world.alive)))
            waiting.discard(node)
            world.lose(node)
        elif act in {"deliver", "fail"} and world.mail:
            world.deliver(data.draw(st.integers(0, len(world.mail) - 1)), fails=act == "fail")
    for node in waiting:
        world.say(node, Seek(BLOB))
    for _ in range(20 * nodes):  # from here on nothing fails
        if world.mail:
            world.deliver(0, fails=False)

    assert {f"node {node}" for node in world.alive} <= world.have
