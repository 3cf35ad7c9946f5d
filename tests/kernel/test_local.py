"""With no key, a server on this machine is offered: from ``%load_ext`` to its first answer."""

from __future__ import annotations

import re
from html import unescape

from tests.kernel.kernels import Kernel
from tests.served import Served

QUICK = """
import os
os.environ["OLLAMA_HOST"] = {origin!r}
from nbstream.providers import demo, registry
demo.RATE = 200.0  # the answer is not what is tested
registry.BUDGET = 20.0  # nor is the speed of this machine
"""


def test_ollama_is_found_offered_and_used_only_when_its_line_is_run(kernel: Kernel) -> None:
    with Served("ollama", key=None) as ollama:
        kernel.run(QUICK.format(origin=ollama.origin))
        assert "demo" in kernel.run("%load_ext nbstream").text
        kernel.run("%llm")
        assert ollama._ask("/control/log") == [], "loading asks nobody"

        first = kernel.run("%%llm\nWhat did I ask before?", allow_stdin=True)
        assert "demo" in first.markdown and "Ollama" in first.markdown
        [line] = re.findall(r"^> → (?:`|<code>)(.+?)(?:`|</code>)$", unescape(first.markdown), re.M)
        assert line.startswith("%llm use ollama:")
        asked = ollama._ask("/control/log")
        assert [one["method"] for one in asked] == ["GET"] and "authorization" not in asked[0]["headers"]

        listed = unescape(kernel.run("%llm models").markdown)
        row = next(one for one in listed.splitlines() if one.startswith("| Ollama |"))
        assert ollama.origin.partition("//")[2] in row and line in row
        assert ollama.log() == []

        kernel.run(line)
        second = kernel.run("%%llm --no-history\nHello", allow_stdin=True)
        assert second.status == "ok", second.errors
        assert len(ollama.log()) == 1
        assert "%llm use" not in second.markdown, "told once"
