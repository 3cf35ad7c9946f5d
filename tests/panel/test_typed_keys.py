"""A key that is typed into a panel, in a real kernel: it is used, and nothing else of it is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary.canaries import canary, hits, hits_below
from tests.fakes.openai_server import OpenAIServer
from tests.kernel.kernels import running

KEY = canary("typed", "panel")
SETUP = """
import logging
logging.basicConfig(level=logging.DEBUG, filename="debug.log", force=True)
get_ipython().kernel.log.setLevel(logging.DEBUG)
for name in ("comm", "ipykernel.comm", "nbstream", "traitlets"):
    logging.getLogger(name).setLevel(logging.DEBUG)
logging.getLogger("markdown_it").setLevel(logging.INFO)
from tests.canary import everything
import nbstream
panel = nbstream.ChatPanel()
print(panel.comm.comm_id)
"""


@pytest.mark.parametrize("right", [True, False])
def test_of_a_key_typed_into_a_panel_only_its_end_can_be_found_afterwards(
    tmp_path: Path, right: bool
) -> None:
    with (
        OpenAIServer(KEY if right else "sk-another") as server,
        running(tmp_path, OPENAI_BASE_URL=server.url) as kernel,
    ):
        comm = kernel.run(SETUP, allow_stdin=True).text.strip()
        wish = {"do": "login", "view": "v", "id": 1, "ask": True, "provider": "openai", "fields": ["api_key"]}
        data = {"comm_id": comm, "data": {"method": "custom", "content": wish}}
        message = kernel.client.session.msg("comm_msg", data)
        message["buffers"] = [KEY.encode()]
        kernel.client.shell_channel.send(message)
        while True:
            said = kernel.client.get_iopub_msg(timeout=30)["content"]
            if (
                reply := said.get("data", {}).get("content", {}).get("reply")
                if said.get("comm_id") == comm
                else None
            ):
                break
        assert ("…0f7E ✓" in str(reply)) is right
        left = kernel.run(f"print(*everything.holders({KEY[::-1]!r}), sep='\\n')").text
        assert not left.strip(), left
        kernel.run("print(get_ipython().parent_header, get_ipython().kernel.get_parent(), panel._desk)")
        assert not hits_below(tmp_path)
        assert not hits(str(reply))
        assert (tmp_path / "debug.log").read_text("utf-8").count("login") >= 1, "the log tells of the wish"
        assert int(kernel.value("len(nbstream.chat.session.session().keys.pools)")) == right
