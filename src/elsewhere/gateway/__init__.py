"""The machine that decides who runs what. It touches nothing: see `machine`."""
