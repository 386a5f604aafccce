"""Worlds that exist only in memory, to test the gateway in: see `simulate`."""
