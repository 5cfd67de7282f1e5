"""A hub of models on this machine: folders, served as the hub's client asks for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_MOST = 2**20  # bytes of a file at once: there are files of many GiB, which nobody should ask for
_POLL = 0.02  # seconds until an end is noticed


@dataclass
class Hub:
    """`root` holds a folder for each `owner/name`."""

    root: Path
    address: str = ""
    says: str = ""  # whatever it is asked
    sent: dict[str, int] = field(default_factory=dict)  # bytes by path
    tokens: set[str] = field(default_factory=set)

    @property
    def weights_sent(self) -> int:
        """Bytes of files that hold weights."""
        return sum(size for path, size in self.sent.items() if path.endswith(".safetensors"))


@contextmanager
def served(root: Path) -> Iterator[Hub]:
    """A hub with the models under `root`."""
    hub = Hub(root)

    class Handler(_Handler):
        of = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(_POLL,))
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """`/api/models/<owner>/<name>` tells of a model, `/<owner>/<name>/resolve/<...>` is a file."""

    of: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        parts = path.strip("/").split("/")
        self.of.tokens.add(self.headers.get("Authorization", ""))
        self.of.sent.setdefault(path, 0)
        if self.of.says:
            self._send(path, self.of.says.encode())
        elif parts[0] == "api":
            self._tell(path, self.of.root.joinpath(*parts[2:4]), listed="tree" in parts)
        else:
            self._file(path, self.of.root.joinpath(*parts[:2], *parts[4:]))

    def _tell(self, path: str, folder: Path, listed: bool) -> None:
        if not folder.is_dir():
            self._absent("RepoNotFound")
            return
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        names = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
        tree = [{"type": "file", "path": n, "size": s, "oid": n} for n, s in names.items()]
        siblings = [{"rfilename": name} for name in names]
        about = {"id": "/".join(folder.parts[-2:]), "sha": COMMIT, "siblings": siblings}
        self._send(path, json.dumps(tree if listed else about).encode())

    def _file(self, path: str, file: Path) -> None:
        if not file.is_file():
            self._absent("EntryNotFound")
            return
        size = file.stat().st_size
        asked = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        begin, end = int(asked[0] or 0), min(int(asked[2] or size - 1), size - 1)
        with file.open("rb") as stream:
            stream.seek(begin)
            self._send(
                path, stream.read(min(end - begin + 1, _MOST)), f"bytes {begin}-{end}/{size}"
            )

    def _send(self, path: str, body: bytes, span: str = "") -> None:
        self.send_response(206 if span else 200)
        if span:
            self.send_header("Content-Range", span)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{sha1(path.encode()).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.of.sent[path] += self.wfile.write(body)

    def _absent(self, what: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", what)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...
