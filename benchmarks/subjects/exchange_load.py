"""Load on a TAXII server: clients over kept connections, each with a header of its own, that follow ``next`` or repeat.

One process on bare sockets, so that what is measured is the server. Prints pages, seconds and bytes.
"""

import argparse
import json
import re
import socket
import threading
import time
from pathlib import Path

MORE = re.compile(rb'"next":"([^"]+)"')  # our server writes it before the objects

TAXII = "application/taxii+json;version=2.1"


class Client:
    def __init__(self, port, path, header, follow):
        self.port, self.path, self.header, self.follow = port, path, header, follow
        self.socket = None
        self.pages = self.bytes = 0

    def ask(self, path):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=600)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {TAXII}\r\n{self.header}\r\n"
        self.socket.sendall(head.encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.split(None, 2)[1] == b"200", data[:300]
        length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        parts, size = [body], len(body)
        while size < length:
            parts.append(self._some())
            size += len(parts[-1])
        if re.search(rb"(?i)connection: *close", head) or head.startswith(b"HTTP/1.0"):
            self.socket.close()
            self.socket = None
        self.pages += 1
        self.bytes += size
        return b"".join(parts)

    def _some(self):
        got = self.socket.recv(1 << 18)
        assert got, "the server closed the connection"
        return got

    def run(self, most, until):
        path, began = self.path, self.pages
        while self.pages - began < most and time.perf_counter() < until:
            body = self.ask(path)
            found = MORE.search(body, 0, 500) if self.follow else None
            path = f"{self.path}&next={found.group(1).decode()}" if found else self.path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("headers", help="file with a JSON list of header lines, one for each client")
    parser.add_argument("--pages", type=int, default=10**9, help="of each client")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--follow", action="store_true")
    given = parser.parse_args()
    headers = json.loads(Path(given.headers).read_text())
    clients = [Client(given.port, given.path, header, given.follow) for header in headers]
    began = time.perf_counter()
    troubles = []

    def work(one):
        try:
            one.run(given.pages, began + given.seconds)
        except BaseException as error:
            troubles.append(repr(error))

    threads = [threading.Thread(target=work, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert not troubles, troubles[0]
    pages = sum(one.pages for one in clients)
    print(json.dumps({"pages": pages, "seconds": seconds, "bytes": sum(one.bytes for one in clients)}))


main()
