"""Brings blobs to the node of a worker: fetched from whom the gateway says, once for all its workers."""

import os
from functools import partial

from elsewhere.blobs.address import address_in
from elsewhere.blobs.folder import BlobFolder
from elsewhere.blobs.peers import NotServed, fetch
from elsewhere.calls.blobs import Offer, Seek, Source, Unavailable
from elsewhere.worker.post import Post

FETCHES_MAX = 5
"""From how many sources a blob is tried to be fetched."""
LOOK_SECONDS = 0.005
"""How often to look for an answer that another thread may take in."""


class Supplies:
    """The blobs of this worker's node. Any thread may call."""

    def __init__(self, post: Post, directory: str) -> None:
        self._post = post
        self._folder = BlobFolder(directory)
        self._address = address_in(directory)
        self._answers: dict[bytes, Source] = {}
        post.on_sources.append(self._note)

    def path(self, blob: bytes) -> str:
        """A file with this content, which must not be written to. Raises `NotServed` if there is none anywhere, and OSError."""
        path, brought = self._folder.bring(blob, partial(self._fetch, blob))
        if brought:
            self._post.post(Offer(blob, self._address))
        return path

    def _note(self, source: Source) -> None:
        self._answers[source.blob] = source

    def _fetch(self, blob: bytes, file: int) -> None:
        failure = NotServed()
        for _ in range(FETCHES_MAX):
            try:
                source = self._ask(blob)
                if not source.address:
                    raise NotServed(source.reason)
                try:
                    fetch(source.address, blob, file)
                except NotServed as error:
                    failure = error
                    self._post.post(Unavailable(blob, str(error), source.address))
                    os.ftruncate(file, 0)
                    os.lseek(file, 0, os.SEEK_SET)
                else:
                    return
            except BaseException:
                self._post.post(Unavailable(blob, "it is sought no more"))
                raise
        raise failure

    def _ask(self, blob: bytes) -> Source:
        self._answers.pop(blob, None)
        self._post.post(Seek(blob))
        while (answer := self._answers.pop(blob, None)) is None:
            self._post.attend(LOOK_SECONDS)
        return answer
