"""One request as handlers see it: who calls, what is asked, under which key, and what that comes to."""

import re
from typing import TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State

from tabletap.cafes.errors import CafeNotFound
from tabletap.http.decoding import decode_query
from tabletap.http.services import Services
from tabletap.http.signin import SignIn
from tabletap.infra.idempotency import IdempotencyKeyRequired, Once, fingerprint_of
from tabletap.kernel.errors import FieldError, InvalidRequest, Refusal
from tabletap.kernel.ids import Id, is_id
from tabletap.kernel.people import Actor

_KEY = re.compile(r"[\x20-\x7e]{1,255}")

Q = TypeVar("Q", bound=msgspec.Struct)


class Call(Request[Actor, None, State]):
    """A request with what our handlers ask of it."""

    @property
    def services(self) -> Services:
        """What decides."""
        services: Services = self.app.state.services
        return services

    @property
    def sign_in(self) -> SignIn:
        """Who tells callers apart."""
        sign_in: SignIn = self.app.state.sign_in
        return sign_in

    def asked(self, into: type[Q]) -> Q:
        """The query parameters. Raises InvalidRequest."""
        return decode_query(self.scope["query_string"], into)

    def require_cafe(self, name: str) -> None:
        """A cafe named in the path is the caller's own, or it is not there. Raises CafeNotFound."""
        if self.path_params[name] != self.user.cafe_id:
            raise CafeNotFound

    def id_of(self, name: str, missing: type[Refusal]) -> Id:
        """An id from the path. One without the shape of an id names nothing, so `missing` is raised."""
        given = str(self.path_params[name])
        if not is_id(given):
            raise missing
        return given

    def once_if_named(self, data: msgspec.Struct | None = None) -> Once | None:
        """The same for a request that moves money only sometimes: None without a key."""
        return self.once(data) if "idempotency-key" in self.headers else None

    def once(self, data: msgspec.Struct | None = None) -> Once:
        """Under which key this request moves money, and what exactly it asks.

        Raises IdempotencyKeyRequired, and InvalidRequest for a malformed key.
        """
        keys = self.headers.getall("idempotency-key", [])
        if not keys or not keys[0]:
            raise IdempotencyKeyRequired
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            sentence = "An Idempotency-Key has 1 to 255 printable ASCII characters, and there is one."
            raise InvalidRequest(sentence, errors=[FieldError("Idempotency-Key", sentence)])
        route = f"{self.method} {self.scope['path_template']}"
        fingerprint = fingerprint_of(route, self.path_params, data)
        return Once(self.user.cafe_id, self.user.person_id, route, keys[0], fingerprint)
