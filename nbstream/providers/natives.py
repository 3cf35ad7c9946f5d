"""Services with a dialect of their own, as data. Each names the class that speaks with it."""

from __future__ import annotations

from ..credentials import CredentialField
from . import ernie_codes, spark_codes
from .host import THINKERS, Host, kinds
from .prefill import Prefill

_QIANFAN_KEYS = "https://console.bce.baidu.com/qianfan/ais/console/apiKey"

NATIVES: tuple[Host, ...] = (
    Host(
        "spark",
        "iFlytek Spark",
        "wss://spark-api.xf-yun.com",  # the path is the model's: see spark_models.py
        default_model="4.0Ultra",
        key_page="https://console.xfyun.cn/services/bm35",
        aliases=("xinghuo", "iflytek", "星火", "讯飞星火", "讯飞", "星火大模型", "xunfei"),
        chinese="讯飞星火",
        spoken_by="spark:Spark",
        dialect="spark",
        credentials=(
            # In the order of its console.
            CredentialField("app_id", ("SPARK_APP_ID",), hidden=False, title="APPID"),
            CredentialField("api_secret", ("SPARK_API_SECRET",), title="APISecret"),
            CredentialField("api_key", ("SPARK_API_KEY",), title="APIKey"),
        ),
        key_optional_elsewhere=False,  # there is no unsigned question
        models=r"lite$|general|pro(-128k)?$|max(-32k)?$|4\.0ultra|ultra$|kjwx|x[12]$|spark-",
    ),
    Host(
        "spark-http",
        "iFlytek Spark (HTTP)",
        "https://spark-api-open.xf-yun.com/v1",
        default_model="4.0Ultra",
        key_page="https://console.xfyun.cn/services/bm35",
        aliases=("星火http", "讯飞星火http"),
        chinese="讯飞星火（HTTP）",
        slow=r"(^|-)x[12]|spark-x",
        usage_option=False,  # sent unasked
        codes=spark_codes.KINDS,
        spoken_by="spark_http:SparkHTTP",
        dialect="spark-http",
        credentials=(
            # The others have no names in the environment: one set of keys must not make two providers ready.
            CredentialField("api_password", ("SPARK_API_PASSWORD",), required=False, title="APIPassword"),
            CredentialField("api_key", required=False, title="APIKey"),
            CredentialField("api_secret", required=False, title="APISecret"),
        ),
        needs=(("api_password",), ("api_key", "api_secret")),
    ),
    Host(
        "ernie",
        "Baidu ERNIE",
        "https://qianfan.baidubce.com/v2",
        default_model="ernie-5.1",
        key_page=_QIANFAN_KEYS,
        aliases=(
            "qianfan",
            "wenxin",
            "baidu",
            "文心",
            "文心一言",
            "文心大模型",
            "百度",
            "百度文心",
            "千帆",
            "百度千帆",
        ),
        chinese="百度文心",
        slow=THINKERS + r"|ernie-(x\d|[5-9])",
        codes=ernie_codes.V2,
        spoken_by="ernie:Ernie",
        dialect="ernie",
        credentials=(
            CredentialField("api_key", ("QIANFAN_API_KEY",), title="API Key"),
            CredentialField("app_id", ("QIANFAN_APP_ID",), required=False, hidden=False, title="appid"),
        ),
        models=r"ernie-|文心",
    ),
    Host(
        "ernie-v1",
        "Baidu ERNIE (V1)",
        "https://aip.baidubce.com/rpc/2.0/ai_custom/v1/wenxinworkshop",  # ended on 2026-08-31 [doc]
        default_model="completions_pro",
        key_page=_QIANFAN_KEYS,
        chinese="百度文心（V1）",
        codes=ernie_codes.V1,
        spoken_by="ernie_v1:ErnieV1",
        dialect="ernie-v1",
        credentials=(
            CredentialField("api_key", ("QIANFAN_AK",), required=False, title="API Key"),
            CredentialField(
                "secret_key", ("QIANFAN_SK", "QIANFAN_SECRET_KEY"), required=False, title="Secret Key"
            ),
            CredentialField("access_key", ("QIANFAN_ACCESS_KEY",), required=False, title="Access Key"),
        ),
        needs=(("api_key", "secret_key"), ("access_key", "secret_key")),
    ),
    Host(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com",  # without the /v1, unlike OpenAI's
        default_model="claude-sonnet-5-5",
        key_page="https://platform.claude.com/settings/keys",
        aliases=("claude",),
        slow=THINKERS + "|fable",
        codes=kinds(
            quota_exhausted="billing_error",
            invalid_request="invalid_request_error",
            timeout="gateway_timeout_error",
        ),
        spoken_by="anthropic:Anthropic",
        dialect="anthropic",
        credentials=(
            CredentialField("api_key", ("ANTHROPIC_API_KEY",), required=False, title="API Key"),
            CredentialField("auth_token", ("ANTHROPIC_AUTH_TOKEN",), required=False),
        ),
        needs=(("api_key",), ("auth_token",)),
        # Up to 4.5, and not while it thinks; from 4.6 on a last message of the assistant's is a 400. [doc]
        prefill=Prefill(r"^claude-(instant|2|3|(opus|sonnet|haiku)-4(-[0-5])?($|-\d{6,}|-latest|@))"),
        models=r"claude-",
    ),
    Host(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),  # the first wins where both are set, as in Google's own client
        "gemini-3.8-flash",
        "https://aistudio.google.com/apikey",
        aliases=("google",),
        # Reasons and statuses; reasons come first, and a wrong key is an INVALID_ARGUMENT.
        codes=kinds(
            auth="api_key_invalid api_key_expired unauthenticated access_token_expired",
            permission="api_key_service_blocked service_disabled",
            quota_exhausted="per_day billing_disabled",
            rate_limit="resource_exhausted rate_limit_exceeded",
            overloaded="unavailable",
            server_error="internal unknown",
            timeout="deadline_exceeded",
            invalid_request="invalid_argument failed_precondition out_of_range",
        ),
        spoken_by="gemini:Gemini",
        dialect="gemini",
        models=r"gemini-",
    ),
    Host(
        "ollama",
        "Ollama",
        "http://127.0.0.1:11434",
        ("OLLAMA_API_KEY",),  # for its cloud; a server on one's own machine wants none
        key_required=False,
        key_page="https://ollama.com/settings/keys",
        slow="",  # before the first line it may have to load the model
        prefill=Prefill(),  # it goes on with a last message of the assistant's [its maintainers]
        spoken_by="ollama:Ollama",
        dialect="ollama",
    ),
    Host(
        "litellm",
        "LiteLLM",
        "",
        # By the classes of its exceptions.
        codes=kinds(
            auth="authenticationerror",
            permission="permissiondeniederror",
            quota_exhausted="budgetexceedederror",
            rate_limit="ratelimiterror",
            overloaded="serviceunavailableerror",
            server_error="internalservererror badgatewayerror",
            not_found="notfounderror",
            context_length="contextwindowexceedederror",
            content_filter="contentpolicyviolationerror",
            timeout="timeout",
        ),
        spoken_by="litellm:LiteLLM",
        # Its keys stand in the environment by many names, which it reads itself; one may be given.
        credentials=(CredentialField("api_key", (), required=False),),
        package="litellm",
    ),
)
