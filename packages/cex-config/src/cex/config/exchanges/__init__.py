"""What the settings of every exchange have in common; each exchange's own stand in its own package."""
