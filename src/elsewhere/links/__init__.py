"""Links between a gateway's host and its workers, one file each. The seam is `elsewhere.link`."""
