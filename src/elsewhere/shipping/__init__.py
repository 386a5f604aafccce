"""What a function needs besides its code: found here, checked and brought where it runs."""
