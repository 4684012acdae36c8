"""LiteLLM's proxy in front of one provider: server.py UPSTREAM

Its settings favour it: uvloop and httptools, no access log, no database, no call-backs, no retries.
"""

import os
import socket
import sys

CONFIG = """
model_list:
  - model_name: tiny
    litellm_params:
      model: openai/tiny
      api_base: {upstream}/v1
      api_key: none
litellm_settings:
  num_retries: 0
  telemetry: false
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["LITELLM_MODE"] = "PRODUCTION"
os.environ["LITELLM_LOG"] = "ERROR"
os.environ["CONFIG_FILE_PATH"] = os.path.abspath("config.yaml")


def main():
    with open("config.yaml", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(upstream=sys.argv[1]))
    import uvicorn
    from litellm.proxy.proxy_server import app

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print("127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])


main()
