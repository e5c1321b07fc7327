"""`python -m partnerface`, as the workflow's rules call it."""

import sys

from partnerface.cli import main

if __name__ == "__main__":
    sys.exit(main())
