"""Documents in and out. A document holds what its Profile holds and no more."""
