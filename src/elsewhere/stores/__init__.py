"""Stores: where the results of pure calls are remembered."""
