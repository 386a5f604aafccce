"""What a pool has recorded of its calls, and how it is shown."""
