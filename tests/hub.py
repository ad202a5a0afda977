"""A hub of our own on 127.0.0.1: as much of the Hugging Face hub's protocol as uploading and downloading need."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """`repos`: (kind, name) -> file -> bytes; `asked`: the requests that came, as `METHOD path`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[tuple[str, str], dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *what):
        self.server.asked.append(f"{self.command} {self.path}")

    def _read(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _say(self, code, body=b"", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _repo(self, parts):
        """(kind, name), and what follows, of a path that was taken apart."""
        kind = {"datasets": "dataset", "models": "model"}.get(parts[0])
        parts = parts[1:] if kind else parts
        return (kind or "model", "/".join(parts[:2])), parts[2:]

    def do_POST(self):
        parts, body = unquote(urlsplit(self.path).path).strip("/").split("/"), self._read()
        if parts == ["api", "repos", "create"]:
            told = json.loads(body)
            name = f"{told.get('organization') or 'me'}/{told['name']}"
            self.server.repos.setdefault((told.get("type", "model"), name), {})
            return self._say(200, {"url": f"{self.server.url}/{name}", "name": name})
        if parts[1] == "validate-yaml":
            return self._say(200, {"errors": [], "warnings": []})
        repo, (what, *_) = self._repo(parts[1:])
        if what == "preupload":
            files = json.loads(body)["files"]
            told = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None} for f in files]
            return self._say(200, {"files": told})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                self.server.repos[repo][line["value"]["path"]] = content
        return self._say(
            200,
            {"commitUrl": f"{self.server.url}/{repo[1]}/commit/{self._commit(repo)}", "commitOid": self._commit(repo)},
        )

    def _commit(self, repo):
        told = repr(sorted((name, hashlib.sha1(data).hexdigest()) for name, data in self.server.repos[repo].items()))
        return hashlib.sha1(told.encode()).hexdigest()

    def do_GET(self):
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        api = parts[0] == "api"
        if parts[:2] == ["api", "whoami-v2"]:
            return self._say(200, {"name": "me", "type": "user", "orgs": []})
        repo, rest = self._repo(parts[1:] if api else parts)
        files = self.server.repos.get(repo)
        if files is None:
            return self._say(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        if api:
            if rest[:1] == ["tree"]:
                tree = [
                    {"type": "file", "path": n, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                    for n, d in files.items()
                ]
                return self._say(200, tree)
            sha = self._commit(repo)
            return self._say(
                200, {"id": repo[1], "sha": sha, "siblings": [{"rfilename": name} for name in files], "private": False}
            )
        name = "/".join(rest[2:])
        if name not in files:
            return self._say(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        etag = f'"{hashlib.sha1(files[name]).hexdigest()}"'
        return self._say(200, files[name], ETag=etag, X_Repo_Commit=self._commit(repo))

    def do_HEAD(self):
        self.do_GET()


@contextmanager
def running():
    """A hub that answers until the block ends."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
