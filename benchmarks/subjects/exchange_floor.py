"""A bare Starlette application that returns a file's bytes from memory, on the server that ours runs on."""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

body = Path(sys.argv[1]).read_bytes()


async def page(_: Request) -> Response:
    return Response(body, media_type="application/taxii+json;version=2.1")


listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen(128)
print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
app = Starlette(routes=[Route("/", page)])
config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, date_header=False)
uvicorn.Server(config).run(sockets=[listening])
