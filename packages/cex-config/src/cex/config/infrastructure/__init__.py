"""Settings that belong to no exchange: network, logging, database."""
