"""The page in Chromium: it fits a phone and a desktop, in light and dark, and asks for nothing."""

import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pulumi_fastapi.cli import app
from typer.testing import CliRunner
from websockets.sync.client import ClientConnection, connect

STACKS = Path(__file__).parents[2]
PHONE, DESKTOP = 360, 1280
LONG = """
import pulumi_aws as aws
name = "management-of-commercial-memberships-and-their-monthly-summaries"
aws.ecr.Repository(name)
aws.secretsmanager.Secret(name)
aws.cloudwatch.LogGroup(name + "x" * 80)
aws.lb.LoadBalancer(name, subnets=["subnet-1", "subnet-2"], internal=True)
"""


class Tab:
    """A tab of a browser, spoken to by its debugging protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=30))
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def show(self, file: Path, width: int, scheme: str) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width == PHONE
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=file.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self._socket.recv(timeout=30)))
        self.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    def of(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] in methods]

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Chromium listens."""
    command = shutil.which("chromium") or shutil.which("google-chrome")
    assert command, "Chromium is not installed: apt-get install chromium"
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"]
    home = tmp_path_factory.mktemp("chromium")
    with subprocess.Popen(
        [command, *arguments, f"--user-data-dir={home}", "about:blank"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if match := re.search(r"ws://([^/]+)/", line):
                yield f"http://{match[1]}"
                break
        else:
            pytest.fail(f"Chromium did not start: {''.join(said)}")
        process.terminate()


@contextlib.contextmanager
def tab(browser: str) -> Iterator[Tab]:
    target = httpx.put(f"{browser}/json/new?about:blank").json()
    with connect(target["webSocketDebuggerUrl"], max_size=None) as socket:
        yield Tab(socket)


@pytest.fixture(scope="module", params=["prod", "dev", "long"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    project = STACKS
    if request.param == "long":
        project = folder
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "Pulumi.long.yaml").write_text("")
        (folder / "__main__.py").write_text(LONG)
    file = folder / f"{request.param}.html"
    arguments = ["report", "-C", str(project), "-s", request.param, "--rps", "20", "-o", str(file)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_fits_and_is_quiet(browser: str, page: Path, width: int, scheme: str) -> None:
    with tab(browser) as shown:
        shown.show(page, width, scheme)
        (page.parent / f"{page.stem}-{width}-{scheme}.png").write_bytes(shown.picture())
        assert shown.evaluate("innerWidth") == width
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.of("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
        requests = {event["request"]["url"] for event in shown.of("Network.requestWillBeSent")}
        assert requests == {page.as_uri()}


def test_the_scheme_changes_the_paper(browser: str, page: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        with tab(browser) as shown:
            shown.show(page, PHONE, scheme)
            colours[scheme] = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_texts_stay_inside_their_drawing_and_can_be_read(browser: str, page: Path, width: int) -> None:
    with tab(browser) as shown:
        shown.show(page, width, "light")
        outside = shown.evaluate(
            """[...document.querySelectorAll('svg text')].filter(each => {
                 const text = each.getBoundingClientRect(), all = each.closest('svg').getBoundingClientRect();
                 return text.left < all.left - 1 || text.right > all.right + 1 || text.bottom > all.bottom + 1;
               }).map(each => each.textContent)"""
        )
        assert outside == []
        assert shown.evaluate("Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBBox().width))") > 0
        size = "document.querySelector('svg').getBoundingClientRect().width / 340 * 11.5"
        assert shown.evaluate(size) >= 10


def test_texts_of_a_box_stay_inside_it(browser: str, page: Path) -> None:
    with tab(browser) as shown:
        shown.show(page, PHONE, "light")
        outside = shown.evaluate(
            """[...document.querySelectorAll('svg .box')].flatMap(box => {
                 const edge = box.getBoundingClientRect(), out = [];
                 for (let each = box.nextElementSibling; each && each.tagName == 'text'; each = each.nextElementSibling)
                   if (each.getBoundingClientRect().right > edge.right) out.push(each.textContent);
                 return out;
               })"""
        )
        assert outside == []
