"""The tree told once and run over both protocols, on a real server."""
