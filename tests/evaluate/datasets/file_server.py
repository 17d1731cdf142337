"""A loopback server of files, in a thread, with the faults of real ones: cuts, moves, changed bytes."""

import asyncio
import threading

from aiohttp import web


class FileServer:
    """Serves ``files`` (path → bytes); ``cut`` gives so many bytes and drops the connection, once for each entry."""

    def __init__(self, files, *, etag=True):
        self.files, self.etag = dict(files), etag
        self.cut, self.redirects, self.statuses = [], {}, []
        self.seen = []

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,))
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self, ready):
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _answer(self, request):
        path = request.match_info["path"]
        self.seen.append((request.method, path, request.headers.get("Range", "")))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        if path in self.redirects:
            return web.Response(status=302, headers={"Location": self.redirects[path]})
        if path not in self.files:
            return web.Response(status=404)
        whole = self.files[path]
        tag = f'"{hash(whole) & 0xFFFFFF:x}"'
        start, status, headers = 0, 200, {"ETag": tag} if self.etag else {}
        asked = request.headers.get("Range", "")
        if asked and request.headers.get("If-Range") in (None, tag):
            start, status = int(asked.removeprefix("bytes=").removesuffix("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        answer = web.StreamResponse(
            status=status, headers={**headers, "Content-Length": str(len(whole) - start)}
        )
        await answer.prepare(request)
        if request.method == "HEAD":
            return answer
        if self.cut:
            await answer.write(whole[start : start + self.cut.pop(0)])
            await asyncio.sleep(0.05)
            request.transport.close()
            return answer
        await answer.write(whole[start:])
        return answer
