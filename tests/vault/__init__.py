"""Documents at rest: the format, the keys, and what happens when somebody or something changes either."""
