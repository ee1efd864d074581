"""Chance, handed in: `Entropy` gives n unpredictable bytes. The composition root hands in `os.urandom`."""

from __future__ import annotations

import os
from collections.abc import Callable

Entropy = Callable[[int], bytes]

system_entropy: Entropy = os.urandom
