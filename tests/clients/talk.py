"""What the scripts ``with_*.py`` share. They run where nothing of ours can be imported but this file."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "SAID "
"""What a line of ours begins with: some clients print things of their own."""


class Said:
    """What came of one stream, in a shape that is the same for all clients."""

    def __init__(self) -> None:
        self.text = self.reasoning = ""
        self.finish: str | None = None
        self.usage: list[int | None] = [None, None]
        self.tools: list[list[Any]] = []
        self.error: dict[str, Any] | None = None

    def failed(self, error: Exception, **facts: Any) -> None:
        self.error = {"class": type(error).__name__, "message": str(error), **facts}


def converse(ask: Callable[[dict[str, Any], str, str, Said], None]) -> None:
    """Read jobs from stdin, a line each; ask for each model of one, print what came as one line.

    `ask` gets job, model, prompt, Said. The models that the job lists as `strangers` are asked with a wrong
    key; those in `urls` elsewhere.
    """
    for line in sys.stdin:
        given = json.loads(line)
        told: dict[str, Any] = {}
        for model, prompt in given["asked"].items():
            job = dict(given, url=given.get("urls", {}).get(model, given["url"]))
            if model in given.get("strangers", ()):
                job["key"] = "not-the-key-0123456789"
            said = Said()
            # A client that hangs must not hold up the tests: it is left behind, and said.
            thread = threading.Thread(target=_guarded, args=(ask, job, model, prompt, said), daemon=True)
            thread.start()
            thread.join(20)
            if thread.is_alive():
                said.error = {"class": "Hangs", "message": "the client did not come back within 20 seconds"}
            told[model] = vars(said)
        print(f"\n{MARK}{json.dumps(told)}", flush=True)
    os._exit(0)  # whatever threads a client has


def _guarded(ask: Any, job: dict[str, Any], model: str, prompt: str, said: Said) -> None:
    try:
        ask(job, model, prompt, said)
    except Exception as error:  # whatever a client raises is what it says
        if traceback.extract_tb(error.__traceback__)[-1].filename.startswith(str(Path(__file__).parent)):
            traceback.print_exc()
            os._exit(3)  # a mistake in the script, not in what was sent
        facts = {
            name: getattr(error, name)
            for name in ("status_code", "code", "error_code", "request_id")
            if isinstance(getattr(error, name, None), (int, str))
        }
        said.failed(error, **facts)
