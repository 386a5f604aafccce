"""User objects to bytes and back: arguments, functions, results, failures."""
