"""The command ``symphony-data``, also as ``python -m symphony_data``."""

import sys

from ._core import cli


def main() -> None:
    """Runs the command with this process's arguments and ends with its exit code."""
    sys.exit(cli(["symphony-data", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
