"""From whom the gateway has nodes fetch blobs: a tree, in which nobody hands on too much."""

from collections import Counter

import pytest

from elsewhere.calls.blobs import PEERS_MAX, Offer, Seek, Source, Unavailable, Wanted
from elsewhere.calls.messages import FromGateway, ToGateway
from elsewhere.calls.workers import Exit, Lost, NodeLost, Ready, Started
from elsewhere.errors import GatewayBug
from elsewhere.gateway.invariants import check_invariants
from elsewhere.gateway.machine import Gateway
from elsewhere.gateway.records import CLIENT, ENGINE

BLOB = b"b"
HOME = "client"


class Spread:
    """A gateway with one worker on each of so many nodes, which has the number of its node."""

    def __init__(self, nodes: int) -> None:
        self.gateway = Gateway()
        for number in range(1, nodes + 1):
            self.say(ENGINE, Started(number, number))
            self.say(number, Ready(1))

    def say(self, sender: int, message: ToGateway) -> list[tuple[int, FromGateway]]:
        turn = self.gateway.step(sender, message, 0.0)
        check_invariants(self.gateway)
        return turn.sends

    def seek(self, *nodes: int) -> list[tuple[int, FromGateway]]:
        return [send for node in nodes for send in self.say(node, Seek(BLOB))]

    def supply(self) -> list[tuple[int, FromGateway]]:
        return self.say(CLIENT, Offer(BLOB, HOME))

    def fetched(self, node: int) -> list[tuple[int, FromGateway]]:
        return self.say(node, Offer(BLOB, f"node {node}"))


def from_node(number: int) -> Source:
    return Source(BLOB, f"node {number}")


def test_the_client_is_asked_once_for_what_nobody_has() -> None:
    spread = Spread(2)

    assert spread.seek(1, 2) == [(CLIENT, Wanted(BLOB))]
    assert spread.supply() == [(1, Source(BLOB, HOME)), (2, Source(BLOB, HOME))]


def test_what_a_node_has_it_hands_on() -> None:
    spread = Spread(4)
    spread.seek(1, 2, 3, 4)
    assert [node for node, _ in spread.supply()] == [1, 2]

    assert spread.fetched(2) == [(3, from_node(2)), (4, from_node(2))]


def test_the_source_that_has_handed_on_least_is_next() -> None:
    spread = Spread(4)
    spread.seek(1)
    spread.supply()
    spread.fetched(1)

    assert spread.seek(2) == [(2, from_node(1))]
    assert spread.seek(3) == [(3, Source(BLOB, HOME))]
    assert spread.seek(4) == [(4, from_node(1))]


@pytest.mark.parametrize("nodes", [1, 2, 8, 100])
def test_no_source_hands_a_blob_to_more_than_are_allowed(nodes: int) -> None:
    spread = Spread(nodes)
    spread.seek(*range(1, nodes + 1))
    told = [(node, message) for node, message in spread.supply() if isinstance(message, Source)]
    served: Counter[str] = Counter()
    rounds = 0
    while told:
        rounds += 1
        served.update(message.address for _, message in told)
        told = [
            (node, message)
            for fetcher, _ in told
            for node, message in spread.fetched(fetcher)
            if isinstance(message, Source)
        ]

    assert served.total() == nodes
    assert max(served.values()) <= PEERS_MAX
    assert rounds <= nodes.bit_length()


def test_a_source_that_fails_is_named_no_more() -> None:
    spread = Spread(3)
    spread.seek(1)
    spread.supply()
    spread.fetched(1)
    spread.seek(2)
    spread.say(2, Unavailable(BLOB, "it sent another content", "node 1"))

    assert spread.seek(2, 3) == [(2, Source(BLOB, HOME)), (3, Source(BLOB, HOME))]


def test_the_client_is_asked_again_where_it_has_failed_itself() -> None:
    spread = Spread(1)
    spread.seek(1)
    spread.supply()
    spread.say(1, Unavailable(BLOB, "the connection was closed", HOME))

    assert spread.seek(1) == [(CLIENT, Wanted(BLOB))]


def test_what_the_client_cannot_supply_is_to_be_had_nowhere() -> None:
    spread = Spread(2)
    spread.seek(1, 2)

    refused = Source(BLOB, "", "it was edited")
    assert spread.say(CLIENT, Unavailable(BLOB, "it was edited", HOME)) == [
        (1, refused),
        (2, refused),
    ]
    assert spread.seek(1) == [(CLIENT, Wanted(BLOB))]


def test_what_another_node_has_needs_no_client() -> None:
    spread = Spread(4)
    spread.seek(1)
    spread.supply()
    spread.fetched(1)
    spread.say(2, Unavailable(BLOB, "it sent another content", HOME))
    # Whatever the client says now, it was not asked.
    spread.say(CLIENT, Unavailable(BLOB, "it was edited", HOME))

    assert spread.seek(2) == [(2, from_node(1))]


def test_who_seeks_no_more_leaves_a_place() -> None:
    spread = Spread(4)
    spread.seek(1, 2, 3, 4)
    spread.supply()

    assert spread.say(1, Unavailable(BLOB, "it is sought no more")) == [(3, Source(BLOB, HOME))]
    spread.say(4, Unavailable(BLOB, "it is sought no more"))
    assert spread.fetched(2) == []


def test_who_asks_twice_has_one_place() -> None:
    spread = Spread(3)
    spread.seek(1)
    spread.supply()

    assert spread.seek(1) == [(1, Source(BLOB, HOME))]
    assert spread.seek(2) == [(2, Source(BLOB, HOME))]
    assert spread.seek(3) == []


def test_a_worker_that_is_lost_leaves_its_place() -> None:
    spread = Spread(4)
    spread.seek(1, 2, 3, 4)
    spread.supply()

    assert spread.say(ENGINE, Lost(4, Exit(1))) == []
    assert spread.say(ENGINE, Lost(1, Exit(1))) == [(3, Source(BLOB, HOME))]
    assert spread.seek(1) == []  # what it said comes late


def test_a_node_that_is_lost_leaves_its_place_and_its_peers_keep_what_they_have() -> None:
    spread = Spread(6)
    spread.seek(1, 2)
    spread.supply()
    spread.fetched(1)
    spread.fetched(2)
    spread.seek(3, 4)
    spread.fetched(3)
    spread.say(ENGINE, NodeLost(1))

    assert spread.seek(5) == [(5, from_node(3))]
    assert spread.seek(6) == [(6, Source(BLOB, HOME))]


def test_a_peer_of_a_source_that_was_lost_may_still_have_come_to_an_end() -> None:
    spread = Spread(5)
    spread.seek(1)
    spread.supply()
    spread.fetched(1)
    spread.seek(2, 3)
    spread.say(ENGINE, NodeLost(1))
    spread.fetched(2)

    assert spread.seek(4) == [(4, from_node(2))]


def test_an_offer_that_comes_twice_counts_once() -> None:
    spread = Spread(3)
    spread.seek(1, 2)
    spread.supply()
    spread.fetched(1)
    spread.fetched(1)
    spread.say(2, Offer(BLOB, "node 1"))  # two workers of one node

    assert spread.seek(3) == [(3, from_node(1))]


def test_a_source_with_too_many_peers_breaks_an_invariant() -> None:
    spread = Spread(1)
    spread.seek(1)
    spread.supply()
    spread.gateway.sources.peers_max = 0

    with pytest.raises(GatewayBug, match="no source has more peers than are allowed"):
        check_invariants(spread.gateway)


def test_a_place_that_nobody_has_breaks_an_invariant() -> None:
    spread = Spread(1)
    spread.seek(1)
    spread.supply()
    spread.gateway.sources.blobs[BLOB].fetching.clear()

    with pytest.raises(GatewayBug, match="a source has as many peers"):
        check_invariants(spread.gateway)


def test_one_who_waits_for_nobody_breaks_an_invariant() -> None:
    spread = Spread(1)
    spread.seek(1)
    spread.gateway.sources.blobs[BLOB].asked = False

    with pytest.raises(GatewayBug, match="waits for the client's answer"):
        check_invariants(spread.gateway)
