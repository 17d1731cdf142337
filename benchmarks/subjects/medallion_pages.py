"""medallion with its memory backend and objects from a bundle, until it is stopped."""

import json
import sys
from pathlib import Path

from medallion import application_instance, register_blueprints, set_config
from werkzeug.serving import make_server

objects = json.loads(Path(sys.argv[1]).read_bytes())
stamp = "2026-01-01T00:00:00.{:06d}Z"
manifest = [
    {"id": o["id"], "date_added": stamp.format(n), "version": o["modified"],
     "media_type": "application/stix+json;version=2.1"}
    for n, o in enumerate(objects)
]  # fmt: skip
collection = {
    "id": "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "title": "Findings", "can_read": True, "can_write": True,
    "media_types": ["application/stix+json;version=2.1"], "manifest": manifest, "objects": objects,
}  # fmt: skip
root = {
    "information": {"title": "root", "versions": ["application/taxii+json;version=2.1"],
                    "max_content_length": 9765625},
    "status": [], "collections": [collection],
}  # fmt: skip
data = {"/discovery": {"title": "peer", "default": "/api/", "api_roots": ["/api/"]}, "api": root}
place = Path(sys.argv[1]).with_suffix(".medallion")
place.write_text(json.dumps(data))
app = application_instance
backend = {
    "module": "medallion.backends.memory_backend",
    "module_class": "MemoryBackend",
    "filename": str(place),
}
set_config(app, "users", {"users": {"x": "y"}})
set_config(app, "taxii", {"taxii": {"max_page_size": 100}})
set_config(app, "backend", {"backend": backend})
register_blueprints(app)
server = make_server("127.0.0.1", 0, app, threaded=True)
print(f"http://127.0.0.1:{server.port}/", flush=True)
import logging  # noqa: E402

logging.getLogger("werkzeug").disabled = True
server.serve_forever()
