"""Order books that are proven: sorted levels, and the synchronizer that alone may call them LIVE."""
