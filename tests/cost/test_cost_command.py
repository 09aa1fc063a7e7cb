"""`pulumi-fastapi cost`: sources, formats, budgets and exit codes."""

import datetime
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cost_programs import balancer, cloud_run, database, nat, resource, service
from pulumi_fastapi.cli import app
from pulumi_fastapi.cost import Resource, estimate
from pulumi_fastapi.cost.prices import Price
from pulumi_fastapi.cost.render import MARKER, Report, as_data, html, markdown, money, signed, summary
from typer.testing import CliRunner

PROGRAM = """
import pulumi_aws as aws
aws.cloudwatch.Dashboard("one", dashboard_name="one", dashboard_body="{}")
aws.secretsmanager.Secret("two")
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_STACK", "AWS_REGION", "AWS_DEFAULT_REGION", "PULUMI_FASTAPI_PRICES"):
        monkeypatch.delenv(name, raising=False)


def state(folder: Path, *resources: Any, name: str = "state.json") -> Path:
    """A file as `pulumi stack export` writes it."""
    flat = [each for group in resources for each in ([group] if isinstance(group, Resource) else group)]
    file = folder / name
    states = [
        {
            "urn": each.urn,
            "type": each.type,
            "custom": True,
            "inputs": {"region": each.region, **each.inputs},
            "propertyDependencies": each.links,
        }
        for each in flat
    ]
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": states}}, default=str))
    return file


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["cost", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def a_project(folder: Path, program: str = PROGRAM) -> Path:
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    (folder / "__main__.py").write_text(program)
    return folder


# Sources


def test_project_is_planned_and_priced(tmp_path):
    code, out, _ = run("--dir", a_project(tmp_path))

    assert code == 0
    assert out.splitlines()[0] == "shop/dev: $3.40 a month (3.40 to 3.40)"


def test_region_of_the_stack_decides_the_prices(tmp_path):
    program = "import pulumi_aws as aws\naws.ec2.NatGateway('n', subnet_id='s', allocation_id='a')\n"
    _, out, _ = run("--dir", a_project(tmp_path, program), "--format", "json")

    assert {line["region"] for line in json.loads(out)["lines"]} == {"eu-west-1"}
    assert Decimal(json.loads(out)["monthly"]["expected"]) == Decimal("35.04")


def test_google_region_of_the_stack_decides_too(tmp_path):
    program = "import pulumi\npulumi.CustomResource('gcp:secretmanager/secretVersion:SecretVersion', 'v', {})\n"
    folder = a_project(tmp_path, program)
    (folder / "Pulumi.dev.yaml").write_text("config:\n  gcp:region: europe-west1\n")

    _, out, _ = run("--dir", folder, "--format", "json")

    assert {line["region"] for line in json.loads(out)["lines"]} == {"europe-west1"}


def test_state_is_priced_without_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, out, _ = run("--state", state(tmp_path, balancer()))

    assert (code, out.splitlines()[0]) == (0, "state.json: $23.73 a month (23.73 to 23.73)")


def test_rows_add_up_to_the_total_of_a_service_that_is_idle_at_times(tmp_path):
    """Idle minimum instances cost nothing in the high bound, when all are busy, and are shown all the same."""
    file = state(tmp_path, cloud_run(minimum=1))

    _, out, _ = run("--state", file, "--rps", "10", "--format", "json")
    _, table, _ = run("--state", file, "--rps", "10")

    rows = [line for line in table.splitlines() if line.startswith("  run")]
    shown = sum(Decimal(re.findall(r"\d[\d,]*\.\d\d", row.rpartition("..")[0])[-1]) for row in rows)
    assert any("idle minimum" in row for row in rows)
    assert abs(shown - Decimal(json.loads(out)["monthly"]["expected"])) < Decimal("0.05")


def test_region_option_is_for_resources_that_name_none(tmp_path):
    file = state(tmp_path, balancer(region=""))
    document = json.loads(file.read_text())
    del document["deployment"]["resources"][0]["inputs"]["region"]
    file.write_text(json.dumps(document))

    _, unknown, _ = run("--state", file)
    _, known, _ = run("--state", file, "--region", "eu-central-1")

    assert "its region is not known; say --region" in unknown
    assert "$27.01 a month" in known


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--state", "{state}", "--stack", "dev"], "--stack and --state exclude each other"),
        (["--state", "{state}", "--preview-json", "{state}"], "--preview-json and --state exclude each other"),
        (["--preview-json", "{state}"], "must be the output of `pulumi preview --json`"),
        (
            ["--state", "{state}", "--region", "eu-wset-1"],
            "--region 'eu-wset-1': no prices there, did you mean 'eu-west-1'?",
        ),
        (["--state", "nowhere.json"], "nowhere.json cannot be read"),
        (["--state", "{state}", "--diff", "nowhere.json"], "nowhere.json cannot be read"),
        (["--state", "{state}", "--rps", "-1"], "traffic: requests_per_second: .*, got '-1'"),
        (["--state", "{state}", "--rps", "many"], "traffic: requests_per_second: .*, got 'many'"),
        (["--state", "{state}", "--latency-ms", "0"], "traffic: latency_ms: "),
        (["--state", "{state}", "--budget", "lots"], "--budget: must be an amount such as 150, got 'lots'"),
        (["--state", "{state}", "--budget", "nan"], "--budget: must be an amount"),
        (["--state", "{state}", "--max-increase", "20%"], "--max-increase needs --diff"),
        (["--state", "{state}", "--diff", "{state}", "--max-increase", "%"], "--max-increase: must be an amount"),
        (["--dir", "/nowhere"], "is not a directory"),
    ],
)
def test_wrong_argument_is_one_clear_line(tmp_path, arguments, problem):
    file = state(tmp_path, balancer())

    code, out, err = run(*[each.format(state=file) for each in arguments])

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert re.search(problem, err), err


def test_tables_that_are_wrong_are_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PULUMI_FASTAPI_PRICES", str(tmp_path / "nowhere"))

    code, _, err = run("--state", state(tmp_path, balancer()))

    assert code == 2
    assert err.startswith(f"error: {tmp_path}/nowhere/sources.json cannot be read")


def test_program_that_fails_is_one_clear_line(tmp_path):
    code, _, err = run("--dir", a_project(tmp_path, "raise ValueError('no subnet')"))

    assert code == 2
    assert err == "error: ValueError: no subnet (__main__.py:1)\n"


# Budgets


@pytest.mark.parametrize(("budget", "code"), [("23.73", 0), ("23.72", 1), ("0", 1), ("1000", 0)])
def test_budget(tmp_path, budget, code):
    file = state(tmp_path, balancer())
    # 23.725, shown as 23.73.
    got, out, _ = run("--state", file, "--budget", budget)

    assert got == code
    assert (f"Over budget: $23.73 of ${money(Decimal(budget))} a month." in out) is (code == 1)


@pytest.mark.parametrize(("increase", "code"), [("36.50", 0), ("36.49", 1), ("154%", 0), ("153%", 1)])
def test_increase_in_dollars_or_percent(tmp_path, increase, code):
    base = state(tmp_path, balancer(), name="base.json")
    now = state(tmp_path, balancer(), nat())

    assert run("--state", now, "--diff", base, "--max-increase", increase)[0] == code


def test_saving_is_never_over_the_increase(tmp_path):
    base = state(tmp_path, balancer(), nat(), name="base.json")

    assert run("--state", state(tmp_path, balancer()), "--diff", base, "--max-increase", "0")[0] == 0


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 3)])
def test_strict_fails_on_a_price_that_is_not_known(tmp_path, strict, code):
    file = state(tmp_path, resource("aws:rds/proxy:Proxy", region="eu-central-1"))

    got, out, _ = run("--state", file, *strict)

    assert got == code
    assert "price not found" in out
    assert "at least $0.00 a month" in out


def test_over_budget_goes_before_strict(tmp_path):
    file = state(tmp_path, balancer(), resource("aws:gamelift/fleet:Fleet"))

    assert run("--state", file, "--strict", "--budget", "1")[0] == 1


# Traffic


def test_traffic_moves_everything_together(tmp_path):
    file = state(tmp_path, balancer(), service(), nat(), cloud_run(), resource("aws:lambda/function:Function"))

    _, out, _ = run("--state", file, "--rps", "10", "--format", "json")

    moved = {
        line["item"]
        for line in json.loads(out)["lines"]
        if Decimal(line["monthly"]["expected"]) and line["kind"] == "usage"
    }
    assert moved >= {
        "ALB capacity units",
        "data to the internet",
        "NAT gateway data",
        "logs written",
        "logs kept",
        "Lambda requests",
        "Lambda duration, x86",
        "vCPU, while answering",
        "requests",
    }


def test_options_go_over_the_usage_file(tmp_path):
    usage = tmp_path / "usage.yaml"
    usage.write_text("traffic: {requests_per_second: 1, latency_ms: 250}\n")

    _, out, _ = run("--state", state(tmp_path, balancer()), "--usage", usage, "--rps", "7", "--format", "json")

    assert json.loads(out)["traffic"] | {"requests_per_second": "7", "latency_ms": "250"} == json.loads(out)["traffic"]


def test_usage_by_type_and_by_name(tmp_path):
    usage = tmp_path / "usage.yaml"
    usage.write_text(
        "defaults: {'aws:s3/bucket:Bucket': {storage_gb: 100}}\nresources: {'big-*': {storage_gb: 1000}}\n"
    )
    file = state(tmp_path, *(resource("aws:s3/bucket:Bucket", name) for name in ("small", "big-one")))

    _, out, _ = run("--state", file, "--usage", usage, "--format", "json")

    costs = {line["name"]: Decimal(line["monthly"]["expected"]) for line in json.loads(out)["lines"]}
    assert costs == {"small": Decimal("2.3"), "big-one": Decimal(23)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("trafic: {}", "unknown key 'trafic', did you mean 'traffic'?"),
        (
            "traffic: {requests_per_secnd: 1}",
            "unknown key 'traffic.requests_per_secnd', did you mean 'requests_per_second'?",
        ),
        ("resources: {'*': {storage: 1}}", "unknown key 'resources.*.storage', did you mean 'storage_gb'?"),
        ("defaults: {'aws:s3/bucket:Bucket': {storge_gb: 1}}", "did you mean 'storage_gb'?"),
        ("traffic: {requests_per_second: fast}", "traffic.requests_per_second: "),
        ("traffic: {requests_per_second: .inf}", "traffic.requests_per_second: "),
        ("resources: {'*': {storage_gb: -1}}", "resources.*.storage_gb: "),
        ("[1]", "the file: "),
        ("a: [", "cannot be read"),
    ],
)
def test_wrong_usage_file_is_one_clear_line(tmp_path, text, problem):
    usage = tmp_path / "usage.yaml"
    usage.write_text(text)

    code, _, err = run("--state", state(tmp_path, balancer()), "--usage", usage)

    assert code == 2
    assert err.count("\n") == 1
    assert problem in err


# Formats


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


NASTY = "<b>|`x`*_[a](http://b)@c</b>"


def a_report(**changes: Any) -> Report:
    flat = [balancer(), *nat(2), *service(scaling=(2, 6)), resource("aws:gamelift/fleet:Fleet", NASTY)]
    flat.append(resource("aws:secretsmanager/secret:Secret", NASTY))
    return Report(**{"title": "shop/prod", "estimate": estimate(flat)} | changes)


def test_table_has_parts_rows_and_a_total(tmp_path):
    _, out, _ = run("--state", state(tmp_path, balancer(), nat(2), service(scaling=(2, 6)), database()), "--rps", "10")

    lines = out.splitlines()
    assert lines[1].split() == [
        "resource",
        "item",
        "quantity",
        "unit",
        "price",
        "baseline",
        "usage",
        "low..expected..high",
    ]
    assert [line for line in lines if line.startswith("network")]
    total = next(line for line in lines if line.startswith("total"))
    baseline, usage, spread = total.split()[-3:]
    # Each is rounded for itself.
    assert abs(Decimal(baseline) + Decimal(usage) - Decimal(spread.split("..")[1])) <= Decimal("0.01")


def test_table_shows_the_three_largest_savings(tmp_path):
    _, out, _ = run("--state", state(tmp_path, balancer(), nat(2), service(count=3), database(multiAz=True)))

    heading = out.splitlines().index("Largest savings")
    assert [line.rpartition(": ")[2] for line in out.splitlines()[heading + 1 : heading + 4]] == [
        "-$62.05",
        "-$18.02",
        "-$13.98",
    ]


def test_many_alike_resources_are_one_row(tmp_path):
    alarms = [resource("aws:cloudwatch/metricAlarm:MetricAlarm", f"a{each}", period=60) for each in range(9)]

    _, out, _ = run("--state", state(tmp_path, alarms))

    assert "9 cloudwatch.MetricAlarm" in out
    assert out.count("alarm, standard resolution") == 1


def test_table_in_a_pipe_has_no_colours(tmp_path):
    command = [Path(sys.executable).with_name("pulumi-fastapi"), "cost", "--state", state(tmp_path, balancer())]

    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_table_on_a_terminal_honours_no_color(tmp_path, no_color, coloured):
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"} | (
        {"NO_COLOR": no_color} if no_color else {}
    )
    environment = {key: value for key, value in environment.items() if key != "NO_COLOR" or no_color}
    command = [Path(sys.executable).with_name("pulumi-fastapi"), "cost", "--state", state(tmp_path, balancer())]
    subprocess.run(command, stdout=follower, env=environment, check=True)
    os.close(follower)
    shown = b""
    try:
        while block := os.read(leader, 65536):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(leader)

    assert b"ALB hours" in shown
    assert (b"\x1b[32m" in shown or b"\x1b[1;32m" in shown) is coloured


def test_json_has_every_line_with_its_source(tmp_path):
    _, out, _ = run("--state", state(tmp_path, balancer(), nat()), "--format", "json")

    data = json.loads(out)
    assert data["schema_version"] == 1
    assert sum(Decimal(line["monthly"]["expected"]) for line in data["lines"]) == Decimal(data["monthly"]["expected"])
    assert sum(Decimal(part["high"]) for part in data["parts"].values()) == Decimal(data["monthly"]["high"])
    hours = next(line for line in data["lines"] if line["item"] == "ALB hours")
    assert hours | {"price": "0.0225", "unit": "hour", "price_confidence": "high", "kind": "baseline"} == hours
    assert hours["price_date"]
    assert hours["price_source"]


def test_json_of_a_comparison(tmp_path):
    base = state(tmp_path, balancer(), name="base.json")

    _, out, _ = run("--state", state(tmp_path, balancer(), nat()), "--diff", base, "--format", "json")

    difference = json.loads(out)["diff"]
    assert difference["monthly"] == "36.5"
    assert [(each["kind"], each["new"]) for each in difference["changes"]] == [("+", "32.85"), ("+", "3.65")]


def test_comment_has_headline_marker_and_folded_details():
    text = markdown(a_report())

    assert text.startswith(MARKER)
    assert text.splitlines()[1] == "### Monthly cost: at least $115.15 a month (115.15 to 151.19)"
    assert text.index("| **total (at least)**") < text.index("<details>") < text.index("NAT gateway hours")


def test_comment_on_a_change_leads_with_the_change():
    base = estimate([balancer()])
    text = markdown(a_report(estimate=estimate([balancer(), *nat()]), base=base, verdicts=("Over budget: x.",)))

    assert text.splitlines()[1] == "### Monthly cost: +$36.50 a month, $23.73 -> $60.23"
    assert "**Over budget: x.**" in text
    assert "| + | ec2.NatGateway nat-0 | 0.00 | 32.85 | +$32.85 |" in text


def test_comment_says_when_nothing_changes():
    base = estimate([balancer()])

    assert "Nothing that costs changes." in markdown(a_report(estimate=base, base=base))


def test_names_cannot_write_markdown():
    text = markdown(a_report())

    assert NASTY not in text
    assert "&lt;b&gt;\\|\\`x\\`\\*\\_\\[a\\](http://b)\\@c&lt;/b&gt;" in text


def test_page_is_whole_and_asks_for_nothing():
    base = estimate([balancer()])
    text = html(a_report(base=base))

    page = Page(text)
    assert page.addresses == []
    assert not page.tags.keys() & {"script", "link", "img", "b"}
    assert page.tags["table"] == 2
    assert any(NASTY in each for each in page.text)


def test_summary_is_short_and_says_what_matters():
    lines = summary(a_report()).splitlines()

    assert lines[0] == "at least $115.15 a month (115.15 to 151.19)"
    assert len(lines) < 14
    assert any("could save $65.70: 2 NAT gateways" in line for line in lines)


@pytest.mark.parametrize("show", [markdown, html, lambda report: json.dumps(as_data(report)), summary])
def test_every_format_mentions_old_prices(show):
    later = datetime.date.today() + datetime.timedelta(days=2000)

    assert "prices are older than 90 days" in show(a_report(today=later))


@pytest.mark.parametrize("show", [markdown, html, lambda report: json.dumps(as_data(report)), summary])
def test_every_format_warns_of_what_is_assumed(show):
    assert "api: 2 to 6 tasks, expected 2: what one task serves is not given." in show(a_report())


def test_warnings_of_many_resources_are_one():
    flat = [each for index in range(9) for each in service(f"s{index}", scaling=(1, 2))]

    notes = Report(title="x", estimate=estimate(flat)).notes()

    assert notes[-1] == "s0, s1, s2 and 6 more: 1 to 2 tasks, expected 1: what one task serves is not given."


def test_table_mentions_old_prices(tmp_path, monkeypatch):
    monkeypatch.setattr(Price, "is_old", lambda *_: True)

    _, out, _ = run("--state", state(tmp_path, balancer()))

    assert "2 of 2 prices are older than 90 days" in out


@pytest.mark.parametrize(
    ("amount", "text"), [("16.425", "16.43"), ("-0.001", "0.00"), ("1234567.005", "1,234,567.01"), ("0.004", "0.00")]
)
def test_money_rounds_halves_up(amount, text):
    assert money(Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("1.5", "+$1.50"), ("-1.5", "-$1.50"), ("0", "+$0.00")])
def test_change_has_its_sign(amount, text):
    assert signed(Decimal(amount)) == text


def test_help_says_the_exit_codes():
    _, out, _ = run("--help")

    assert "Exit codes: 0 within budget" in " ".join(out.split())


# Size


class Counting(list[Any]):
    """A list that counts how often it is walked through."""

    walks = 0

    def __iter__(self) -> Any:
        Counting.walks += 1
        return super().__iter__()


def test_a_stack_of_2000_resources_takes_few_walks():
    """The time is in docs/benchmarks.md; here: no walk of all resources for each resource."""
    stack = Counting(
        each
        for index in range(250)
        for each in (
            *service(f"s{index}", scaling=(1, 4)),
            balancer(f"lb{index}"),
            resource("aws:cloudwatch/logGroup:LogGroup", f"l{index}"),
            resource("aws:cloudwatch/metricAlarm:MetricAlarm", f"a{index}", period=60),
            resource("aws:ec2/securityGroup:SecurityGroup", f"g{index}"),
            resource("aws:secretsmanager/secret:Secret", f"x{index}"),
        )
    )
    assert len(stack) == 2000
    Counting.walks = 0

    estimated = estimate(stack)

    assert estimated.total.expected > 8_000
    assert Counting.walks < 100
