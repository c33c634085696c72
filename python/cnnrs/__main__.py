"""Makes ``python -m cnnrs`` the same as the command ``cnnrs``."""

import sys

from cnnrs.cli import main

if __name__ == "__main__":
    sys.exit(main())
