"""What a teacher allows in this kernel, and what is left of it. Held wherever a service is asked.

Every policy file that there is holds, so that none can loosen another: one of the machine, one of the
environment that Python runs in, and one that ``NBSTREAM_POLICY`` names. A file that cannot be read or
understood closes: `demo` alone is left. What only a tape plays asks nobody, and needs no permission but that.

This is a fence, and no wall: whoever can run Python here can step over it. What must hold belongs into the
gateway that has the key.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NbstreamError, fail
from ..i18n import language, t
from ..messages import Answer, ChatRequest
from ..plainfiles import located
from .ledger import Ledger
from .rules import FREE, HOUR, SPANS, Rules, read

if TYPE_CHECKING:
    from ..providers.base import Provider
    from .audit import Audit
    from .call import Call

POLICY = "NBSTREAM_POLICY"
"""The variable that names a policy file."""
SAYS_MODEL = frozenset({"model", "models", "domain", "fallbacks", "fallback_models"})
"""Options that would have a request ask another model than it says."""
SAYS_TOKENS = frozenset(
    {"max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict"}
)
"""Options that would have it take another number of tokens."""
SAYS_ANSWERS = frozenset({"n", "best_of", "candidateCount", "candidate_count"})
"""Options that would have it give several answers."""
TYPICAL = 1_000
"""Tokens that are reckoned for an answer under way that nothing bounds."""


def places() -> list[Path]:
    """Where a policy may lie that a person who runs Python here has not named."""
    if sys.platform == "win32":
        machine = Path(os.environ.get("PROGRAMDATA") or "C:\\ProgramData", "nbstream", "policy.toml")
    else:
        machine = Path("/etc/nbstream/policy.toml")
    return [machine, Path(sys.prefix, "etc", "nbstream", "policy.toml")]


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound and what is left of it."""

    rules: Rules
    most: int
    used: int
    span: str
    name: str
    """``tokens`` or ``requests``."""

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)


class Policy:
    """The policies of this kernel. The variable is read once, the files whenever they have changed.

    Parameters
    ----------
    audit : Audit
        Is told what was refused.
    estimate : function
        How many tokens all that a call sends will be.
    """

    def __init__(self, audit: Audit, estimate: Callable[[Call], int]) -> None:
        named = os.environ.get(POLICY, "").strip()
        self._named = located(named).absolute() if named else None
        self._audit, self._estimate = audit, estimate
        self._read: dict[Path, tuple[object, Rules]] = {}
        self.ledger = Ledger()
        self.lock = threading.Lock()

    # --- what there is --------------------------------------------------------------------------------

    def rules(self) -> list[Rules]:
        """What the files say now; those of the machine first."""
        found = []
        for path in dict.fromkeys([*places(), *filter(None, [self._named])]):
            try:
                about = path.stat()
                now: object = (about.st_mtime_ns, about.st_size, about.st_ino, language())
            except (FileNotFoundError, NotADirectoryError):
                if path != self._named:
                    continue
                now = None
            except OSError as error:
                now = error.errno
            if path not in self._read or self._read[path][0] != now:
                self._read[path] = now, read(path)
            found.append(self._read[path][1])
        return found

    def budgets(self) -> Iterator[Budget]:
        """What is bounded, and what was used of it."""
        for rules in self.rules():
            if rules.tokens is not None:
                used = self.ledger.used(SPANS[rules.span])[1]
                yield Budget(rules, rules.tokens, used, rules.span, "tokens")
            if rules.requests_per_hour is not None:
                yield Budget(rules, rules.requests_per_hour, self.ledger.used(HOUR)[0], "hour", "requests")

    def allows(self, provider: Provider, model: str = "") -> bool:
        """Whether `model` of `provider`, or its usual one, may be asked at all."""
        name = f"{provider.name}:{model or provider.default_model}"
        return provider.name == FREE or all(rules.allows(name) for rules in self.rules())

    def named(self, provider: str) -> list[str]:
        """The models of `provider` that the files name one by one."""
        every = [one.partition(":") for rules in self.rules() for one in rules.named]
        return list(dict.fromkeys(model for name, _, model in every if name == provider))

    @property
    def tapes(self) -> bool:
        """Whether a tape may be played."""
        return all(rules.tapes for rules in self.rules())

    def in_brief(self) -> str | None:
        """One line of what holds here; None: there is no policy."""
        if not (every := self.rules()):
            return None
        parts = []
        if any(rules.broken for rules in every):
            parts.append(t("policy.brief_broken"))
        elif lists := [rules.allowed for rules in every if rules.models is not None]:
            parts += [t("list.joint").join(one) for one in lists]
        parts += [
            t(f"policy.brief_{one.name}", left=f"{one.left:,}", most=f"{one.most:,}")
            for one in self.budgets()
        ]
        return " · ".join(parts or [t("policy.brief_any")])

    # --- what holds -----------------------------------------------------------------------------------

    def allowed(self, provider: Provider, chat: ChatRequest, *, played: bool) -> ChatRequest:
        """`chat` as it may be sent. Raises `NbstreamError` (permission) if it may not.

        `played`: by a tape, as far as anybody knows; what it does not play after all is held up later.
        """
        every = self.rules()
        if played and (closed := [rules for rules in every if not rules.tapes]):
            case = "policy_broken" if closed[0].broken else "policy_tapes"
            raise self._refused(case, closed[0], _full(provider, chat), reason=closed[0].broken)
        if played or not every:
            return chat
        most = min((one.max_tokens for one in every if one.max_tokens is not None), default=None)
        if chat.max_tokens is None and most is not None and provider.name != FREE:
            chat = replace(chat, max_tokens=most)
        self._check(provider, chat, every)
        return chat

    def permitted(self, call: Call) -> Call:
        """`call` with a permit for one run, where there is any policy."""
        return replace(call, permit=Permit(self)) if self.rules() or call.permit else call

    def insist(self, model: str) -> None:
        """Raise `NbstreamError` (permission) if `model`, ``provider:model``, may never be asked."""
        if model.partition(":")[0] == FREE:
            return
        for rules in self.rules():
            if rules.broken:
                raise self._refused("policy_broken", rules, model, reason=rules.broken)
            if not rules.allows(model):
                allowed = t("list.joint").join(rules.allowed)
                raise self._refused("policy_model", rules, model, allowed=allowed, instead=rules.instead)

    def bounded(self, model: str, most: int | None) -> None:
        """Raise `NbstreamError` (permission) if an answer may not have `most` tokens, or any number."""
        for rules in self.rules():
            if rules.max_tokens is not None and not 0 < (most or 0) <= rules.max_tokens:
                given = most if most is not None else "∞"
                raise self._refused("policy_max_tokens", rules, model, given=given, most=rules.max_tokens)

    def _check(self, provider: Provider, chat: ChatRequest, every: list[Rules]) -> None:
        model = _full(provider, chat)
        if provider.name == FREE:
            return
        self.insist(model)
        for rules in every:
            for name, value in _inner(chat.options):
                if not _keeps(rules, provider.name, name, value):
                    raise self._refused("policy_option", rules, model, option=name[:40])
        self.bounded(model, chat.max_tokens)
        for budget in self.budgets():
            if budget.used >= budget.most:
                raise self._used_up(budget, model)

    def _used_up(self, budget: Budget, model: str) -> NbstreamError:
        when = self.ledger.free_again(SPANS[budget.span])
        again = t("policy.again", time=_clock(when)) if when is not None and budget.most else ""
        return self._refused(
            f"policy_{budget.name}", budget.rules, model, again=again,
            used=f"{budget.used:,}", most=f"{budget.most:,}", span=t(f"policy.span_{budget.span}"),
        )  # fmt: skip

    def _refused(self, case: str, rules: Rules, model: str, **facts: Any) -> NbstreamError:
        self._audit("policy", name=case.removeprefix("policy_"), state="refused", model=model)
        note = t("policy.note", note=rules.note) if rules.note else ""
        return fail(
            f"permission.{case}", provider=model.partition(":")[0],
            model=model, path=str(rules.path), note=note, **facts,
        )  # fmt: skip


@dataclass(slots=True)
class Permit:
    """What one run may do, and what it has taken; asked before each request of it."""

    policy: Policy
    _begun: tuple[float, int] | None = None
    """When its last request began, and how many tokens that was reckoned to take."""

    def ask(self, call: Call) -> None:
        """A service is to be asked now. Raises `NbstreamError` (permission) if that may not be."""
        policy = self.policy
        if self._begun is not None:  # an attempt that failed took nothing
            policy.ledger.put_right(self._begun[0], call.model, -self._begun[1])
            self._begun = None
        with policy.lock:  # of many that begin at once each sees those before it
            policy._check(call.provider, call.chat, policy.rules())
            if call.provider.name != FREE and any(True for _ in policy.budgets()):
                may_take = policy._estimate(call) + (call.chat.max_tokens or TYPICAL)
                self._begun = policy.ledger.begin(call.model, may_take), may_take

    def settle(self, call: Call, answer: Answer) -> None:
        """The run is over."""
        if self._begun is not None:
            when, held = self._begun
            self._begun = None
            self.policy.ledger.put_right(when, call.model, self._took(call, answer) - held)

    def _took(self, call: Call, answer: Answer) -> int:
        usage = answer.usage
        came = bool(answer.text or answer.reasoning or answer.tool_calls)
        told = (usage.input_tokens, usage.output_tokens) if usage is not None else (None, None)
        if told[0] is not None and told[1] is not None and min(told[0], told[1]) >= 0:
            return told[0] + told[1]
        if answer.error is not None and not came:
            return 0
        # It was stopped, or the service tells no numbers: then what is seen of it is reckoned.
        from .sizes import Ratio, size_of

        said = answer.text + answer.reasoning + "".join(one.arguments for one in answer.tool_calls)
        return self.policy._estimate(call) + round(Ratio().tokens(size_of(said)))


def _full(provider: Provider, chat: ChatRequest) -> str:
    return f"{provider.name}:{chat.model or provider.default_model}"


def _keeps(rules: Rules, provider: str, name: str, value: Any) -> bool:
    """Whether the option `name` leaves alone what the rules decide."""
    if rules.models is not None and name in SAYS_MODEL:
        others = value if isinstance(value, (list, tuple)) else [value]
        if not rules.allows(*(f"{provider}:{one}" for one in others if isinstance(one, str))):
            return False
    if rules.max_tokens is not None and name in SAYS_TOKENS:
        return type(value) is int and 0 < value <= rules.max_tokens
    return rules.max_tokens is None or name not in SAYS_ANSWERS or value == 1


def _inner(options: Any) -> Iterator[tuple[str, Any]]:
    """Every name in `options` with its value, however deep."""
    if isinstance(options, Mapping):
        for name, value in options.items():
            yield str(name), value
            yield from _inner(value)
    elif isinstance(options, (list, tuple)):
        for value in options:
            yield from _inner(value)


def _clock(when: float) -> str:
    later = time.time() - when < -12 * HOUR
    with suppress(OSError, OverflowError, ValueError):  # a time that somebody wrote into the file
        return time.strftime("%m-%d %H:%M" if later else "%H:%M", time.localtime(when))
    return "?"
