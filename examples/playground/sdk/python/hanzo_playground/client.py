from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class PlaygroundError(Exception):
    """An answer of the control plane that is no success, or no answer at all (status is None)."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message if status is None else f"{message} ({status})")
        self.status = status


@dataclass(frozen=True)
class Node:
    """An agent that has registered itself."""

    id: str
    url: str
    registered_at: str
    """ISO 8601, UTC"""


class Client:
    """Talks to one control plane, e.g. ``Client("http://127.0.0.1:8080")``."""

    def __init__(self, base: str, timeout: float = 10.0) -> None:
        self._base = base.rstrip("/")
        self._timeout = timeout

    def healthy(self) -> bool:
        """Whether the control plane answers."""
        try:
            self._call("GET", "/healthz")
        except PlaygroundError:
            return False
        return True

    def server_version(self) -> str:
        """The version of the control plane."""
        return self._call("GET", "/version")["version"]

    def register(self, id: str, url: str) -> Node:
        """Adds a node, or moves one that is there already to another URL."""
        return Node(**self._call("POST", "/api/v1/nodes", {"id": id, "url": url}))

    def nodes(self) -> list[Node]:
        """All nodes, ordered by id."""
        return [Node(**node) for node in self._call("GET", "/api/v1/nodes")["nodes"]]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        from . import __version__

        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "User-Agent": f"playground-python/{__version__}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise PlaygroundError(_reason(error), error.code) from None
        except OSError as error:
            raise PlaygroundError(f"no answer from {self._base}: {error}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return json.load(error)["error"]
    except (ValueError, KeyError, TypeError):
        return error.reason
