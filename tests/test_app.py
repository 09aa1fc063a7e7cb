import json
from typing import Any

import pulumi
import pytest
from pulumi import Output
from pulumi_fastapi.app import FastAPIApp
from pulumi_fastapi.connection_pool import ConnectionPool
from pulumi_fastapi.errors import ArgumentError
from pulumi_fastapi.plan import plan
from pulumi_fastapi.timeouts import Timeouts

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf"


def test_nothing_has_to_be_said() -> None:
    app = FastAPIApp()
    assert (app.module, app.port, app.source, app.image) == ("app.main:app", 8000, None, None)
    assert app.environment == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (5, "5"),
        (5.0, "5"),
        (0.25, "0.25"),
        (True, "true"),
        (["a", 1.0], '["a", 1]'),
        ({"a": {"b": None}}, '{"a": {"b": null}}'),
    ],
)
def test_variables_are_text_or_json(value: object, text: str) -> None:
    assert FastAPIApp(environment={"X": value}).environment == {"X": text}


def test_a_variable_may_be_known_later() -> None:
    def program() -> None:
        later = Output.from_input("https://example.com")
        environment = FastAPIApp(environment={"URL": later}).environment
        assert environment is not None
        pulumi.export("url", environment["URL"])

    assert plan(program).outputs["url"] == "https://example.com"


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), {"a": {1, 2}}, [object()], b"bytes"])
def test_what_cannot_be_written_down_is_refused(value: object) -> None:
    with pytest.raises(ArgumentError, match=r"^environment\['X'\]: must be text, a number, true or false, a list"):
        FastAPIApp(environment={"X": value})


def test_a_value_inside_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ArgumentError, match=r"^environment\['X'\]"):
        FastAPIApp(environment={"X": endless})


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"source": "a", "image": "b"}, "image: give either source or image, source is 'a'"),
        ({"image": ""}, "image: must not be empty"),
        ({"port": 80}, "port: must be between 1024 and 65535, got 80"),
        ({"port": "8000"}, "port: must be a whole number, got '8000'"),
        ({"port": True}, "port: must be a whole number, got True"),
        ({"module": "app.main"}, "module: must be 'package.module:attribute', got 'app.main'"),
        ({"module": "app/main.py:app"}, "module: must be"),
        ({"liveness_path": "healthy"}, "liveness_path: must be a path that starts with /"),
        ({"readiness_path": "/a b"}, "readiness_path: must be a path that starts with /"),
        ({"environment": {"MY-VAR": "1"}}, "environment variable: must be a name of letters"),
        ({"environment": {7: "1"}}, "environment: keys must be text, got 7"),
        ({"environment": {"X": None}}, r"environment\['X'\]: a value is required"),
        ({"environment": ["X=1"]}, "environment: must be a mapping"),
        ({"secrets": {"X": "1"}, "environment": {"X": "2"}}, r"secrets\['X'\]: is set in environment too; keep one"),
        ({"secret_arns": {"X": "my-secret"}}, r"secret_arns\['X'\]: must be the ARN of a secret or parameter"),
        ({"command": "python -m app"}, "command: must be a list of text"),
        ({"command": ["python", 1]}, r"command\[1\]: must be text, got 1"),
        ({"pool": 5}, "pool: must be ConnectionPool, got 5"),
        ({"pool": {"size": 0}}, "pool.size: must be between 1 and 1000"),
        ({"timeouts": {"idle": 0}}, "timeouts.idle: must be between 1 and 4000"),
        ({"timeouts": None}, "timeouts: a value is required"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{problem}"):
        FastAPIApp(**args)


@pytest.mark.parametrize("module", ["main:app", "a.b.c:factory()", "app:state.api", "_private.main:app_2"])
def test_modules_in_use_are_accepted(module: str) -> None:
    assert FastAPIApp(module=module).module == module


@pytest.mark.parametrize("kind", ["environment", "secrets"])
@pytest.mark.parametrize(
    ("variable", "argument"),
    [("PORT", "app.port"), ("WEB_CONCURRENCY", "workers"), ("KEEP_ALIVE_SECONDS", "app.timeouts")],
)
def test_what_must_agree_with_other_parts_cannot_be_set_apart(kind: str, variable: str, argument: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{kind}\['{variable}'\]: is derived, .*; set {argument}"):
        FastAPIApp(**{kind: {variable: "7"}})


def test_nested_objects_may_be_mappings_with_names_of_either_kind() -> None:
    app = FastAPIApp(pool={"maxOverflow": 2.0, "size": 3}, timeouts={"startup": 5})  # type: ignore[arg-type]
    assert app.pool == ConnectionPool(size=3, max_overflow=2)
    assert app.timeouts == Timeouts(startup=5)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FastAPIApp().port = 9000  # type: ignore[misc]


@pytest.mark.parametrize(
    "args",
    [
        {"secrets": {"TOKEN": 123456789}},
        {"secrets": "TOKEN=123456789"},
        {"secrets": {"TOKEN": ["123456789"]}},
        {"secrets": {"PORT": "123456789"}},
        {"secrets": {"BAD-NAME": "123456789"}},
        {"secrets": {"TOKEN": "123456789"}, "secret_arns": {"TOKEN": ARN}},
    ],
)
def test_an_error_never_shows_a_secret(args: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError) as error:
        FastAPIApp(**args)
    assert "123456789" not in str(error.value).replace(ARN, "")


def test_its_text_never_shows_a_secret() -> None:
    assert "123456789" not in repr(FastAPIApp(secrets={"TOKEN": "123456789"}))


def test_variables_are_those_of_all_three_kinds() -> None:
    app = FastAPIApp(environment={"A": "1"}, secrets={"B": "2"}, secret_arns={"C": ARN})
    assert app.variables == {"A", "B", "C"}


def test_json_in_a_variable_is_json() -> None:
    environment = FastAPIApp(environment={"ORIGINS": ["https://a.example.com", "ü"]}).environment
    assert environment is not None
    assert json.loads(environment["ORIGINS"]) == ["https://a.example.com", "ü"]  # type: ignore[arg-type]


def test_a_secret_output_is_no_plain_variable() -> None:
    """Everyone who may describe the service reads those."""

    def program(value: Output[str]) -> None:
        pulumi.export("value", (FastAPIApp(environment={"TOKEN": value}).environment or {})["TOKEN"])

    assert plan(lambda: program(Output.from_input("shown"))).outputs == {"value": "shown"}
    with pytest.raises(ValueError, match=r"environment\['TOKEN'\]: is secret .* use secrets"):
        plan(lambda: program(Output.secret("hidden")))


def test_a_reloader_is_not_for_production() -> None:
    """Its parent lives on without a server, so the task looks alive."""
    with pytest.raises(ArgumentError, match=r"command: is for development: .* got '--reload'"):
        FastAPIApp(command=["uvicorn", "main:app", "--reload"])
