import pytest
from launcher import Server


def test_the_image_answers_for_its_health(example: Server) -> None:
    assert example.get("/-/healthy").json() == {"status": "alive"}
    assert example.get("/-/ready").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_the_app_has_health_routes_of_its_own(example: Server, path: str) -> None:
    assert example.get(path).json() == {"status": "ok"}


def test_the_start_page_says_what_it_is(example: Server) -> None:
    assert example.get("/").json() == {"service": "links", "documentation": "/docs"}


@pytest.mark.parametrize(("text", "slug"), [("Crème brûlée!", "creme-brulee"), ("a  b", "a-b"), ("!", "")])
def test_a_text_becomes_a_slug(example: Server, text: str, slug: str) -> None:
    response = example.post("/slugs", {"text": text})
    assert response.json() == {"slug": slug}


def test_a_text_that_is_too_long_is_refused(example: Server) -> None:
    response = example.post("/slugs", {"text": "x" * 201})
    assert response.status == 422


@pytest.mark.parametrize(("method", "path"), [("GET", "/links/some-link"), ("GET", "/links"), ("DELETE", "/links/a-b")])
def test_what_needs_a_database_says_so_where_there_is_none(example: Server, method: str, path: str) -> None:
    answer = example.ask(method, path, None, {})
    assert (answer.status, answer.json()) == (503, {"detail": "No database is configured: set DATABASE_HOST."})
