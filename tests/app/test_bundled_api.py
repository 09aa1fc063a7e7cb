"""The bundled app with everything it can use: PostgreSQL, Redis, an identity provider."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from issuers import AUDIENCE, ISSUER, Issuer, serving
from launcher import APP, Answer, Server, start
from servers import PASSWORD, Authority, Postgres, Redis, postgres, until

SOURCE = APP / "source"
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
URL = "https://example.com/a"
KNOWN = "correct horse"


def migrate(server: Postgres, *command: str) -> subprocess.CompletedProcess[str]:
    """What a deploy runs before the new version."""
    return subprocess.run(
        [sys.executable, "-m", "fastapi_runtime.migrations", *command],
        cwd=SOURCE,
        env={"PATH": PATH, "PYTHONPATH": str(APP)} | server.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def database(authority: Authority) -> Iterator[Postgres]:
    """A server with the tables of the app."""
    with postgres(authority) as server:
        done = migrate(server)
        assert done.returncode == 0, done.stderr
        yield server


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


Run = Callable[..., "Api"]


class Api:
    """The app, asked as one user."""

    def __init__(self, server: Server, issuer: Issuer) -> None:
        self.server = server
        self._issuer = issuer

    def ask(self, method: str, path: str, body: object = None, user: str | None = "ann") -> Answer:
        headers = {"authorization": f"Bearer {self._issuer.token(sub=user)}"} if user else {}
        text = None if body is None else json.dumps(body)
        return self.server.ask(
            method, path, text, headers | ({} if body is None else {"content-type": "application/json"})
        )

    def make(self, slug: str, user: str = "ann", **more: object) -> Answer:
        return self.ask("POST", "/links", {"url": URL, "slug": slug} | more, user)


@pytest.fixture(scope="module")
def run(
    database: Postgres, issuer: Issuer, shared_redis: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    with ExitStack() as stack:

        def run(**variables: object) -> Api:
            defaults: dict[str, Any] = database.environment() | {
                "REDIS_URL": shared_redis.url,
                "JWT_ISSUER": ISSUER,
                "JWT_AUDIENCE": AUDIENCE,
                "JWT_JWKS_URL": issuer.url,
                "LINKS_PER_MINUTE": 100_000,
            }
            log = tmp_path_factory.mktemp("bundled") / "log"
            server = start(stack, log, SOURCE, (), **(defaults | variables))
            server.until_status("/-/ready", 200)
            return Api(server, issuer)

        yield run


@pytest.fixture(scope="module")
def api(run: Run) -> Api:
    return run(WEB_CONCURRENCY=2)


def test_a_link_is_made_and_found(api: Api) -> None:
    made = api.make("first")
    assert made.status == 201, made.text
    assert made.json() | {"created_at": None} == {
        "slug": "first",
        "is_protected": False,
        "created_at": None,
        "url": URL,
        "visits": 0,
    }
    found = api.ask("GET", "/links/first", user=None)
    assert found.json() == {"slug": "first", "is_protected": False, "created_at": made.json()["created_at"]}
    assert api.ask("POST", "/links/first/visits", {}, user=None).json() == {"url": URL}


def test_a_link_without_a_name_gets_one(api: Api) -> None:
    assert len(api.ask("POST", "/links", {"url": URL}).json()["slug"]) == 10


def test_a_link_that_was_asked_for_too_early_is_there_once_it_is_made(api: Api) -> None:
    assert api.ask("GET", "/links/early").status == 404
    assert api.make("early").status == 201
    assert api.ask("GET", "/links/early").status == 200


def test_a_name_is_given_once(api: Api) -> None:
    assert api.make("taken").status == 201
    again = api.make("taken", user="ben")
    assert (again.status, again.json()) == (409, {"detail": "The slug taken is taken."})


@pytest.mark.parametrize(("method", "path"), [("POST", "/links"), ("GET", "/links"), ("DELETE", "/links/some-link")])
def test_what_belongs_to_somebody_needs_a_token(api: Api, method: str, path: str) -> None:
    answer = api.ask(method, path, {"url": URL} if method == "POST" else None, user=None)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_everybody_sees_the_links_of_their_own_page_by_page(api: Api) -> None:
    for slug in ("page-a", "page-b", "page-c"):
        api.make(slug, user="pat")
    first = api.ask("GET", "/links?limit=2", user="pat").json()
    second = api.ask("GET", f"/links?limit=2&after={first[-1]['slug']}", user="pat").json()
    assert [link["slug"] for link in first + second] == ["page-a", "page-b", "page-c"]


def test_a_protected_link_leads_only_who_knows_its_password(api: Api, database: Postgres) -> None:
    assert api.make("secret", password=KNOWN).json()["is_protected"] is True
    assert api.ask("POST", "/links/secret/visits", {}).status == 401
    assert api.ask("POST", "/links/secret/visits", {"password": "wrong horse"}).status == 401
    assert api.ask("POST", "/links/secret/visits", {"password": KNOWN}).json() == {"url": URL}
    [(kept,)] = database.sql("SELECT password_hash FROM links WHERE slug = 'secret'", database="app")
    assert kept.startswith("$argon2id$")


def test_a_link_is_deleted_by_its_owner_only_and_at_once(api: Api) -> None:
    api.make("gone")
    assert api.ask("GET", "/links/gone").status == 200  # and cached
    assert api.ask("DELETE", "/links/gone", user="ben").status == 404
    assert api.ask("GET", "/links/gone").status == 200
    assert api.ask("DELETE", "/links/gone").status == 204
    until(lambda: api.ask("GET", "/links/gone").status == 404, "the cache to forget")


def visits_of(database: Postgres, slug: str) -> int:
    [(visits,)] = database.sql("SELECT visits FROM links WHERE slug = %s", slug, database="app")
    return int(visits)


def test_visits_are_counted_in_the_background_and_at_the_end(run: Run, database: Postgres) -> None:
    api = run(WEB_CONCURRENCY=1)
    api.make("counted")
    for _ in range(5):
        assert api.ask("POST", "/links/counted/visits", {}).status == 200
    until(lambda: visits_of(database, "counted") == 5, "the visits to be written")
    api.ask("POST", "/links/counted/visits", {})
    api.server.terminate()
    assert api.server.exit_code() == 0
    assert visits_of(database, "counted") == 6


def test_too_many_links_of_one_client_are_429(run: Run) -> None:
    api = run(LINKS_PER_MINUTE=2, REDIS_URL="")
    answers = [api.make(f"many-{number}") for number in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 429]
    assert int(answers[2].headers["retry-after"]) >= 1


@pytest.mark.parametrize("origins", ["https://a.example, https://b.example", '["https://a.example"]'])
def test_a_list_can_be_written_with_commas_or_as_json(run: Run, origins: str) -> None:
    api = run(CORS_ORIGINS=origins)
    answer = api.server.get("/", origin="https://a.example")
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-origin" not in api.server.get("/", origin="https://evil.example").headers


@pytest.mark.parametrize("origins", ['["https://a.example"', "[1]"])
def test_a_list_that_is_none_ends_the_start_and_is_named(tmp_path: Path, origins: str) -> None:
    with ExitStack() as stack:
        server = start(stack, tmp_path / "log", SOURCE, (), CORS_ORIGINS=origins, WEB_CONCURRENCY=1)
        assert server.exit_code() not in (0, None)
    assert "cors_origins" in server.log.read_text()


def test_a_restart_of_the_database_is_survived(run: Run, authority: Authority) -> None:
    with postgres(authority) as own:
        assert migrate(own).returncode == 0
        api = run(**own.environment(), WEB_CONCURRENCY=1, DATABASE_POOL_TIMEOUT=10)
        assert api.make("before").status == 201
        own.restart()
        assert api.make("after").status == 201


def test_the_migrations_make_what_the_models_say(database: Postgres) -> None:
    done = migrate(database, "--", "alembic", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No new upgrade operations detected" in done.stdout + done.stderr


def test_the_migrations_go_back_and_forth(authority: Authority) -> None:
    with postgres(authority) as own:
        for target in ("upgrade head", "downgrade base", "upgrade head"):
            done = migrate(own, "--", "alembic", *target.split())
            assert done.returncode == 0, done.stderr


def test_nothing_that_a_client_sends_is_a_server_error(run: Run, issuer: Issuer, tmp_path: Path) -> None:
    api = run(WEB_CONCURRENCY=1)
    done = subprocess.run(
        [
            *("schemathesis", "run", f"http://127.0.0.1:{api.server.port}/openapi.json"),
            *("--header", f"Authorization: Bearer {issuer.token(exp=int(time.time()) + 3600)}"),
            *("--checks", "not_a_server_error", "--max-examples", "40", "--seed", "1", "--no-color"),
            *("--exclude-path", "/openapi.json", "--request-timeout", "20"),
        ],
        cwd=tmp_path,
        env={"PATH": PATH, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    log = api.server.log.read_text()
    assert '"level":"ERROR"' not in log.replace(" ", "")
    assert PASSWORD not in log
