"""Defaults that are longer than a number: the standard categories, mailboxes of roles, domains of private mail."""

from __future__ import annotations

CATEGORIES = ("EHSG Report Confidential", "General", "SEND", "Shared Services HR")

OWN_WORDS = ("Derbyshire", "County", "Council", "ladocs")

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
