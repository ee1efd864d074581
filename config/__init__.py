"""What everything else stands on: settings, the clock, the database, secrets and the layout of a home."""
