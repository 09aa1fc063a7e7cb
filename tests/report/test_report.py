"""`pulumi-fastapi report`: the numbers are those of preview and cost, and the page gives nothing away."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pulumi_fastapi import checks, preview, project
from pulumi_fastapi.cli import app
from pulumi_fastapi.report.architecture import boxes, links
from typer.testing import CliRunner

STACKS = Path(__file__).parents[2]
VOID = {"meta", "img"}
PLAIN = "import pulumi_aws as aws\naws.cloudwatch.LogGroup('logs', retention_in_days=30)\n"
OPEN = """
import pulumi_aws as aws
everyone = {"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}
aws.ec2.SecurityGroup("open", ingress=[everyone])
"""


class Page(HTMLParser):
    """The page's text and drawings; fails on a tag that is not closed, or closed twice."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def drawings(self) -> list[ElementTree.Element]:
        return [ElementTree.fromstring(each) for each in re.findall(r"<svg.*?</svg>", self.source, re.S)]  # noqa: S314

    def drawing(self, label: str) -> ElementTree.Element:
        return next(each for each in self.drawings() if label in each.attrib["aria-label"])


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_STACK", "AWS_REGION", "AWS_DEFAULT_REGION", "PULUMI_FASTAPI_PRICES"):
        monkeypatch.delenv(name, raising=False)


def a_project(folder: Path, program: str, config: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(config)
    (folder / "__main__.py").write_text(program)
    return folder


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def report(folder: Path, program: str, config: str = "") -> Page:
    code, _, err = run("report", "-C", a_project(folder, program, config), "-o", folder / "page.html")
    assert code in (0, 1), err
    return Page((folder / "page.html").read_text())


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Page:
    file = tmp_path_factory.mktemp("prod") / "page.html"
    code, out, err = run("report", "-C", STACKS, "--stack", "prod", "--rps", "20", "-o", file)
    assert (code, err) == (0, "")
    assert out.startswith(f"{file}: 0 errors")
    return Page(file.read_text())


@pytest.fixture(scope="module")
def previewed() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run("preview", "-C", STACKS, "--stack", "prod", "--json")[1])
    return loaded


# Content


def test_the_bill_is_that_of_cost(prod: Page) -> None:
    bill = json.loads(run("cost", "-C", STACKS, "--stack", "prod", "--rps", "20", "--format", "json")[1])
    total = bill["monthly"]
    assert f"${float(total['expected']):.2f} a month" in prod.text
    assert " ".join(f"{float(bill[each]):.2f}" for each in ("baseline", "usage")) in prod.text
    assert "..".join(f"{float(total[each]):.2f}" for each in ("low", "expected", "high")) in prod.text
    assert len(bill["parts"]) == 5
    drawn = [each.text for each in prod.drawing("Expected cost").iter("text")]
    assert drawn == [
        word for part, cost in bill["parts"].items() for word in (part, f"${float(cost['expected']):,.2f}")
    ]


def test_bars_of_the_bill_are_as_long_as_their_amounts(prod: Page) -> None:
    bill = json.loads(run("cost", "-C", STACKS, "--stack", "prod", "--rps", "20", "--format", "json")[1])
    expected = [float(cost["expected"]) for cost in bill["parts"].values()]
    most = max(float(cost["high"]) for cost in bill["parts"].values())
    widths = [float(each.attrib["width"]) for each in prod.drawing("Expected cost").iter("rect")]
    assert widths == pytest.approx([340 * each / most for each in expected], abs=0.01)


def test_connections_are_a_bar_of_max_connections(prod: Page, previewed: dict[str, Any]) -> None:
    budget = previewed["services"][0]["connectionBudget"]
    rects = [each for each in prod.drawing("connections used").iter("rect") if each.attrib["height"] == "18"]
    shares = [budget["used"], budget["available"] - budget["used"], budget["reserved"]]
    assert sum(shares) == budget["maxConnections"]
    widths = [float(each.attrib["width"]) + 1 for each in rects]
    assert widths == pytest.approx([340 * each / budget["maxConnections"] for each in shares], abs=0.01)


def test_timeouts_and_deploy_times_are_those_of_preview(prod: Page, previewed: dict[str, Any]) -> None:
    service = previewed["services"][0]
    shown = "".join(prod.drawing("Timeouts").itertext())
    for key, label in (("request", "request"), ("drain", "drain"), ("stop", "stop"), ("keepAlive", "keep-alive")):
        assert f"{label}{service['timeouts'][key]} s" in shown
    terms = "|".join(each.text or "" for each in prod.drawing("seconds at worst").iter("text"))
    for phase, seconds in service["deploymentSeconds"].items():
        assert (f"{seconds} s {phase}" in terms) is (phase != "total")
    assert f"over after {service['deploymentSeconds']['total']} s" in prod.text


def test_every_finding_is_shown_with_its_fix(prod: Page, previewed: dict[str, Any]) -> None:
    assert previewed["findings"]
    for finding in previewed["findings"]:
        for key in ("rule", "message", "fix", "name"):
            assert " ".join(finding[key].split()) in prod.text


def test_the_picture_has_what_the_plan_has(prod: Page) -> None:
    words = [each.text for each in prod.drawing("Architecture").iter("text")]
    for word in ("callers", "Entry", "App", "Database", "Secrets", "Registry", "Logs", "Network", "Alarms"):
        assert words.count(word) == 1
    assert {"2 to 6 tasks", "each 1024 CPU units, 2048 MiB", "db, in two zones", "db.t4g.medium"} <= set(words)


@pytest.fixture(scope="module", params=["lambda", "cloudrun"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    """The page of a stack of another component."""
    file = tmp_path_factory.mktemp(request.param) / "page.html"
    code, _, err = run("report", "-C", STACKS, "--stack", request.param, "--rps", "20", "-o", file)
    assert code == 0, err
    return request.param, Page(file.read_text())


IN_THE_PICTURE = {
    "lambda": ("callers", "Entry", "App", "each 1024 MiB", "Registry", "Logs", "Alarms"),
    "cloudrun": ("callers", "App", "each 1 vCPU, 512Mi", "0 to 1 instances", "POSTGRES_18", "db-f1-micro", "Secrets"),
}
RUNGS = {
    "lambda": ["request", "function", "entry", "client", "startup"],
    "cloudrun": ["answer", "request", "stop", "keep-alive", "startup"],
}


def test_the_picture_of_another_component_has_what_its_plan_has(other: tuple[str, Page]) -> None:
    stack, page = other
    words = " ".join(page.drawing("Architecture").itertext())

    assert [word for word in IN_THE_PICTURE[stack] if word not in words] == []
    assert ("Entry" in words) is (stack == "lambda")


def test_timeouts_of_another_component_are_those_of_preview(other: tuple[str, Page]) -> None:
    stack, page = other
    (service,) = json.loads(run("preview", "-C", STACKS, "--stack", stack, "--json")[1])["services"]
    (words,) = (re.findall(r"start within (\d+) s", page.text),)
    texts = [text for text in page.drawing("Timeouts").itertext() if text.strip()][1:]

    assert texts[::2] == RUNGS[stack]
    assert texts[-1] == f"{words[0]} s"
    assert f"{service['timeouts']['request']} s" in texts


def test_links_are_the_plans_dependencies() -> None:
    found = project.find(STACKS)
    plan = preview.run(found, "prod")
    assert checks.run(plan)
    joined = links(plan)
    for pair in (("compute", "entry"), ("compute", "database"), ("compute", "registry"), ("alarms", "compute")):
        assert pair in joined
    assert ("database", "compute") not in joined
    assert ("registry", "database") not in joined


def test_nothing_is_drawn_that_the_stack_lacks(tmp_path: Path) -> None:
    page = report(tmp_path, PLAIN)
    words = [each.text for each in page.drawing("Architecture").iter("text")]
    assert words == ["Logs", "logs"]
    assert "Timeouts" not in page.text
    assert "connections" not in page.text


def test_a_stack_without_known_roles_has_no_picture(tmp_path: Path) -> None:
    page = report(tmp_path, "import pulumi_aws as aws\naws.sns.Topic('news')\n")
    assert "Architecture" not in page.text
    assert "Nothing is wrong" in page.text


def test_alike_resources_are_counted(tmp_path: Path) -> None:
    program = "import pulumi_aws as aws\nfor n in range(7): aws.ecr.Repository(f'r{n}')\n"
    page = report(tmp_path, program)
    assert "7 × Repository" in page.text


def test_a_box_costs_what_its_resources_cost() -> None:
    from pulumi_fastapi.cost import estimate

    plan = preview.run(project.find(STACKS), "prod")
    bill = estimate(plan)
    database = plan.find("aws:rds/instance:Instance")
    own = sum(line.cost.expected for line in bill.lines if line.resource.urn == database.urn)
    assert own > 0
    assert boxes(plan, bill)["database"].cost == f"${own:,.2f}"


# Safe and self-contained


def test_the_page_loads_nothing_and_runs_nothing(prod: Page) -> None:
    assert not {tag for tag, _ in prod.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "use"}
    for tag, attributes in prod.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} {name}"
            assert name not in {"src", "href", "srcset", "action", "style"}, f"{tag} {name}={value}"
    style = re.search(r"<style>(.*?)</style>", prod.source, re.S)
    assert style
    assert "@import" not in style[1]
    assert "url(" not in style[1]
    assert not re.search(r"https?://", style[1])


def test_drawings_are_well_formed_and_named(prod: Page) -> None:
    assert len(prod.drawings()) == 5
    for each in prod.drawings():
        assert each.find("title") is not None
        assert each.attrib["viewBox"].startswith("0 0 340 ")


def test_texts_of_the_program_are_escaped(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>&\\\"'"
    program = f"""
import pulumi_aws as aws
aws.cloudwatch.LogGroup("{name}")
aws.ecr.Repository("{name}")
aws.rds.Instance("db", engine="<script>alert(2)</script>", instance_class="</text>db", username="u", password="p")
"""
    page = report(tmp_path, program)
    assert not {tag for tag, _ in page.tags} & {"img", "script"}
    assert "</text>db" in page.text
    assert page.drawing("Architecture") is not None
    assert "<img src=x onerror=alert(1)>&" in page.text


def test_secrets_are_not_in_the_page(tmp_path: Path) -> None:
    program = """
import pulumi, pulumi_aws as aws
secret = pulumi.Output.secret("hunter2-hunter2")
aws.rds.Instance("db", engine="postgres", engine_version=secret, instance_class="db.t4g.micro", allocated_storage=20,
                 username="u", password=secret)
aws.ssm.Parameter("key", type="SecureString", value=secret)
secret.apply(lambda text: pulumi.log.info(f"the key is {text}"))
pulumi.export("key", secret)
"""
    page = report(tmp_path, program)
    assert "db.t4g.micro" in page.text
    assert "hunter2" not in page.source


# Errors and exit codes


@pytest.mark.parametrize(
    ("program", "code"), [(PLAIN, 0), (OPEN, 1), ("raise ValueError('no')", 2)], ids=["good", "error", "fails"]
)
def test_exit_code_is_that_of_preview(tmp_path: Path, program: str, code: int) -> None:
    folder = a_project(tmp_path, program)
    assert run("report", "-C", folder, "-o", tmp_path / "page.html")[0] == code
    assert run("preview", "-C", folder)[0] == code
    assert (tmp_path / "page.html").exists() is (code != 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "prd"], "error: no stack 'prd'"),
        (["--answers", "none.yaml"], "error: none.yaml cannot be read"),
        (["--rps", "-1"], "error: --rps: "),
        (["--rps", "many"], "error: --rps: "),
        (["--output", "nowhere/page.html"], "error: --output: nowhere/page.html cannot be written: No such file"),
    ],
)
def test_bad_arguments_are_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(a_project(tmp_path, PLAIN))
    code, out, err = run("report", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("**/*.html"))


def test_the_programs_error_is_the_one_of_preview(tmp_path: Path) -> None:
    folder = a_project(tmp_path, "x = 1\nint('many')\n")
    assert run("report", "-C", folder)[1:] == run("preview", "-C", folder)[1:]
    assert "(__main__.py:2)" in run("report", "-C", folder)[2]


def test_the_file_is_report_html_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(a_project(tmp_path, PLAIN))
    assert run("report")[:2] == (0, "report.html: 0 errors, 0 warnings, 0 notes\n")
    assert (tmp_path / "report.html").is_file()


def test_an_empty_stack_has_a_page(tmp_path: Path) -> None:
    page = report(tmp_path, "")
    assert "shop/dev $0.00 a month" in page.text
    assert "0 resources in 0 components" in page.text
    assert page.drawings() == []
