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
PATHS = tuple(_PATHS.split())
"""V1's models by the word in their path. [sdk]"""

LABELS = {
    "ERNIE-3.5-8K": "completions",
    "ERNIE-Bot": "completions",
    "ERNIE-4.0-8K": "completions_pro",
    "ERNIE-Bot-4": "completions_pro",
    "ERNIE-4.0-8K-Preview-0518": "completions_adv_pro",
    "ERNIE-Lite-8K-0922": "eb-instant",  # a Lite model, whatever tutorials call it
    "ERNIE-Bot-turbo": "eb-instant",
    "ERNIE-Speed-8K": "ernie_speed",
    "ERNIE-Speed": "ernie_speed",
    "Yi-34B-Chat": "yi_34b_chat",
    "ChatGLM2-6B-32K": "chatglm2_6b_32k",
    "Mixtral-8x7B-Instruct": "mixtral_8x7b_instruct",
    "Llama-2-7b-chat": "llama_2_7b",
}
"""What people call the models whose path is another word, the usual name first."""

_BY_LABEL = {label.lower(): path for label, path in LABELS.items()} | {path: path for path in PATHS}


def path_name(model: str) -> str:
    """The word in V1's path for `model`; a name that nobody knows (a deployment of one's own) is that word.

    >>> path_name("ERNIE-4.0-8K"), path_name("ERNIE-Tiny-8K"), path_name("My_Own")
    ('completions_pro', 'ernie-tiny-8k', 'My_Own')
    """
    return _BY_LABEL.get(model.strip().lower(), model.strip())


def label_of(path: str) -> str:
    """What people call the model at `path`, "" where it is that word itself.

    >>> label_of("eb-instant"), label_of("ernie-tiny-8k")
    ('ERNIE-Lite-8K-0922', '')
    """
    return next((label for label, named in LABELS.items() if named == path), "")
