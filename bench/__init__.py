"""The project's own measurements: `ladocs` beside the servers that people know, on loopback.

Run by hand as `python -m bench` or `make bench`. Nothing here is a test: what is too slow is told, never asserted.
"""
