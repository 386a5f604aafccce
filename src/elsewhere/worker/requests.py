"""What a worker asks its node for: a process forked from a template."""

DIGEST_BYTES = 32
GROUP_BYTES = 8
REQUEST_BYTES = DIGEST_BYTES + GROUP_BYTES
"""A request: what is needed, by its name, and the process group of the worker that needs it."""
REQUEST_DESCRIPTORS = 3
"""What comes with it: the link of the process to be forked, what it is to end with, and where to tell
how it ended."""
