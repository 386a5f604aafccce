"""What functions are given by themselves, and by whom."""
