"""Sealed documents and the keys that die with them (docs/vault-format.md)."""
