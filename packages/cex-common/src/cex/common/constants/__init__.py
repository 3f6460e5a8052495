"""Figures that are true of no single exchange."""
