"""HTTP/1.1 as kube-apiserver speaks it: heads as long as Go allows, and a Status for what is no HTTP."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from pocketmesh.api.errors import ApiError
from pocketmesh.api.server import answers

# net/http's DefaultMaxHeaderBytes: a script for `kubectl exec -- sh -c` travels in the URL.
_LONGEST_LINE: Final = 1024 * 1024


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that could not be parsed, or whose answer broke; ends the connection."""
        if request.writer.output_size:
            raise ConnectionError("too late for a Status")
        if isinstance(exc, LineTooLong):
            error = ApiError(431, "RequestHeaderFieldsTooLarge", "the request's head is too long")
        elif status < 500:
            error = ApiError(status, "BadRequest", "the request is not valid HTTP/1.1")
        else:
            self.log_exception("a request from %s failed", request.remote, exc_info=exc)
            error = ApiError(status, "InternalError", "Internal error occurred: the request failed")
        response = answers.status(error.status())
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """A body that breaks off or is badly chunked is the client's trouble, not ours."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)


class Http(web.Server):
    """Makes a handler for each connection."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=self._loop,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,  # Kubernetes knows no compressed request
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
