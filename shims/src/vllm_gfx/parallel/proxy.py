"""One address for several replicas: each request goes to the one with the fewest in flight."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from vllm_gfx.parallel.replica import Replica

# Of one connection, not of the message (RFC 9110, 7.6.1), or made anew by aiohttp.
_HOP_BY_HOP = {
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_EVENTS = "text/event-stream"
_MAX_BODY = 1 << 30  # bytes; the replica has limits of its own


class Proxy:
    """`stopping` refuses new requests while those in flight finish."""

    def __init__(self, replicas: Sequence[Replica], session: aiohttp.ClientSession) -> None:
        self.replicas = list(replicas)
        self.stopping = False
        self.session = session

    def application(self) -> web.Application:
        """What listens: /health, /replicas, /replicas/N/..., and all else to some replica."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_get("/health", self._health)
        app.router.add_get("/replicas", self._list)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_route("*", "/replicas/{number:\\d+}/{path:.*}", self._to_one)
        app.router.add_route("*", "/{path:.*}", self._to_any)
        return app

    def least_busy(self) -> Replica | None:
        """The first of those with the fewest requests in flight; None if none runs."""
        alive = [r for r in self.replicas if r.alive]
        return min(alive, key=lambda r: r.in_flight, default=None)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.least_busy() and not self.stopping else 503)

    async def _list(self, _: web.Request) -> web.Response:
        keys = ("number", "device", "port", "in_flight", "alive", "code")
        return web.json_response([{key: getattr(r, key) for key in keys} for r in self.replicas])

    async def _metrics(self, _: web.Request) -> web.Response:
        return _error(404, "each replica has its own: /replicas/0/metrics, /replicas/1/metrics")

    async def _to_one(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        found = [r for r in self.replicas if r.number == number]
        if not found or not found[0].alive:
            return _error(404, f"there is no replica {number}; see /replicas")
        return await self._forward(request, found[0], "/" + request.match_info["path"])

    async def _to_any(self, request: web.Request) -> web.StreamResponse:
        replica = self.least_busy()
        if self.stopping or replica is None:
            reason = "the server is stopping" if self.stopping else "no replica is running"
            return _error(503, f"{reason}; send the request to a running server")
        return await self._forward(request, replica, request.rel_url.raw_path)

    async def _forward(
        self, request: web.Request, replica: Replica, path: str
    ) -> web.StreamResponse:
        """Pass a request on and its answer back, piece by piece as it comes."""
        response: web.StreamResponse | None = None
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        replica.in_flight += 1
        try:
            async with self.session.request(
                request.method,
                f"{replica.url}{path}{query}",
                headers=_passed_on(request.headers),
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                headers = _passed_on(answer.headers)
                response = web.StreamResponse(status=answer.status, headers=headers)
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
                return response
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            if request.transport is None or request.transport.is_closing():
                return response or web.Response()  # the client went away: nobody gets it
            return await _cut(request, response, replica)
        finally:
            replica.in_flight -= 1


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _HOP_BY_HOP)


async def _cut(
    request: web.Request, response: web.StreamResponse | None, replica: Replica
) -> web.StreamResponse:
    """Tell a client whose replica ended: an error, or an error in the stream it is reading."""
    what = f"{replica.name} ended before this request was finished; send it again"
    if response is None:
        return _error(503, what)
    if response.content_type != _EVENTS:
        # The length is not known to be wrong unless the connection breaks.
        assert request.transport is not None
        request.transport.abort()
        return response
    await response.write(f"data: {json.dumps(_body(503, what))}\n\n".encode())
    await response.write_eof()
    return response


def _body(status: int, message: str) -> dict[str, object]:
    """As vLLM's own errors look."""
    return {"error": {"message": message, "type": "ServiceUnavailable", "code": status}}


def _error(status: int, message: str) -> web.Response:
    return web.json_response(_body(status, message), status=status)
