"""The record: append-only, tamper-evident, and a condition of every read."""
