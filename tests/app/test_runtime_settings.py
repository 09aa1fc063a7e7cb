from ipaddress import ip_network
from pathlib import Path

import pytest
from fastapi_runtime.settings import Settings, SettingsError, whole_cpus


def test_the_defaults_are_those_of_a_container_started_by_hand() -> None:
    assert Settings.from_environment({"WEB_CONCURRENCY": "1"}) == Settings(
        module="app.main:app",
        port=8000,
        workers=1,
        keep_alive=75,
        request=75,
        drain=5,
        graceful=35,
        startup=60,
        blocked=30,
        max_requests=0,
        max_body=33554432,
        allowed_hosts=(),
        proxies=(ip_network("127.0.0.1"), ip_network("::1")),
        proxy_hops=1,
        security_headers=True,
        liveness_path="/-/healthy",
        readiness_path="/-/ready",
        readiness_requires=(),
        log_level="INFO",
        log_json=True,
        metrics="off",
        metrics_port=9090,
        service="app",
        on_cloud_run=False,
        google_project=None,
        secrets_refresh=300,
        origin_digests=(),
        version="",
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
            "REQUEST_SECONDS": "0",
            "DRAIN_SECONDS": "0",
            "GRACEFUL_SECONDS": "110",
            "STARTUP_SECONDS": "120",
            "BLOCKED_SECONDS": "0",
            "MAX_REQUESTS": "50000",
            "MAX_BODY_BYTES": "1000",
            "ALLOWED_HOSTS": "Shop.example.com, *.shop.example",
            "FORWARDED_ALLOW_IPS": "10.0.0.0/16,10.1.0.9",
            "FORWARDED_HOPS": "2",
            "SECURITY_HEADERS": "off",
            "LIVENESS_PATH": "/up",
            "READINESS_PATH": "/set",
            "READINESS_REQUIRES": "database,queue",
            "LOG_LEVEL": "warning",
            "LOG_FORMAT": "text",
            "METRICS": "prometheus",
            "METRICS_PORT": "9100",
            "SERVICE_NAME": "shop",
            "GOOGLE_CLOUD_PROJECT": "shop-1234",
            "SECRETS_REFRESH_SECONDS": "60",
            "ORIGIN_SECRET_DIGEST": f"{'a' * 64}, {'0' * 64}",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "DATABASE_HOST": "db.internal",
            "DATABASE_PORT": "6432",
        }
    )
    assert settings == Settings(
        module="shop:make()",
        port=9000,
        workers=4,
        keep_alive=615,
        request=0,
        drain=0,
        graceful=110,
        startup=120,
        blocked=0,
        max_requests=50000,
        max_body=1000,
        allowed_hosts=("shop.example.com", "*.shop.example"),
        proxies=(ip_network("10.0.0.0/16"), ip_network("10.1.0.9")),
        proxy_hops=2,
        security_headers=False,
        liveness_path="/up",
        readiness_path="/set",
        readiness_requires=("database", "queue"),
        log_level="WARNING",
        log_json=False,
        metrics="prometheus",
        metrics_port=9100,
        service="shop",
        on_cloud_run=False,
        google_project="shop-1234",
        secrets_refresh=60,
        origin_digests=("a" * 64, "0" * 64),
        version="7",
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
        (
            "FORWARDED_ALLOW_IPS",
            "10.0.0.0/16,alb",
            "FORWARDED_ALLOW_IPS must hold addresses, networks such as 10.0.0.0/16, or *, got 'alb'",
        ),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, got 'loud'"),
        ("METRICS", "statsd", "METRICS must be prometheus, cloudwatch or off, got 'statsd'"),
        ("DATABASE_PORT", "", "DATABASE_PORT must be a whole number from 1 to 65535, got ''"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, line: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({variable: value})
    assert str(error.value) == line


def test_one_worker_cannot_be_recycled() -> None:
    with pytest.raises(SettingsError, match="MAX_REQUESTS=100 needs WEB_CONCURRENCY of 2 or more"):
        Settings.from_environment({"MAX_REQUESTS": "100", "WEB_CONCURRENCY": "1"})


def test_a_request_may_take_as_long_as_the_load_balancer_waits() -> None:
    assert Settings.from_environment({"KEEP_ALIVE_SECONDS": "615"}).request == 615


def test_on_cloud_run_the_front_end_is_believed_and_a_stopped_clock_is_no_blocked_loop() -> None:
    settings = Settings.from_environment({"K_SERVICE": "shop"})
    assert settings.proxies == (ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert settings.blocked == 0


def test_on_cloud_run_it_stops_before_it_is_killed() -> None:
    settings = Settings.from_environment({"K_SERVICE": "shop"})
    assert settings.drain + settings.graceful == 8  # of 10 seconds, which the app's own shutdown needs, too


@pytest.mark.parametrize("variable", ["ECS_CONTAINER_METADATA_URI_V4", "AWS_LAMBDA_RUNTIME_API"])
def test_on_aws_metrics_go_to_cloudwatch(variable: str) -> None:
    assert Settings.from_environment({variable: "http://169.254.170.2/v4"}).metrics == "cloudwatch"
    assert Settings.from_environment({variable: "http://169.254.170.2/v4", "METRICS": "off"}).metrics == "off"


@pytest.mark.parametrize(
    ("files", "workers"),
    [
        ({}, 8),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "400000 100000"}, 4),
        ({"cpu.max": "390000 100000"}, 3),
        ({"cpu.max": "1600000 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "25000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
    ],
)
def test_each_whole_cpu_that_the_container_may_use_gets_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], workers: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    write(tmp_path, files)
    assert whole_cpus(tmp_path) == workers


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text + "\n")
