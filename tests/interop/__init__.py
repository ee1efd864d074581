"""Real clients, and replays of them, against a running server."""
