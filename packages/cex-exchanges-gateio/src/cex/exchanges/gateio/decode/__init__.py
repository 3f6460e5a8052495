"""Gate.io's structures become ours; pure functions. Whatever does not fit is an ``ExchangeDataException``."""
