"""What is true of the sources of blobs between any two steps."""

from collections import Counter

from elsewhere.gateway.sources import BlobRecord, Sources
from elsewhere.gateway.value_invariants import Examined


def examine_sources(sources: Sources) -> list[Examined]:
    blobs = sources.blobs
    return [
        (
            "a source has as many peers as fetch a blob from it or are sources that have it from it",
            [
                blob.hex()
                for blob, record in blobs.items()
                if {a: s.peers for a, s in record.sources.items()} != _counted(record)
            ],
        ),
        (
            "no source has more peers than are allowed",
            [
                blob.hex()
                for blob, record in blobs.items()
                if any(s.peers > sources.peers_max for s in record.sources.values())
            ],
        ),
        (
            "whoever waits for a blob waits for the client's answer or for one who fetches it",
            [
                blob.hex()
                for blob, record in blobs.items()
                if record.waiting and not record.asked and not _under_way(record)
            ],
        ),
    ]


def _counted(record: BlobRecord) -> dict[str, int]:
    places = Counter(record.fetching.values())
    places.update(s.parent for s in record.sources.values() if s.parent is not None)
    return {address: places[address] for address in record.sources}


def _under_way(record: BlobRecord) -> list[str]:
    return [address for address in record.fetching.values() if address in record.sources]
