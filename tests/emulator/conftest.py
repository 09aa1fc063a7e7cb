"""An emulator in this process, and requests to its provider as the engine would make them."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3
import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2
from pulumi_fastapi.emulator.api import Api
from pulumi_fastapi.emulator.aws import RESOURCE_TYPES
from pulumi_fastapi.emulator.faults import Faults
from pulumi_fastapi.emulator.gcp.cloud import GoogleCloud
from pulumi_fastapi.emulator.gcp.provider import GcpProvider
from pulumi_fastapi.emulator.preconditions import PRECONDITIONS
from pulumi_fastapi.emulator.provider import AwsProvider
from pulumi_fastapi.emulator.server import Emulator, serve
from pulumi_fastapi.emulator.values import decode_struct, encode_struct, reveal

SEED = bytes.fromhex("0123456789abcdef0123456789abcdef")


class Connection:
    """What a servicer sees of the engine; one peer is one provider instance."""

    def __init__(self, peer: str = "engine") -> None:
        self._peer = peer

    def peer(self) -> str:
        return self._peer

    def is_active(self) -> bool:
        return True

    def set_trailing_metadata(self, _metadata: object) -> None: ...

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


@dataclass(frozen=True)
class Resource:
    """A resource as the engine keeps it in its state."""

    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Deployer:
    """The provider asked as the engine asks it, step by step and without the engine."""

    def __init__(self, provider: Any, endpoint: str = "") -> None:
        self._endpoint = endpoint
        self._provider = provider
        self._connection = Connection()

    @functools.cache  # noqa: B019  lives as long as the session
    def client(self, service: str) -> Any:
        """To look inside, and to change things behind Pulumi's back."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self._endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
        )

    def checked(self, type_: str, news: dict[str, Any], olds: dict[str, Any]) -> dict[str, Any]:
        request = provider_pb2.CheckRequest(
            urn=_urn(type_), news=encode_struct(news), olds=encode_struct(olds), randomSeed=SEED
        )
        answer = self._provider.Check(request, self._connection)
        if answer.failures:
            raise RuntimeError("; ".join(failure.reason for failure in answer.failures))
        return reveal(decode_struct(answer.inputs))

    def create(self, type_: str, /, **news: Any) -> Resource:
        inputs = self.checked(type_, news, {})
        request = provider_pb2.CreateRequest(urn=_urn(type_), properties=encode_struct(inputs))
        answer = self._provider.Create(request, self._connection)
        return Resource(type_, answer.id, inputs, reveal(decode_struct(answer.properties)))

    def changes(self, resource: Resource, news: dict[str, Any]) -> str:
        """`same`, `update` or `replace`: what an `up` with these inputs would do."""
        inputs = self.checked(resource.type, news, resource.inputs)
        answer = self._provider.Diff(self._request(provider_pb2.DiffRequest, resource, inputs), self._connection)
        if answer.replaces:
            return "replace"
        return "update" if answer.diffs else "same"

    def update(self, resource: Resource, news: dict[str, Any]) -> Resource:
        inputs = self.checked(resource.type, news, resource.inputs)
        answer = self._provider.Update(self._request(provider_pb2.UpdateRequest, resource, inputs), self._connection)
        return Resource(resource.type, resource.id, inputs, reveal(decode_struct(answer.properties)))

    def refresh(self, resource: Resource) -> Resource | None:
        """As AWS has it now; None when it is gone."""
        return self._read(resource.type, resource.id, resource.inputs, resource.outputs)

    def adopt(self, type_: str, id: str) -> Resource | None:
        """`pulumi import`."""
        return self._read(type_, id, {}, {})

    def delete(self, resource: Resource) -> None:
        request = provider_pb2.DeleteRequest(
            urn=_urn(resource.type), id=resource.id, properties=encode_struct(resource.outputs)
        )
        self._provider.Delete(request, self._connection)

    def _request(self, kind: Any, resource: Resource, inputs: dict[str, Any]) -> Any:
        return kind(
            urn=_urn(resource.type),
            id=resource.id,
            olds=encode_struct(resource.outputs),
            old_inputs=encode_struct(resource.inputs),
            news=encode_struct(inputs),
        )

    def _read(self, type_: str, id: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> Resource | None:
        request = provider_pb2.ReadRequest(
            urn=_urn(type_), id=id, inputs=encode_struct(inputs), properties=encode_struct(outputs)
        )
        answer = self._provider.Read(request, self._connection)
        if not answer.id:
            return None
        return Resource(
            type_, answer.id, reveal(decode_struct(answer.inputs)), reveal(decode_struct(answer.properties))
        )


def _urn(type_: str) -> str:
    return f"urn:pulumi:test::project::{type_}::thing"


@pytest.fixture(scope="session")
def deployer(emulator) -> Deployer:
    api = Api(emulator.endpoint, Faults(), PRECONDITIONS)
    return Deployer(AwsProvider(api, RESOURCE_TYPES, "7.0.0"), emulator.endpoint)


@pytest.fixture
def deploy(emulator, deployer) -> Deployer:
    """A deployer to an empty account."""
    emulator.control.reset()
    return deployer


class PartialFailure(Connection):
    """A connection that keeps what the provider says about a resource that is only half there."""

    detail: provider_pb2.ErrorResourceInitFailed

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        status = status_pb2.Status.FromString(dict(metadata)["grpc-status-details-bin"])
        self.detail = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(self.detail)


class GoogleDeployer(Deployer):
    """The same of the `gcp` provider, on an empty Google Cloud of its own."""

    def __init__(self) -> None:
        self.cloud = GoogleCloud(Faults())
        super().__init__(GcpProvider(self.cloud, "10.2.0"))
        self.configure(project="shop-1", region="us-central1")

    def configure(self, **arguments: Any) -> None:
        request = provider_pb2.ConfigureRequest(args=encode_struct(arguments))
        self._provider.Configure(request, self._connection)

    def update_that_fails(self, resource: Resource, news: dict[str, Any]) -> Resource:
        """What the engine keeps of an update that went wrong half-way."""
        inputs = self.checked(resource.type, news, resource.inputs)
        failure = PartialFailure()
        with pytest.raises(RuntimeError):
            self._provider.Update(self._request(provider_pb2.UpdateRequest, resource, inputs), failure)
        kept = failure.detail
        return Resource(
            resource.type, kept.id, reveal(decode_struct(kept.inputs)), reveal(decode_struct(kept.properties))
        )

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        request = provider_pb2.InvokeRequest(tok=token, args=encode_struct(arguments))
        answer = self._provider.Invoke(request, self._connection)
        return reveal(decode_struct(getattr(answer, "return")))


@pytest.fixture(scope="session")
def new_google() -> type[GoogleDeployer]:
    return GoogleDeployer


@pytest.fixture
def google(new_google) -> GoogleDeployer:
    return new_google()
