"""The adapters, one file per family of peers; `benchmarks.catalogue` lists them."""
