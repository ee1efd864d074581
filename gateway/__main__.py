"""`python -m gateway`: the command `ladocs` without its script."""

from __future__ import annotations

import sys

from gateway.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
