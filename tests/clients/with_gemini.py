"""Google's own client."""

from google import genai
from google.genai import types
from talk import Said, converse


def ask(job: dict, model: str, prompt: str, said: Said) -> None:
    options = types.HttpOptions(base_url=job["url"], timeout=10_000)
    client = genai.Client(api_key=job["key"], http_options=options)
    # Thoughts come only where they are asked for.
    thinking = types.ThinkingConfig(include_thoughts=True)
    config = types.GenerateContentConfig(tools=job.get("tools"), thinking_config=thinking)
    for chunk in client.models.generate_content_stream(model=model, contents=prompt, config=config):
        if chunk.usage_metadata:
            counts = chunk.usage_metadata
            thought = counts.thoughts_token_count or 0
            said.usage = [counts.prompt_token_count, (counts.candidates_token_count or 0) + thought]
        for candidate in chunk.candidates or []:
            if candidate.finish_reason:
                said.finish = candidate.finish_reason.value
            for part in (candidate.content.parts if candidate.content else None) or []:
                if part.function_call:
                    said.tools.append([part.function_call.name, part.function_call.args])
                elif part.thought:
                    said.reasoning += part.text or ""
                else:
                    said.text += part.text or ""


converse(ask)
