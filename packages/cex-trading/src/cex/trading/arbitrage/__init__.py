"""Find trades that pay, from books that can vouch for their prices."""
