"""The benchmark: python bench/run.py [--workload 4000@200] [--contender nbstream] [--quick] …"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.chrome import Chrome
from bench.contenders import CONTENDERS
from bench.figures import figures, middle
from bench.page import Bench
from bench.provider import Provider
from bench.workloads import WORKLOADS, Workload
from tests.browser.jupyter import Server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contender", action="append", choices=CONTENDERS)
    parser.add_argument("--workload", action="append", type=Workload.parse)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Provider() as provider, Chrome() as chrome:
        server = Server("lab", Path(folder)).start()
        try:
            bench = Bench(provider, server, chrome)
            for workload in options.workload or WORKLOADS:
                for name in options.contender or CONTENDERS:
                    contender = CONTENDERS[name]
                    runs = []
                    for _ in range(options.repeat):
                        seen = bench.run(contender, workload)
                        print(seen.errors, len(seen.frames), len(seen.tasks))
                        runs.append(figures(contender, workload, seen))
                        print(runs[-1], flush=True)
                    if options.repeat > 1:
                        print("median", middle(runs))
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
