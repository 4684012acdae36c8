"""Makes a tiny language model of random weights: a real GGUF file that llama.cpp loads, and that says words at random.

Its vocabulary is a few words and all bytes. What it says makes no sense; how it is said is the real thing.
"""

import sys

import gguf
import numpy

WORDS = [" boat", " sail", " wind", " harbour", " rope", " tide", " gull", " anchor"]
# How it begins to call a tool; a word like the others, so that it does it now and then.
CALL = "<tool_call>"
CONTEXT = 65536
WIDTH = 64
LAYERS = 2
HEADS = 4
INNER = 128

# ChatML, with a place for tools: the server reads from it how this model calls them, and holds it to that.
TEMPLATE = """{%- if tools %}<|im_start|>system
You may call these functions:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def vocabulary():
    """Tokens, their scores and their kinds, as SentencePiece has them."""
    kinds = gguf.TokenType
    tokens = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    tokens += [(word.replace(" ", "\u2581"), kinds.NORMAL) for word in WORDS] + [(CALL, kinds.USER_DEFINED)]
    names, types = zip(*tokens)
    return list(names), [0.0] * len(names), [int(kind) for kind in types]


def describe(writer):
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    names, scores, types = vocabulary()
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    # A blank before a text would be none of its own.
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    writer.add_vocab_size(len(names))
    return len(names)


def fill(writer, size):
    random = numpy.random.default_rng(20261120)

    def add(name, *shape):
        writer.add_tensor(name, random.normal(0, 0.1, shape).astype(numpy.float32))

    def norm(name):
        writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

    add("token_embd.weight", size, WIDTH)
    # Words are far likelier than bytes or the end: it talks until it is stopped.
    output = random.normal(0, 1, (size, WIDTH)).astype(numpy.float32)
    output *= 0.5
    output[: size - len(WORDS) - 1] *= 0.01
    writer.add_tensor("output.weight", output)
    norm("output_norm.weight")
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
            add(f"{block}.{name}.weight", WIDTH, WIDTH)
        add(f"{block}.ffn_gate.weight", INNER, WIDTH)
        add(f"{block}.ffn_up.weight", INNER, WIDTH)
        add(f"{block}.ffn_down.weight", WIDTH, INNER)
        norm(f"{block}.attn_norm.weight")
        norm(f"{block}.ffn_norm.weight")


def make(path):
    """Writes the model to `path`."""
    writer = gguf.GGUFWriter(path, "llama")
    fill(writer, describe(writer))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    make(sys.argv[1])
