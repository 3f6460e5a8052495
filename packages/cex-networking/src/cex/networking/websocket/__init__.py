"""Keep streams alive, knowing no exchange: what an exchange supplies is its dialect."""
