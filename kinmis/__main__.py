"""``python -m kinmis``: the same as the command ``kinmis``."""

import sys

from kinmis.cli import main

if __name__ == "__main__":
    sys.exit(main())
