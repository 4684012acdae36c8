"""OpenAI's and Anthropic's own clients in Python, pointed at Drawbridge.

    sdks.py ADDRESS KEY LIMITED

KEY may ask as much as it likes; LIMITED has used up its day. Ends with an assertion that failed, or says `all well`.
"""

import sys

import anthropic
import openai

TOOL = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
HELLO = [{"role": "user", "content": "hello"}]
WEATHER = [{"role": "user", "content": "weather"}]
BROKEN = [{"role": "user", "content": "broken"}]


def openai_at(address, key):
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=30)


def anthropic_at(address, key):
    return anthropic.Anthropic(base_url=address, api_key=key, max_retries=0, timeout=30)


def raises(kind, act):
    """Checks that `act` fails in the client's own words, and returns the failure."""
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def chat(client):
    answer = client.chat.completions.create(model="model/tiny", messages=HELLO)
    assert answer.choices[0].message.content == "Hello, wörld."
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 5), answer.usage
    with client.chat.completions.create(model="model/tiny", messages=HELLO, stream=True) as stream:
        said = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    assert [word for word in said if word] == ["Hello, ", "wörld."], said
    counted = client.chat.completions.create(
        model="model/tiny", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    usage = [chunk.usage for chunk in counted if chunk.usage]
    assert len(usage) == 1 and usage[0].total_tokens == 15, usage


def chat_tools(client):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": TOOL}}]
    answer = client.chat.completions.create(model="model/tiny", messages=WEATHER, tools=tools)
    (call,) = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Oslo"}'), call
    assert answer.choices[0].finish_reason == "tool_calls"
    messages = WEATHER + [
        answer.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    told = client.chat.completions.create(model="model/tiny", messages=messages, tools=tools)
    assert told.choices[0].message.content == "It says: rain", told
    streamed = client.chat.completions.create(model="model/tiny", messages=WEATHER, tools=tools, stream=True)
    calls = [part for chunk in streamed for choice in chunk.choices for part in choice.delta.tool_calls or []]
    assert "".join(part.function.arguments or "" for part in calls) == '{"city": "Oslo"}', calls


def vectors(client):
    # The client asks for Base64 by itself, and reads it.
    answer = client.embeddings.create(model="model/tiny", input=["one", "two"])
    assert [one.embedding for one in answer.data] == [[0.5, -1.0, 0.25], [0.5, -1.0, 0.25]], answer
    plain = client.embeddings.create(model="model/tiny", input="one", encoding_format="float")
    assert plain.data[0].embedding == [0.5, -1.0, 0.25], plain


def responses(client):
    answer = client.responses.create(model="model/tiny", input="hello")
    assert answer.output_text == "Hello, wörld.", answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5), answer.usage
    events = list(client.responses.create(model="model/tiny", input="hello", stream=True))
    said = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert said == ["Hello, ", "wörld."], events
    assert events[-1].type == "response.completed", events[-1]
    tools = [{"type": "function", "name": "weather", "parameters": TOOL, "strict": False}]
    called = client.responses.create(model="model/tiny", input="weather", tools=tools)
    calls = [item for item in called.output if item.type == "function_call"]
    assert [(call.name, call.arguments) for call in calls] == [("weather", '{"city": "Oslo"}')], called


def failures(address, key, limited):
    stranger = openai_at(address, "nobody")
    error = raises(openai.AuthenticationError, lambda: stranger.models.list())
    assert error.status_code == 401
    client = openai_at(address, limited)
    error = raises(
        openai.RateLimitError, lambda: client.chat.completions.create(model="model/tiny", messages=HELLO)
    )
    assert "tokens a day" in str(error), error
    client = openai_at(address, key)
    raises(openai.NotFoundError, lambda: client.chat.completions.create(model="model/none", messages=HELLO))
    raises(openai.BadRequestError, lambda: client.responses.create(model="model/tiny", input=7))
    broken = client.chat.completions.create(model="model/tiny", messages=BROKEN, stream=True)
    raises(openai.APIError, lambda: list(broken))


def messages(client):
    ask = {"model": "model/tiny", "max_tokens": 50}
    answer = client.messages.create(messages=HELLO, **ask)
    assert answer.content[0].text == "Hello, wörld.", answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5), answer.usage
    assert answer.stop_reason == "end_turn"
    with client.messages.stream(messages=HELLO, system="Be brief.", **ask) as stream:
        assert list(stream.text_stream) == ["Hello, ", "wörld."]
        assert stream.get_final_message().usage.output_tokens == 5
    tools = [{"name": "weather", "input_schema": TOOL}]
    called = client.messages.create(messages=WEATHER, tools=tools, **ask)
    (call,) = [block for block in called.content if block.type == "tool_use"]
    assert (call.name, call.input, called.stop_reason) == ("weather", {"city": "Oslo"}, "tool_use"), called
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    turn = [{"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
    told = client.messages.create(messages=WEATHER + turn, tools=tools, **ask)
    assert told.content[0].text == "It says: rain", told


def messages_failures(address, key, limited):
    ask = {"model": "model/tiny", "max_tokens": 50, "messages": HELLO}
    stranger = anthropic_at(address, "nobody")
    raises(anthropic.AuthenticationError, lambda: stranger.messages.create(**ask))
    client = anthropic_at(address, limited)
    raises(anthropic.RateLimitError, lambda: client.messages.create(**ask))

    def breaks():
        with anthropic_at(address, key).messages.stream(**{**ask, "messages": BROKEN}) as stream:
            list(stream.text_stream)

    raises(anthropic.APIError, breaks)


def main():
    address, key, limited = sys.argv[1:]
    client = openai_at(address, key)
    assert "model/tiny" in [model.id for model in client.models.list()]
    chat(client)
    chat_tools(client)
    vectors(client)
    responses(client)
    failures(address, key, limited)
    messages(anthropic_at(address, key))
    messages_failures(address, key, limited)
    print("all well")


if __name__ == "__main__":
    main()
