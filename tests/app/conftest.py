import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from launcher import APP, Launch, Server, start
from servers import Authority, Postgres, Redis, postgres, redis_server

sys.path.insert(0, str(APP))


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start the launcher around the given code of `main.py` and environment, and wait until it is ready."""
    with ExitStack() as stack:

        def launch(code: str, *arguments: str, wait: bool = True, **environment: object) -> Server:
            (tmp_path / "main.py").write_text(code)
            defaults = {"APP_MODULE": "main:app"}
            server = start(stack, tmp_path / "log", tmp_path, arguments, **(defaults | environment))
            if wait:
                server.until_status("/-/ready", 200)
            return server

        yield launch


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The bundled example app, ready."""
    with ExitStack() as stack:
        server = start(stack, tmp_path_factory.mktemp("example") / "log", APP / "source", ())
        server.until_status("/-/ready", 200)
        yield server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of the servers."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def shared_postgres(authority: Authority) -> Iterator[Postgres]:
    """A PostgreSQL server that no test stops or changes for others."""
    with postgres(authority) as server:
        yield server


@pytest.fixture
def own_postgres(authority: Authority) -> Iterator[Postgres]:
    """A PostgreSQL server of this test alone."""
    with postgres(authority) as server:
        yield server


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[Redis]:
    """A Redis server that no test stops; each uses keys of its own."""
    with redis_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis server of this test alone."""
    with redis_server() as server:
        yield server
