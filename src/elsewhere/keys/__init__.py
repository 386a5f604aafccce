"""The keys of pure calls: canonical bytes of values, and fingerprints of the code that runs."""
