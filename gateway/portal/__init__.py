"""The pages below `/portal/`: a Flask application that the HTTP server mounts."""
