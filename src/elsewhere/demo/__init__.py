"""`elsewhere demo`: the complexity of every function of this Python, computed on all cores."""
