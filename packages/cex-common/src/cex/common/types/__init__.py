"""What the market is: symbols, instruments, market data, orders, accounts."""
