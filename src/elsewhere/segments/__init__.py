"""Large values in files that all processes of a node map: written once, read without a copy."""
