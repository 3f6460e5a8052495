"""What every settings type and every source of settings has in common."""
