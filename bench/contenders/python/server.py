"""server.py PLACE: Starlette on Uvicorn; streams to a file, hashes, syncs, links, indexes, answers."""
import hashlib
import json
import os
import sys
import uuid

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

place = sys.argv[1]
incoming, store = os.path.join(place, "incoming"), os.path.join(place, "store")
for directory in (incoming, os.path.join(store, "lab-1")):
    os.makedirs(directory, exist_ok=True)
index = open(os.path.join(place, "index.jsonl"), "a")


def sync(directory):
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


async def put(request):
    host, episode = request.path_params["host"], request.path_params["episode"]
    part = os.path.join(incoming, uuid.uuid4().hex)
    sha256, size = hashlib.sha256(), 0
    with open(part, "wb") as file:
        async for piece in request.stream():
            sha256.update(piece)
            file.write(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    if sha256.hexdigest() != request.headers["x-sha256"]:
        return JSONResponse({"error": "digest mismatch"}, 422)
    os.link(part, os.path.join(store, host, f"{episode}.tar.zst"))
    sync(os.path.join(store, host))
    row = {"host_id": host, "episode_id": episode, "sha256": sha256.hexdigest(), "bytes": size}
    index.write(json.dumps(row) + "\n")
    index.flush()
    os.fsync(index.fileno())
    os.unlink(part)
    return JSONResponse(row, 201)


app = Starlette(routes=[Route("/{host}/{episode}", put, methods=["PUT"])])
uvicorn.run(app, host="127.0.0.1", port=0, access_log=False)
