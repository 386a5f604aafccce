"""Engines, one file each. The seam is `elsewhere.engine`."""
