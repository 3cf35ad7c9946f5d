"""Who looks on at the wire sees all of it, costs nobody the answer, and may stand in for the service."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

import pytest

from nbstream.chat.call import Call
from nbstream.chat.session import Session
from nbstream.chat.stream import Stream
from nbstream.chat.tap import Player, Tap
from nbstream.errors import NbstreamError
from nbstream.messages import Answer, ChatRequest, Event, Finish, TextDelta, Usage
from nbstream.providers.base import Provider
from nbstream.wire.request import Frame, Refused, WireRequest, WireResponse
from nbstream.wire.transport import Opening
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.spark_server import CREDENTIALS, SparkServer

LAST = {
    "header": {"code": 0, "status": 2},
    "payload": {"choices": {"status": 2, "seq": 0, "text": [{"content": "from the tape", "index": 0}]}},
}
KEY = "sk-of-this-test-0123456789"


class Notebook(Tap):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.requests: list[WireRequest] = []
        self.outcomes: list[NbstreamError | WireResponse | None] = []
        self.frames: list[tuple[Frame, list[Event]]] = []
        self.headers: Mapping[str, str] = {}
        self.answer: Answer | None = None

    def attempt(self, call: Call, request: WireRequest) -> None:
        self.told.append("attempt")
        self.requests.append(request)

    def accepted(self, headers: Mapping[str, str]) -> None:
        self.told.append("accepted")
        self.headers = headers

    def frame(self, frame: Frame, events: list[Event]) -> None:
        if self.told[-1] != "frame":
            self.told.append("frame")
        self.frames.append((frame, events))

    def ended(self, outcome: NbstreamError | WireResponse | None) -> None:
        self.told.append("ended")
        self.outcomes.append(outcome)

    def paused(self, seconds: float) -> None:
        self.told.append("paused")

    def done(self, answer: Answer) -> None:
        self.told.append("done")
        self.answer = answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with OpenAIServer(KEY) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def asked(here: Session, model: str, tap: Tap | None = None, **options: object) -> Answer:
    taps = [lambda call: tap] if tap is not None else []
    run = here.run(here.call("Hi", model=model, taps=taps, **options))  # type: ignore[arg-type]
    return Stream(run).wait()


def test_each_frame_is_told_with_the_events_that_it_became(server: OpenAIServer) -> None:
    tap = Notebook()
    answer = asked(Session(), "openai:words:5", tap)
    assert tap.told == ["attempt", "accepted", "frame", "ended", "done"]
    events = [event for _, batch in tap.frames for event in batch]
    assert "".join(one.text for one in events if isinstance(one, TextDelta)) == answer.text
    assert [type(one) for one in events[-2:]] == [Usage, Finish]
    texts = [batch for frame, batch in tap.frames if '"content": "' in frame.data and batch]
    assert len(texts) >= 4 and all(len(batch) == 1 for batch in texts)
    assert tap.headers["x-request-id"] == "req_fake" and tap.outcomes == [None]
    assert tap.answer is not None and tap.answer.text == answer.text


def test_a_websocket_is_seen_as_well() -> None:
    with SparkServer() as server:
        tap = Notebook()
        answer = asked(Session(), "spark", tap, base_url=server.url, credentials=CREDENTIALS)
    assert tap.told == ["attempt", "accepted", "frame", "ended", "done"] and answer.text
    assert all('"header"' in frame.data for frame, _ in tap.frames if frame.data)


def test_repeats_and_refusals_are_told_with_keys_masked(server: OpenAIServer) -> None:
    tap = Notebook()
    assert asked(Session(), "openai:flaky:1", tap).text
    assert tap.told[:5] == ["attempt", "ended", "paused", "attempt", "accepted"]
    refused = tap.outcomes[0]
    assert isinstance(refused, WireResponse) and refused.status >= 400 and KEY not in refused.text
    with pytest.raises(NbstreamError):
        asked(Session(), "openai:cut:3", tap := Notebook(), retries=0)
    assert tap.told[-2:] == ["ended", "done"] and tap.answer is not None and tap.answer.error is not None


def test_a_tap_that_fails_costs_nobody_the_answer(server: OpenAIServer) -> None:
    class Broken(Notebook):
        def frame(self, frame: Frame, events: list[Event]) -> None:
            raise ZeroDivisionError

    here, sane, broken = Session(), Notebook(), Broken()

    def unmade(call: Call) -> Tap:
        raise ZeroDivisionError

    here.taps += [lambda call: broken, unmade, lambda call: sane, lambda call: None]
    assert len(asked(here, "openai:words:5").text.split()) == 5
    assert broken.told == ["attempt", "accepted"] and sane.told[-1] == "done"


class Replay(Player):
    """Says the same of everything, once it was busy."""

    model = "spark:lite"

    def __init__(self, knows: bool = True) -> None:
        self.knows = knows
        self.pauses: list[float] = []

    def plays(self, provider: Provider, chat: ChatRequest) -> bool:
        return self.knows

    def opening(
        self, call: Call, request: WireRequest, accepted: Callable[[], None], attempt: int
    ) -> Opening | None:
        if not self.knows:
            return None

        class Played(Opening):
            async def frames(self) -> AsyncGenerator[list[Frame], None]:
                if attempt == 0:
                    raise Refused(WireResponse(503))
                accepted()
                yield [Frame(json.dumps(LAST))]

        return Played(request, call.limits, accepted)

    def pause(self, seconds: float) -> float:
        self.pauses.append(seconds)
        return 0.0


def test_a_player_needs_no_key_and_no_network_and_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPARK_APP_ID", "SPARK_API_KEY", "SPARK_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    here = Session()
    here.player = player = Replay()
    answer = asked(here, here.default_model())
    assert (answer.model, answer.text) == ("spark:lite", "from the tape")
    assert player.pauses and player.pauses[0] > 0


def test_what_a_player_does_not_know_is_asked_of_the_service(server: OpenAIServer) -> None:
    here = Session()
    here.player = Replay(knows=False)
    assert len(asked(here, "openai:words:5").text.split()) == 5
    with pytest.raises(NbstreamError, match="key"):
        here.call("Hi", model="anthropic", credentials={})
