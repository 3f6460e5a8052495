"""Gate.io's own structures, as bytes become them: one module a market, and what both have in common."""
