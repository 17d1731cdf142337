"""A writer of Arrow IPC streams for tests, made from the specification apart from the reader it tests.

It builds its flatbuffers front to back with explicit positions: tables that point forward, vtables before tables.
"""

import struct


def stream(columns, rows):
    """Bytes of a stream: ``columns`` is name → ``"utf8"``, ``"int64"``, ``"float64"`` or ``"bool"``."""
    return _message(1, _schema(columns), b"") + _rows(columns, rows) + struct.pack("<II", 0xFFFFFFFF, 0)


def _table(fields):
    """A vtable and table whose fields are (slot, struct code, value); references are patched by the caller."""
    slots = max((slot for slot, _, _ in fields), default=-1) + 1
    body, places = b"\0\0\0\0", {}
    for slot, code, value in sorted(fields, key=lambda f: -struct.calcsize("<" + f[1])):
        size = struct.calcsize("<" + code)
        while len(body) % size:
            body += b"\0"
        places[slot] = len(body)
        body += struct.pack("<" + code, value)
    vtable = struct.pack("<HH", 4 + 2 * slots, len(body))
    vtable += b"".join(struct.pack("<H", places.get(slot, 0)) for slot in range(slots))
    while len(vtable) % 8 != 0:
        vtable = b"\0\0" + vtable  # padding stands before the vtable
    start = len(vtable)
    real = 4 + 2 * slots
    body = struct.pack("<i", real) + body[4:]
    return vtable + body, start, {slot: start + place for slot, place in places.items()}


class _Buffer:
    def __init__(self):
        self.data = bytearray(4)

    def add(self, blob, align=8):
        while len(self.data) % align:
            self.data.append(0)
        place = len(self.data)
        self.data += blob
        return place

    def table(self, fields):
        blob, start, places = _table(fields)
        base = self.add(blob)
        return base + start, {slot: base + place for slot, place in places.items()}

    def point(self, place, target):
        struct.pack_into("<I", self.data, place, target - place)

    def text(self, value):
        encoded = value.encode()
        return self.add(struct.pack("<I", len(encoded)) + encoded + b"\0", 4)

    def vector(self, count):
        place = self.add(struct.pack("<I", count) + b"\0" * 4 * count, 4)
        return place, [place + 4 + 4 * n for n in range(count)]


_KINDS = {"utf8": 5, "int64": 2, "float64": 3, "bool": 6, "date": 8}


def _schema(columns):
    def build(out):
        header, at = out.table([(1, "I", 0)])
        vector, places = out.vector(len(columns))
        out.point(at[1], vector)
        for place, (name, kind) in zip(places, columns.items(), strict=True):
            field, inner = out.table([(0, "I", 0), (2, "B", _KINDS[kind]), (3, "I", 0)])
            out.point(place, field)
            out.point(inner[0], out.text(name))
            detail = {"int64": [(0, "i", 64), (1, "B", 1)], "float64": [(0, "h", 2)]}.get(kind, [])
            out.point(inner[3], out.table(detail)[0])
        return header

    return build


def _rows(columns, rows):
    buffers = []
    for name, kind in columns.items():
        values = [row[name] for row in rows]
        bits = bytearray((len(values) + 7) // 8)
        for n, value in enumerate(values):
            bits[n >> 3] |= (value is not None) << (n & 7)
        buffers.append(bytes(bits) if None in values else b"")
        if kind == "utf8":
            ends, text = [0], b""
            for value in values:
                text += (value or "").encode()
                ends.append(len(text))
            buffers += [struct.pack(f"<{len(ends)}i", *ends), text]
        elif kind == "bool":
            packed = bytearray((len(values) + 7) // 8)
            for n, value in enumerate(values):
                packed[n >> 3] |= bool(value) << (n & 7)
            buffers.append(bytes(packed))
        else:
            code = "q" if kind == "int64" else "d"
            buffers.append(struct.pack(f"<{len(values)}{code}", *(value or 0 for value in values)))
    body, ranges = b"", []
    for blob in buffers:
        ranges.append((len(body), len(blob)))
        body += blob + b"\0" * (-len(blob) % 8)

    def build(out):
        header, at = out.table([(0, "q", len(rows)), (2, "I", 0)])
        packed = b"".join(struct.pack("<qq", *one) for one in ranges)
        while (len(out.data) + 4) % 8:
            out.data.append(0)
        out.point(at[2], out.add(struct.pack("<I", len(ranges)) + packed, 4))
        return header

    return _message(3, build, body)


def _message(kind, build, body):
    out = _Buffer()
    root, at = out.table([(1, "B", kind), (2, "I", 0), (3, "q", len(body))])
    struct.pack_into("<I", out.data, 0, root)
    out.point(at[2], build(out))
    while len(out.data) % 8:
        out.data.append(0)
    return struct.pack("<II", 0xFFFFFFFF, len(out.data)) + bytes(out.data) + body
