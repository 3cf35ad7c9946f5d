"""Every request is read when it comes, also by kernels that would pass over one while they send a reply."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.kernel.kernels import Kernel
from tests.kernel.pairs import need, newest_first

ROUNDS = 2_000  # without the mend about one round in 400 loses a request on 7.3


@pytest.mark.parametrize("ipykernel", ["7.3", "newest"])
def test_no_request_is_passed_over_while_a_reply_is_sent(ipykernel: str, tmp_path: Path) -> None:
    available = [pair for pair in newest_first(ipykernel) if pair.made()] or newest_first(ipykernel)
    kernel = Kernel(tmp_path, need(available[0])).ready()
    other = kernel.manager.blocking_client()
    try:
        assert kernel.run("%load_ext nbstream").status == "ok"
        other.start_channels()
        clients, late = [kernel.client, other], random.Random(7)
        for _ in range(ROUNDS):  # the second request about when the first is replied to
            clients[0].comm_info("nobody")
            until = time.perf_counter() + late.uniform(0, 0.003)
            while time.perf_counter() < until:
                pass
            clients[1].comm_info("nobody")
            for client in clients:
                assert client.get_shell_msg(timeout=30)["msg_type"] == "comm_info_reply"
    finally:
        other.stop_channels()
        kernel.close()
