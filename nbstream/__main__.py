"""``python -m nbstream``: the ``nbstream`` command."""

import sys

from .cli import main

sys.exit(main())
