"""Sends requests with httpx, one after the other, and prints what came of each: arguments and answers are JSON."""
import json
import sys

import httpx

plan = json.loads(sys.argv[1])


def pieces(path):
    with open(path, "rb") as body:
        while piece := body.read(65536):
            yield piece


cert = (plan["cert"], plan["key"]) if plan.get("cert") else None
with httpx.Client(verify=plan.get("ca") or True, cert=cert, timeout=60) as client:
    for request in plan["requests"]:
        content = pieces(request["file"]) if "file" in request else request.get("body", "").encode()
        try:
            answer = client.request(request["method"], request["url"], headers=request["headers"], content=content)
            print(json.dumps({"status": answer.status_code, "body": answer.text, "version": answer.http_version}))
        except httpx.HTTPError as error:
            print(json.dumps({"status": 0, "body": f"{type(error).__name__}: {error}", "version": ""}))
