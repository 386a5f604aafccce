"""What a call is, and the messages that carry it. Touches nothing."""
