"""What is known of a service before it is asked anything, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..credentials import CredentialField
from ..i18n import language
from .prefill import Prefill

THINKERS = (
    r"(^|[/\-_])o[1-9]\b|gpt-([5-9]|\d\d)|reason|think|-r1|qwq|qwen3|deepseek-v[4-9]|deepseek-(chat|pro|flash)"
    r"|glm-(4\.[5-9]|[5-9])|kimi-k|magistral|gpt-oss|grok-|minimax-m|gemini-[3-9]"
)
"""Models that may be silent for minutes before their first token, whoever serves them."""


@dataclass(frozen=True, slots=True)
class Host:
    """One service, and which class speaks with it.

    Parameters
    ----------
    name, aliases : str, tuple of str
        As in ``-m name:model``.
    english, chinese : str
        As a person reads it; without the second both read the first.
    base_url : str
        Up to and including the version path, which is also the default path for other addresses.
    key_env : tuple of str
        Environment names that may hold the key, in order.
    default_model : str
        "" where only the user (or ``GET /models``) can know.
    key_page : str
        Where a person gets a key, and sees the balance.
    key_required : bool
        False for servers that usually run without one.
    slow : str
        Pattern of models that may think long before the first token.
    renames_max_tokens : str
        Pattern of models that know ``max_completion_tokens`` and refuse ``max_tokens``.
    usage_option : bool
        Whether to ask for usage with ``stream_options``.
    structured : tuple of str
        What its ``response_format`` knows: ``json_object``, ``json_schema``.
    returns_reasoning : bool
        Whether an assistant message with tool calls must carry the reasoning that led to them.
    prefill : Prefill or None
        How it goes on with the beginning of an answer, where that is known.
    codes : mapping of str to str
        The host's own error codes (lower case) and our kinds, beside those that many share.
    models : str
        Pattern of names, lower case, that are this service's models: for whoever names the model alone.
    spoken_by : str
        ``module:class`` in this package; the class takes the host.
    dialect : str
        What its wire format is called; the tests speak it back with ``tests/fakes/<dialect>_server.py``.
    credentials : tuple of CredentialField
        Where more than one key is needed; otherwise an ``api_key`` from `key_env`.
    needs : tuple of tuple of str
        Names of credentials, any one set of which is enough; empty: all that are required.
    call_id : str
        What ids of tool calls must look like; those of other providers may not.
    package : str
        Somebody else's package that it cannot do without, by the name of its import and of our extra.
    key_optional_elsewhere : bool
        With a base URL of the user's own, no key is asked for: a server there may want none.
    """

    name: str
    english: str
    base_url: str
    key_env: tuple[str, ...] = ()
    default_model: str = ""
    key_page: str = ""
    aliases: tuple[str, ...] = ()
    key_required: bool = True
    slow: str = THINKERS
    renames_max_tokens: str = r"(?!)"
    usage_option: bool = True
    call_id: str = r"\S{1,40}"
    structured: tuple[str, ...] = ("json_object",)
    returns_reasoning: bool = False
    prefill: Prefill | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    models: str = r"(?!)"
    spoken_by: str = "openai:OpenAICompatible"
    dialect: str = "openai"
    credentials: tuple[CredentialField, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    key_optional_elsewhere: bool = True
    package: str = ""
    chinese: str = ""

    @property
    def label(self) -> str:
        """As a person reads it who reads the language in use.

        >>> Host("zhipu", "Zhipu GLM", "", chinese="智谱 GLM").label
        'Zhipu GLM'
        """
        return self.chinese if self.chinese and language() == "zh" else self.english

    @property
    def fields(self) -> tuple[CredentialField, ...]:
        """What it needs to be asked: a key, nearly always."""
        return self.credentials or (
            CredentialField("api_key", self.key_env, self.key_required, title="API Key"),
        )


def kinds(**codes: str) -> dict[str, str]:
    """``kinds(auth="1000 1001")`` as a table from code to kind."""
    return {code: kind for kind, listed in codes.items() for code in listed.split()}
