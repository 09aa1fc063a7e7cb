"""Starts the provider: `python -m pulumi_fastapi ENGINE_ADDRESS`, or with the directory, as Pulumi does."""

import sys
from pathlib import Path

if not __package__:
    # Python put this directory first, whose modules are no modules of their own.
    sys.path[0] = str(Path(__file__).parents[1])

from pulumi_fastapi.provider import serve

if __name__ == "__main__":
    serve()
