"""The one endpoint: AWS's API by moto under the cloud's lock, and the sandbox's own pages under /_sandbox/."""

import functools
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from sandbox.cloud import requests
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.control import Control, NotFound
from sandbox.cloud.weather import AnswerLost, Weather

PREFIX = "/_sandbox/"
Answer = tuple[str, list[tuple[str, str]], bytes]


class _Dispatcher(DomainDispatcherApplication):
    """moto's, which looks through the patterns of all its services for each request; there are few hosts to ask for."""

    @functools.lru_cache(maxsize=256)  # noqa: B019 - one for as long as the process
    def get_backend_for_host(self, host: str | None) -> Any:
        return super().get_backend_for_host(host)


class Endpoint:
    """A WSGI application."""

    def __init__(self, cloud: Cloud, control: Control, weather: Weather) -> None:
        self._cloud = cloud
        self._control = control
        self._weather = weather
        self._moto = _Dispatcher(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["PATH_INFO"].startswith(PREFIX):
            status, headers, content = self._own(environ, body)
        else:
            status, headers, content = self._aws(environ, body)
        if environ["REQUEST_METHOD"] != "HEAD":  # S3 says there how long the object is
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers.append(("Content-Length", str(len(content))))
        start_response(status, headers)
        return [content]

    def _aws(self, environ: dict[str, Any], body: bytes) -> Answer:
        """Raises AnswerLost where a fault says that the caller hears nothing of it."""
        request = requests.read(environ, body)
        fate = self._weather.meets(request)
        if fate is None:
            return self._carry_out(request, environ)
        if fate.refusal is not None:
            return _error(request, *fate.refusal)
        answer = self._carry_out(request, {**environ, "wsgi.input": io.BytesIO(body)})
        if fate.repeated:
            self._carry_out(request, {**environ, "wsgi.input": io.BytesIO(body)})
        called = f"{request.service}:{request.action}"
        self._cloud.events.add("fault", called, "its answer was lost" if fate.lost else "carried out twice")
        if fate.lost:
            raise AnswerLost(called)
        return answer

    def _carry_out(self, request: requests.AwsRequest, environ: dict[str, Any]) -> Answer:
        with self._cloud.lock:
            try:
                chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
                content = b"".join(chunks)
                if request.moves_something and status.startswith("2"):
                    # Like AWS's own: when the call returns, the listener forwards by what it said.
                    self._cloud.step()
                    self._cloud.wake()
            except NotImplementedError as error:
                return _error(request, "400 Bad Request", "NotImplementedInSandbox", f"The sandbox lacks this: {error}")
            except Exception as error:
                self._cloud.events.add(
                    "sandbox", f"{request.service}:{request.action}", f"failed: {type(error).__name__}: {error}"
                )
                message = f"The sandbox failed at {request.action}: {type(error).__name__}: {error}"
                return _error(request, "500 Internal Server Error", "InternalFailure", message)
        return status, list(headers.items()), content

    def _own(self, environ: dict[str, Any], body: bytes) -> Answer:
        name = environ["PATH_INFO"].removeprefix(PREFIX)
        try:
            given = json.loads(body) if body else {}
            if not isinstance(given, dict):
                raise ValueError("a JSON object is expected")
            document, status = self._control.answer(environ["REQUEST_METHOD"], name, given), "200 OK"
        except NotFound as error:
            document, status = {"error": str(error)}, "404 Not Found"
        except (ValueError, KeyError, TypeError) as error:
            message = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            document, status = {"error": message}, "400 Bad Request"
        return status, [("Content-Type", "application/json")], json.dumps(document).encode() + b"\n"


def _error(request: requests.AwsRequest, status: str, code: str, message: str) -> Answer:
    content_type, body = requests.error_body(request, code, message)
    headers = [("Content-Type", content_type)]
    if request.protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    return status, headers, body
