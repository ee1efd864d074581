"""A running server in trouble: what breaks, what must not, and how it comes back by itself."""
