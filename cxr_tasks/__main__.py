"""`python -m cxr_tasks`."""

import sys

from cxr_tasks.cli.main import main
from cxr_tasks.cli.output import with_output

if __name__ == "__main__":
    sys.exit(with_output(main))
