import pytest
from fastapi_runtime.settings import Settings, SettingsError


def test_the_defaults_are_those_of_a_container_started_by_hand() -> None:
    assert Settings.from_environment({}) == Settings(
        module="app.main:app",
        port=8000,
        workers=1,
        keep_alive=75,
        drain=5,
        graceful=35,
        startup=60,
        liveness_path="/-/healthy",
        readiness_path="/-/ready",
        database_host=None,
        database_port=5432,
    )


def test_every_setting_comes_from_its_variable() -> None:
    settings = Settings.from_environment(
        {
            "APP_MODULE": "shop:make()",
            "PORT": "9000",
            "WEB_CONCURRENCY": "4",
            "KEEP_ALIVE_SECONDS": "615",
            "DRAIN_SECONDS": "0",
            "GRACEFUL_SECONDS": "110",
            "STARTUP_SECONDS": "120",
            "LIVENESS_PATH": "/up",
            "READINESS_PATH": "/set",
            "DATABASE_HOST": "db.internal",
            "DATABASE_PORT": "6432",
        }
    )
    assert settings == Settings(
        module="shop:make()",
        port=9000,
        workers=4,
        keep_alive=615,
        drain=0,
        graceful=110,
        startup=120,
        liveness_path="/up",
        readiness_path="/set",
        database_host="db.internal",
        database_port=6432,
    )


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("PORT", "http", "PORT must be a whole number from 0 to 65535, got 'http'"),
        ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY must be a whole number from 1 to 256, got '0'"),
        ("DRAIN_SECONDS", "-1", "DRAIN_SECONDS must be a whole number from 0 to 3600, got '-1'"),
        ("GRACEFUL_SECONDS", "1.5", "GRACEFUL_SECONDS must be a whole number from 0 to 3600, got '1.5'"),
        ("READINESS_PATH", "ready", "READINESS_PATH must start with /, got 'ready'"),
        ("APP_MODULE", "main", "APP_MODULE must look like package.module:attribute, got 'main'"),
        ("DATABASE_PORT", "", "DATABASE_PORT must be a whole number from 1 to 65535, got ''"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, line: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({variable: value})
    assert str(error.value) == line
