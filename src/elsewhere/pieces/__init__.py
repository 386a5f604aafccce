"""What workers do with the chunks of a `Chunked`."""
