"""An emulator in this process, and requests to its provider as the engine would make them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from pulumi.runtime.proto import provider_pb2
from pulumi_fastapi.emulator.api import Api
from pulumi_fastapi.emulator.aws import RESOURCE_TYPES
from pulumi_fastapi.emulator.faults import Faults
from pulumi_fastapi.emulator.provider import AwsProvider
from pulumi_fastapi.emulator.server import Emulator, serve
from pulumi_fastapi.emulator.values import decode_struct, encode_struct

SEED = bytes.fromhex("0123456789abcdef0123456789abcdef")


class Connection:
    """What a servicer sees of the engine; one peer is one provider instance."""

    def __init__(self, peer: str = "engine") -> None:
        self._peer = peer

    def peer(self) -> str:
        return self._peer

    def is_active(self) -> bool:
        return True

    def abort(self, _code: object, details: str) -> None:
        raise RuntimeError(details)


class Checked(NamedTuple):
    inputs: dict[str, Any]
    reasons: list[str]


class Checker:
    """The provider's Check, which needs no account."""

    def __init__(self) -> None:
        self._provider = AwsProvider(Api("http://127.0.0.1:9", Faults(), {}), RESOURCE_TYPES, "7.0.0")

    def configure(self, connection: Connection, **arguments: Any) -> None:
        request = provider_pb2.ConfigureRequest(args=encode_struct(arguments))
        self._provider.Configure(request, connection)

    def __call__(
        self,
        type_: str,
        news: dict[str, Any],
        olds: dict[str, Any] | None = None,
        *,
        name: str = "thing",
        connection: Connection | None = None,
        **more: Any,
    ) -> Checked:
        request = provider_pb2.CheckRequest(
            urn=f"urn:pulumi:test::project::{type_}::{name}",
            news=encode_struct(news),
            olds=encode_struct(olds or {}),
            randomSeed=SEED,
            **more,
        )
        answer = self._provider.Check(request, connection or Connection())
        return Checked(decode_struct(answer.inputs), [failure.reason for failure in answer.failures])


@pytest.fixture(scope="session")
def check() -> Checker:
    return Checker()


@pytest.fixture(scope="session")
def connect() -> type[Connection]:
    return Connection


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with serve() as running:
        yield running
