"""OpenAI-compatible hosts, as data: a new host is one row.

Model names go stale in months; a 404 tells the user how to list what there is. [doc] marks what the
host's own pages say, [seen] what was observed, [gen] what is generally known and was not checked again.
"""

from __future__ import annotations

from .host import Host, kinds
from .prefill import Prefill

BOTH = ("json_object", "json_schema")

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
        models=r"gpt-|o[1-9]\b",
        structured=BOTH,
    ),
    Host(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        ("DEEPSEEK_API_KEY",),
        "deepseek-v4-flash",  # deepseek-chat and -reasoner were retired in July 2026 [third-party pages]
        "https://platform.deepseek.com/api_keys",
        aliases=("深度求索",),
        chinese="深度求索 DeepSeek",
        # Keep-alive comments while it queues, for up to ten minutes, whatever the model. [doc]
        slow="",
        # With tools in thinking mode, leaving reasoning_content out of such a message is a 400. [doc]
        returns_reasoning=True,
        # Its chat prefix completion, a beta at another path; the last message says so. [doc]
        prefill=Prefill(message={"prefix": True}, address="https://api.deepseek.com/beta", reasoning=True),
        models=r"deepseek-",
    ),
    Host(
        "qwen",
        "Qwen (DashScope)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        ("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
        "qwen-plus",
        "https://bailian.console.aliyun.com/?tab=model#/api-key",
        aliases=("dashscope", "tongyi", "通义", "通义千问", "千问", "百炼", "阿里百炼"),
        chinese="通义千问",
        # Codes of its native face also come through the compatible one. [doc: DashScope status codes]
        codes=kinds(
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
        # Its partial mode: of these families, and not while they think. [doc: Partial mode, 2026-10]
        prefill=Prefill(
            r"^(?!.*thinking)qwen([\d.]*-|-)(max|plus|flash|turbo|coder|vl|math)|^qwen2\.5-\d",
            message={"partial": True},
        ),
        models=r"qw[eq]",
    ),
    Host(
        "zhipu",
        "Zhipu GLM",
        "https://open.bigmodel.cn/api/paas/v4",
        ("ZHIPUAI_API_KEY", "ZHIPU_API_KEY", "ZAI_API_KEY"),
        "glm-5.3",
        "https://open.bigmodel.cn/usercenter/apikeys",
        aliases=("glm", "智谱", "智谱清言", "智谱ai"),
        chinese="智谱 GLM",
        # One integrator strips stream_options for it; usage comes in the last chunk anyway. [seen]
        usage_option=False,
        codes=kinds(  # [doc: its error code page]
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
        models=r"glm-",
    ),
    Host(
        "moonshot",
        "Moonshot Kimi",
        "https://api.moonshot.cn/v1",  # api.moonshot.ai abroad; keys of the one do not work at the other
        ("MOONSHOT_API_KEY", "KIMI_API_KEY"),
        "kimi-k2.5",
        "https://platform.moonshot.cn/console/api-keys",
        aliases=("kimi", "月之暗面"),
        chinese="月之暗面 Kimi",
        # "thinking is enabled but reasoning_content is missing" otherwise. [doc: its error page]
        returns_reasoning=True,
        prefill=Prefill(message={"partial": True}),  # its partial mode; k2.5 too [doc]
        codes=kinds(
            quota_exhausted="exceeded_current_quota_error",
            overloaded="engine_overloaded_error",
            rate_limit="rate_limit_reached_error",
            auth="invalid_authentication_error incorrect_api_key_error",
            permission="permission_denied_error",
            not_found="resource_not_found_error",
        ),
        models=r"kimi-|moonshot-",
    ),
    Host(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        "openrouter/auto",  # its own router; every other name is vendor/model
        "https://openrouter.ai/settings/keys",
        structured=BOTH,
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
        structured=BOTH,  # [doc: structured output]
        prefill=Prefill(message={"prefix": True}, echoes=True),  # the answer repeats it [gen]
        call_id="[a-zA-Z0-9]{9}",  # its own words in a 400, and mistral-common's check [3p, many]
    ),
    Host(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        "openai/gpt-oss-120b",
        "https://console.groq.com/keys",
        structured=BOTH,
        # Text models go on with a last message of the assistant's [doc]; those that reason begin anew. [gen]
        prefill=Prefill(r"^(?!.*(gpt-oss|qwen-?3|qwq|-r1|compound|thinking))"),
    ),
    Host(
        "siliconflow",
        "SiliconFlow",
        "https://api.siliconflow.cn/v1",
        ("SILICONFLOW_API_KEY",),
        "Qwen/Qwen3-8B",  # free of charge there [gen]
        "https://cloud.siliconflow.cn/account/ak",
        aliases=("silicon", "硅基流动", "硅基"),
        chinese="硅基流动",
        codes=kinds(quota_exhausted="30001", auth="30011", not_found="20012"),  # [gen]
    ),
    # Servers on one's own machine: no key, any model name that they have loaded; loading one may take
    # minutes, so every model is slow to start.
    Host(
        "vllm",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        ("VLLM_API_KEY",),
        key_required=False,
        slow="",
        structured=BOTH,
        prefill=Prefill(body={"continue_final_message": True, "add_generation_prompt": False}),  # [doc]
    ),
    Host(
        "lmstudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        ("LMSTUDIO_API_KEY",),
        key_required=False,
        slow="",
        structured=("json_schema",),  # it refuses json_object [gen]
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
        structured=BOTH,
        # On unless started with --no-prefill-assistant [doc]; versions before May 2026 may repeat it. [doc]
        prefill=Prefill(echoes=True),
    ),
    Host(
        "ollama-openai",
        "Ollama (OpenAI route)",
        "http://127.0.0.1:11434/v1",
        ("OLLAMA_API_KEY",),
        key_required=False,
        slow="",
        structured=BOTH,
        prefill=Prefill(),  # as by its own route
    ),
)
