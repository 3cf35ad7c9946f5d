"""What Baidu's error codes mean: a kind, or a kind and a sentence of its own (``kind.case``).

[doc] its error pages (V2 as of 2026-07-29), [sdk] the qianfan package, [3p] seen by others, [gen] the
codes that all of Baidu's cloud shares.
"""

from __future__ import annotations

from .host import kinds

V2 = kinds(  # [doc]; by code, since `type` is no guide: a wrong key is an "invalid_request_error"
    invalid_request="malformed_json invalid_messages invalid_argument method_not_supported",
    context_length="characters_too_long tokens_too_long",
    content_filter="image_url_unsafe user_setting_unsafe functions_unsafe unsafe_request",
    permission="no_parameter_permission",
    rate_limit="preemptible_rate_limit_exceeded user_rate_limit_exceeded cluster_rate_limit_exceeded"
    " cluster_rpm_rate_limit_exceeded cluster_tpm_rate_limit_exceeded offline_batch_reasoning_refused",
    server_error="internal_error dispatch_internal_error",
) | {
    "invalid_iam_token": "auth.ernie_key",
    "system_unsafe": "content_filter.system",
    "invalid_model": "permission.ernie_model",  # with status 401: it does not exist, or not for this key
    "model_offline": "permission.ernie_offline",
    "invalid_appid": "permission.ernie_app",
    "account_overdue": "quota_exhausted.overdue",
    # Requests and tokens a minute: what was used up comes back within 60 s.
    "rpm_rate_limit_exceeded": "rate_limit.minute",
    "tpm_rate_limit_exceeded": "rate_limit.minute",
    "input_tpm_rate_limit_exceeded": "rate_limit.minute",
    "output_tpm_rate_limit_exceeded": "rate_limit.minute",
}

V1 = kinds(
    server_error="1 15 336000 internalerror",  # 15 "app not exists or create failed": repeating helps [doc]
    overloaded="2 336100",
    rate_limit="4 18",
    quota_exhausted="19",
    permission="6 336004 accessdenied",
    invalid_request="3 336001 336002 336003 336006 336101 336104 336105",
    context_length="336007 336103",  # [3p]
    # What the gateway before the service says of a signature, in X-Bce-Error-Code. [gen]
    auth="13 14 invalidhttpauthheader",
) | {
    "17": "quota_exhausted.ernie_daily",  # of paid services: not activated, or overdue [doc]
    "100": "auth.ernie_token",  # "Invalid parameter": the token is none [3p]
    "110": "auth.ernie_token",
    "111": "auth.ernie_token",
    "336005": "invalid_request.ernie_name",
    "336501": "rate_limit.minute",
    "336502": "rate_limit.minute",
    "invalidaccesskeyid": "auth.ernie_access",
    "signaturedoesnotmatch": "auth.ernie_signature",
    "requestexpired": "auth.ernie_clock",
}

DEAD_TOKEN = frozenset({"100", "110", "111"})
"""Codes of V1 after which a new token may help."""

_PATHS = """
completions completions_pro completions_adv_pro
ernie-4.0-turbo-8k ernie-4.0-turbo-8k-latest ernie-4.0-turbo-8k-preview
ernie-4.0-8k-latest ernie-4.0-8k-preview ernie-4.0-8k-0613 ernie-4.0-8k-0329 ernie-4.0-8k-0104
ernie-3.5-8k-preview ernie-3.5-8k-0701 ernie-3.5-8k-0613 ernie-3.5-8k-0329 ernie-3.5-8k-0205 ernie-3.5-128k
eb-instant ernie-lite-8k ernie-lite-pro-8k ernie-lite-v
ernie_speed ernie-speed-128k ernie-speed-pro-8k ernie-speed-pro-128k
ernie-tiny-8k ernie-novel-8k ernie-char-8k ernie-char-fiction-8k ernie-func-8k qianfan-dynamic-8k
ai_apaas ai_apaas_lite llama_2_7b yi_34b_chat chatglm2_6b_32k mixtral_8x7b_instruct
"""
PATHS = frozenset(_PATHS.split())
"""V1's models by the word in their path. [sdk]"""

LABELS = {
    "ernie-3.5-8k": "completions",
    "ernie-bot": "completions",
    "ernie-4.0-8k": "completions_pro",
    "ernie-bot-4": "completions_pro",
    "ernie-4.0-8k-preview-0518": "completions_adv_pro",
    "ernie-lite-8k-0922": "eb-instant",  # a Lite model, whatever tutorials call it
    "ernie-bot-turbo": "eb-instant",
    "ernie-speed": "ernie_speed",
    "ernie-speed-8k": "ernie_speed",
    "yi-34b-chat": "yi_34b_chat",
    "chatglm2-6b-32k": "chatglm2_6b_32k",
    "mixtral-8x7b-instruct": "mixtral_8x7b_instruct",
    "llama-2-7b-chat": "llama_2_7b",
}
"""What people call the models whose path is another word."""


def path_name(model: str) -> str:
    """The word in V1's path for `model`; a name that nobody knows (a deployment of one's own) is that word.

    >>> path_name("ERNIE-4.0-8K"), path_name("ERNIE-Tiny-8K"), path_name("My_Own")
    ('completions_pro', 'ernie-tiny-8k', 'My_Own')
    """
    known = model.strip().lower()
    return LABELS.get(known) or (known if known in PATHS else model.strip())
