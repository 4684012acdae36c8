"""llama.cpp's server with a tiny model, for as long as somebody holds the other end of its standard input.

    llama_server.py FOLDER [embedding] [port PORT]

The model is made in FOLDER. Prints `listening on ADDRESS` when it can be asked.
"""

import os
import sys

import tiny_model
import xllamacpp


def parameters(model, embeds, port):
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = tiny_model.CONTEXT
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = 1
    params.use_jinja = True
    params.model_alias = {"tiny"}
    params.embedding = embeds
    if embeds:
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return params


def main():
    folder, *options = sys.argv[1:]
    embeds = "embedding" in options
    port = int(options[options.index("port") + 1]) if "port" in options else 0
    model = os.path.join(folder, "tiny.gguf")
    tiny_model.make(model)
    server = xllamacpp.Server(parameters(model, embeds, port))
    print(f"listening on {server.listening_address}", flush=True)
    sys.stdin.read()
    # Its threads need no farewell, and some wait for questions that will not come.
    os._exit(0)


if __name__ == "__main__":
    main()
