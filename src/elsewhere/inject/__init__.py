"""Expensive state: made by providers, kept in the process, given to calls."""
