"""OpenAI-compatible hosts, as data: a new host is one row.

Model names go stale in months; a 404 tells the user how to list what there is. [doc] marks what the
host's own pages say, [seen] what was observed, [gen] what is generally known and was not checked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..credentials import CredentialField

THINKERS = (
    r"(^|[/\-_])o[1-9]\b|gpt-([5-9]|\d\d)|reason|think|-r1|qwq|qwen3|deepseek-v[4-9]|deepseek-(chat|pro|flash)"
    r"|glm-(4\.[5-9]|[5-9])|kimi-k|magistral|gpt-oss|grok-|minimax-m|gemini-[3-9]"
)
"""Models that may be silent for minutes before their first token, whoever serves them."""


@dataclass(frozen=True, slots=True)
class Host:
    """One OpenAI-compatible service.

    Parameters
    ----------
    name, aliases : str, tuple of str
        As in ``-m name:model``.
    label : str
        As a person reads it.
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
    returns_reasoning : bool
        Whether an assistant message with tool calls must carry the reasoning that led to them.
    codes : mapping of str to str
        The host's own error codes (lower case) and our kinds, beside those that many share.
    """

    name: str
    label: str
    base_url: str
    key_env: tuple[str, ...] = ()
    default_model: str = ""
    key_page: str = ""
    aliases: tuple[str, ...] = ()
    key_required: bool = True
    slow: str = THINKERS
    renames_max_tokens: str = r"(?!)"
    usage_option: bool = True
    returns_reasoning: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[CredentialField, ...]:
        """What it needs to be asked: a key, nearly always."""
        return (CredentialField("api_key", self.key_env, required=self.key_required),)


def _kinds(**codes: str) -> dict[str, str]:
    """``_kinds(auth="1000 1001")`` as a table from code to kind."""
    return {code: kind for kind, listed in codes.items() for code in listed.split()}


HOSTS: tuple[Host, ...] = (
    Host(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        "gpt-6-luna",
        "https://platform.openai.com/api-keys",
        # Its reasoning models refuse max_tokens; the name "openai" is also used with other base URLs,
        # whose servers often know nothing else: hence by model, not by host. [gen]
        renames_max_tokens=r"^(o[1-9]|gpt-[5-9]|gpt-\d\d)",
    ),
    Host(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        ("DEEPSEEK_API_KEY",),
        "deepseek-v4-flash",  # deepseek-chat and -reasoner were retired in July 2026 [third-party pages]
        "https://platform.deepseek.com/api_keys",
        # Keep-alive comments while it queues, for up to ten minutes, whatever the model. [doc]
        slow="",
        # With tools in thinking mode, leaving reasoning_content out of such a message is a 400. [doc]
        returns_reasoning=True,
    ),
    Host(
        "qwen",
        "Qwen (DashScope)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
        "qwen-plus",
        "https://bailian.console.aliyun.com/?tab=model#/api-key",
        aliases=("dashscope",),
        # Codes of its native face also come through the compatible one. [doc: DashScope status codes]
        codes=_kinds(
            quota_exhausted="arrearage allocationquota commodity.notpurchased",
            content_filter="datainspectionfailed data_inspection_failed",
            rate_limit="throttling",
            permission="accessdenied",
            auth="invalidapikey",
            not_found="modelnotfound",
            context_length="badrequest.toolarge",
            timeout="requesttimeout",
            server_error="internalerror systemerror",
        ),
    ),
    Host(
        "zhipu",
        "Zhipu GLM",
        "https://open.bigmodel.cn/api/paas/v4",
        ("ZHIPUAI_API_KEY", "ZHIPU_API_KEY", "ZAI_API_KEY"),
        "glm-5.3",
        "https://open.bigmodel.cn/usercenter/apikeys",
        aliases=("glm",),
        # One integrator strips stream_options for it; usage comes in the last chunk anyway. [seen]
        usage_option=False,
        codes=_kinds(  # [doc: its error code page]
            auth="1000 1001 1002 1003 1004 1110 1111 1112 1121",
            quota_exhausted="1113 1304 1308 1309",
            not_found="1211 1222",
            permission="1220 1221",
            context_length="1261",
            content_filter="1301",
            rate_limit="1302 1303",
            overloaded="1305 1312",
            server_error="1200 1230 1234",
        ),
    ),
    Host(
        "moonshot",
        "Moonshot Kimi",
        "https://api.moonshot.cn/v1",  # api.moonshot.ai abroad; keys of the one do not work at the other
        ("MOONSHOT_API_KEY", "KIMI_API_KEY"),
        "kimi-k2.5",
        "https://platform.moonshot.cn/console/api-keys",
        aliases=("kimi",),
        # "thinking is enabled but reasoning_content is missing" otherwise. [doc: its error page]
        returns_reasoning=True,
        codes=_kinds(
            quota_exhausted="exceeded_current_quota_error",
            overloaded="engine_overloaded_error",
            rate_limit="rate_limit_reached_error",
            auth="invalid_authentication_error incorrect_api_key_error",
            permission="permission_denied_error",
            not_found="resource_not_found_error",
        ),
    ),
    Host(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        "openrouter/auto",  # its own router; every other name is vendor/model
        "https://openrouter.ai/settings/keys",
    ),
    Host(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_KEY",),
        "mistral-medium-latest",
        "https://console.mistral.ai/api-keys",
        # It sends usage unasked, and its validation refuses fields that it does not know. [gen]
        usage_option=False,
    ),
    Host(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        "openai/gpt-oss-120b",
        "https://console.groq.com/keys",
    ),
    Host(
        "siliconflow",
        "SiliconFlow",
        "https://api.siliconflow.cn/v1",
        ("SILICONFLOW_API_KEY",),
        "Qwen/Qwen3-8B",  # free of charge there [gen]
        "https://cloud.siliconflow.cn/account/ak",
        aliases=("silicon",),
        codes=_kinds(quota_exhausted="30001", auth="30011", not_found="20012"),  # [gen]
    ),
    # Servers on one's own machine: no key, any model name that they have loaded; loading one may take
    # minutes, so every model is slow to start.
    Host("vllm", "vLLM", "http://127.0.0.1:8000/v1", ("VLLM_API_KEY",), key_required=False, slow=""),
    Host(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        ("LMSTUDIO_API_KEY",),
        key_required=False,
        slow="",
    ),
    Host(
        "llamacpp",
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        ("LLAMACPP_API_KEY",),
        "default",  # it serves the one model it was started with, whatever the name [seen]
        aliases=("llama.cpp",),
        key_required=False,
        slow="",
    ),
    Host(
        "ollama-openai",
        "Ollama",
        "http://127.0.0.1:11434/v1",
        ("OLLAMA_API_KEY",),
        aliases=("ollama",),  # until its native dialect takes the name
        key_required=False,
        slow="",
    ),
)
