"""`python -m cxr_tasks`."""

import sys

from cxr_tasks.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
