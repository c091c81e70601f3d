"""A proxy before the live page, as small as one can be: it knows its users by a cookie, and passes on their tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PORT = 4180
HOST = "searches.example.com"

_PROGRAM = """
import http.server, json, os, urllib.error, urllib.request

TOKENS = json.loads(os.environ["TOKENS"])

class Proxy(http.server.BaseHTTPRequestHandler):
    def serve(self):
        token = TOKENS.get((self.headers["Cookie"] or "").removeprefix("user="))
        if token is None:
            self.answer(401, b"who are you?")
            return
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)) or None
        kept = {name: value for name, value in self.headers.items() if name not in ("Authorization", "Connection")}
        asked = urllib.request.Request(
            "http://127.0.0.1:8090" + self.path, body, {**kept, "Authorization": "Bearer " + token}, method=self.command
        )
        try:
            with urllib.request.urlopen(asked) as found:
                self.answer(found.status, found.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve

http.server.ThreadingHTTPServer(("", %d), Proxy).serve_forever()
"""


def values(tokens: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart's values with such a proxy, which knows these users."""
    container = {
        "name": "proxy",
        "image": "evonas-operator:0.1.0",
        "command": ["python", "-c", _PROGRAM % PORT],
        "env": [{"name": "TOKENS", "value": json.dumps(dict(tokens))}],
        "readinessProbe": {"tcpSocket": {"port": PORT}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    proxy = {"port": PORT, "containers": [container]}
    return {"ui": {"enabled": True, "allowedHosts": [HOST], "userTokenHeader": "Authorization", "proxy": proxy}}
