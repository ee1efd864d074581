"""Mail to people: what waits to be sent, what it says, and how it leaves."""
