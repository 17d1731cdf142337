"""The child process that serves one model on loopback: ``python -m kakehashi.evaluate.local.child``.

It prints one line of JSON with its address when it is ready, and ends when its standard input closes, so it
never outlives the process that started it, however that ends.
"""

import json
import os
import sys


def main() -> None:
    """Serve the model that the first argument (JSON) describes until standard input closes."""
    settings = json.loads(sys.argv[1])
    # The runtime logs to both standard streams; the address line needs a stream of its own.
    out = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    if not settings.get("verbose"):
        os.dup2(silent, 1)
        os.dup2(silent, 2)

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model_path"]
    params.model_alias = {settings["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = settings["port"]
    params.n_parallel = settings["n_parallel"]
    params.n_ctx = settings["n_ctx"] * settings["n_parallel"]
    params.cpuparams.n_threads = settings["n_threads"]
    params.cpuparams_batch.n_threads = settings["n_threads_batch"]
    server = xllamacpp.Server(params)
    print(
        json.dumps({"address": server.listening_address, "runtime": xllamacpp.__version__}),
        file=out,
        flush=True,
    )
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
