"""`python -m closedbook` is the command line."""

import sys

from closedbook.cli import main

if __name__ == "__main__":
    sys.exit(main())
