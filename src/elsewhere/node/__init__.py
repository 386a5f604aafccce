"""The process that starts a machine's workers: a small fork server."""
