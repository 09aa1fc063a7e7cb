"""An identity provider on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://id.example.com/", "shop"


@dataclass
class Issuer:
    """An identity provider: publishes keys over HTTP and signs with them."""

    keys: dict[str, tuple[Any, str]] = field(default_factory=dict)
    fetched: int = 0
    broken: bool = False
    redirect: str | None = None
    url: str = ""

    def add(self, kid: str, algorithm: str = "RS256") -> None:
        key = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        self.keys[kid] = (key, algorithm)

    def jwks(self) -> dict[str, Any]:
        published = []
        for kid, (key, algorithm) in self.keys.items():
            kind = jwt.algorithms.ECAlgorithm if algorithm == "ES256" else jwt.algorithms.RSAAlgorithm
            published.append(kind.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": algorithm, "use": "sig"})
        return {"keys": published}

    def token(self, kid: str | None = "one", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 60} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        key, algorithm = self.keys[kid or "one"]
        return jwt.encode(claims, key, algorithm, headers=({"kid": kid} if kid else {}) | (headers or {}))


@contextmanager
def serving() -> Iterator[Issuer]:
    """An issuer with one key, while it serves its keys."""
    issuer = Issuer()
    issuer.add("one")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetched += 1
            if issuer.redirect:
                self.send_response(302)
                self.send_header("Location", issuer.redirect)
                self.end_headers()
                return
            self.send_response(500 if issuer.broken else 200)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.jwks()).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield issuer
    server.shutdown()
    server.server_close()
    thread.join()
