"""Documents that are sent and files that are imported.

A document shows what its Profile holds and no more: privacy was decided before.
"""
