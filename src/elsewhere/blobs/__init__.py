"""Content that travels once to each node: files named by their hash, handed from node to node."""
