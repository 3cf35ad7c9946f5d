"""Open JupyterLab on a copy of the first notebook: tools/demo.py [PORT]

The same as ``nbstream demo``, with the copies in demo/ of this checkout.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from nbstream.cli import main

    os.chdir(ROOT)
    port = ["--port", sys.argv[1]] if len(sys.argv) > 1 else []
    return main(["demo", "demo", *port])


if __name__ == "__main__":
    sys.exit(main())
