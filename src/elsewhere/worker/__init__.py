"""What a worker process does: run calls, one at a time, and answer its link meanwhile."""
