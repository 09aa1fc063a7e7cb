"""Refreshing the prices from lists as AWS and Google write them, served on loopback."""

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pulumi_fastapi.cli import app
from pulumi_fastapi.cost import refresh as refreshing
from pulumi_fastapi.cost.prices import DATA, PriceDataError, load
from pulumi_fastapi.cost.refresh import ListError, read_offer, read_skus, refresh
from typer.testing import CliRunner

LISTS = Path(__file__).parent / "price_lists"
REGION = "eu-west-2"


class Lists(ThreadingHTTPServer):
    """Answers with these bodies by path; with 404 elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, bytes] = {}
        self.cut: set[str] = set()
        """Paths whose answers end before they should."""
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def aws(self, offer: str, text: str, region: str = REGION) -> str:
        path = f"/offers/v1.0/aws/{offer}/current/{region}/index.csv"
        self.bodies[path] = text.encode()
        return path


class _Handler(BaseHTTPRequestHandler):
    server: Lists

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("X-Goog-Api-Key"))
        body = self.server.bodies.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write((body or b"")[: -50 if self.path in self.server.cut else None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lists]:
    """A server with all sample lists of AWS."""
    server = Lists()
    for file in LISTS.glob("*.csv"):
        server.aws(file.name.partition(".")[0], file.read_text())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(refreshing, "AWS_URL", server.url)
    monkeypatch.setattr(refreshing, "GOOGLE_URL", server.url)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tables."""
    made = Path(shutil.copytree(DATA, tmp_path / "prices"))
    monkeypatch.setenv("PULUMI_FASTAPI_PRICES", str(made))
    return made


def rows(offer: str) -> str:
    return (LISTS / f"{offer}.{REGION}.csv").read_text()


def run(folder: Path, **options: object) -> refreshing.Refreshed:
    with httpx.Client() as client:
        return refresh(folder, [REGION], client, **options)  # type: ignore[arg-type]


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.rglob("*.json")
    }


# Reading what AWS writes


@pytest.mark.parametrize(
    ("offer", "prices"),
    [
        (
            "AmazonECS",
            {
                "fargate.linux.x86.vcpu": "0.04656",
                "fargate.linux.x86.gb": "0.00511",
                "fargate.linux.arm64.vcpu": "0.03725",
                "fargate.linux.arm64.gb": "0.00409",
                "fargate.ephemeral": "0.000129",
            },
        ),
        ("AWSELB", {"alb.hour": "0.02646", "alb.lcu": "0.0084", "nlb.hour": "0.02646", "nlb.nlcu": "0.006"}),
        (
            "AmazonRDS",
            {
                "rds.pg.db.t4g.micro.single": "0.018",
                "rds.pg.db.t4g.micro.multi": "0.036",
                "rds.gp3.single": "0.133",
                "rds.gp2.multi": "0.266",
            },
        ),
        (
            "AWSLambda",
            {
                "lambda.request": "0.0000002",
                "lambda.gbs.x86": "0.0000166667",
                "lambda.gbs.arm64": "0.0000133334",
                "lambda.pc.x86": "0.0000048304",
            },
        ),
        ("AWSDataTransfer", {"dto.internet": "0.09"}),
        (
            "AmazonElastiCache",
            {"elasticache.redis.cache.t4g.micro": "0.018", "elasticache.valkey.cache.t4g.micro": "0.0144"},
        ),
    ],
)
def test_list_gives_its_prices_and_not_those_of_look_alikes(offer, prices):
    found = read_offer(offer, REGION, rows(offer).splitlines())

    assert {id_: each.tiers[0][1] for id_, each in found.items()} == {
        id_: Decimal(price) for id_, price in prices.items()
    }


def test_steps_of_a_price_are_kept():
    found = read_offer("AWSDataTransfer", REGION, rows("AWSDataTransfer").splitlines())

    assert [str(start) for start, _ in found["dto.internet"].tiers] == ["0", "10240", "51200", "153600"]


def test_rows_of_other_places_than_regions_are_not_taken():
    text = rows("AWSELB").replace("EUW2-Outposts-LCUUsage", "EUW2-LCUUsage")

    assert "AWS Outposts" in text
    assert read_offer("AWSELB", REGION, text.splitlines())["alb.lcu"].tiers == ((Decimal(0), Decimal("0.0084")),)


def test_date_is_the_lists_own():
    assert read_offer("AmazonECS", REGION, rows("AmazonECS").splitlines())["fargate.linux.x86.gb"].date == "2026-08-31"


def test_prices_of_another_region_are_not_taken():
    with pytest.raises(ListError, match="none of the rows"):
        read_offer("AmazonECS", "eu-west-1", rows("AmazonECS").splitlines())


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda text: text.replace('"PricePerUnit"', '"Price"'), "no column priceperunit; its shape has changed"),
        (lambda text: text.replace("Publication Date", "Published"), "does not say when"),
        (lambda text: text[:0] + "<html>busy</html>", "no column"),
        (lambda text: text[:0], "no column"),
        (lambda text: text[:-80], "the list is cut off"),
        (lambda text: text.replace("EUW2-", "LON-"), "none of the rows"),
        (lambda text: text.replace('"hours"', '"days"'), "is now priced per days"),
        (lambda text: text.replace('"0.0465600000"', '"free"'), "'free' is no number"),
        (lambda text: text.replace('"0.0465600000"', '"0.0000000000"'), "has no single price"),
    ],
)
def test_list_of_another_shape_is_refused(edit, problem):
    with pytest.raises(ListError, match=problem):
        read_offer("AmazonECS", REGION, edit(rows("AmazonECS")).splitlines())


# Refreshing


def test_new_price_replaces_the_old_one_with_its_date_and_source(lists, folder):
    lists.aws("AmazonECS", rows("AmazonECS").replace("0.0465600000", "0.0500000000"))

    result = run(folder)

    updates = {each.id: (each.old, each.new) for each in result.updates}
    assert updates["fargate.linux.x86.vcpu"] == (Decimal("0.04656"), Decimal("0.05"))
    table = load(folder)
    price = table.find("aws", REGION, "fargate.linux.x86.vcpu")
    assert (price.price, price.date, price.confidence) == (Decimal("0.05"), "2026-08-31", "high")
    assert table.source(price) == "AWS Price List bulk API"


@pytest.mark.usefixtures("lists")
def test_prices_that_are_as_they_were_count_as_confirmed(folder):
    result = run(folder)

    assert result.confirmed >= 15
    assert all("fargate.linux" not in each.id for each in result.updates)


@pytest.mark.usefixtures("lists")
def test_other_regions_stay_as_they_are(folder):
    before = fingerprint(folder)

    run(folder)

    changed = {name for name, value in fingerprint(folder).items() if before.get(name) != value}
    assert changed == {f"aws/{REGION}.json", "sources.json"}


@pytest.mark.usefixtures("lists")
def test_list_that_is_not_there_keeps_its_old_prices(folder):
    before = load(folder).find("aws", REGION, "nat.hour")

    result = run(folder)

    assert [each.split(":")[0] for each in result.failures] == [
        f"AmazonEC2 {REGION}", f"AmazonVPC {REGION}", f"AmazonCloudWatch {REGION}",
    ]  # fmt: skip
    assert load(folder).find("aws", REGION, "nat.hour") == before


def test_broken_download_keeps_its_old_prices(lists, folder):
    path = lists.aws("AmazonECS", rows("AmazonECS").replace("0.0465600000", "0.0500000000"))
    lists.cut.add(path)

    result = run(folder)

    assert any(each.startswith(f"AmazonECS {REGION}") for each in result.failures)
    assert load(folder).find("aws", REGION, "fargate.linux.x86.vcpu").price == Decimal("0.04656")


def test_nothing_is_written_when_no_list_can_be_read(lists, folder):
    before = fingerprint(folder)
    lists.bodies.clear()

    result = run(folder)

    assert len(result.failures) == len(refreshing.RULES)
    assert fingerprint(folder) == before


def test_server_that_is_gone_keeps_everything(folder, monkeypatch):
    before = fingerprint(folder)
    monkeypatch.setattr(refreshing, "AWS_URL", "http://127.0.0.1:9")

    result = run(folder)

    assert len(result.failures) == len(refreshing.RULES)
    assert fingerprint(folder) == before


@pytest.mark.usefixtures("lists")
def test_nothing_is_left_beside_the_tables(folder):
    run(folder)

    assert sorted(each.name for each in folder.parent.iterdir()) == ["prices"]


# Google


def google(lists: Lists, *, pages: bool = False) -> None:
    run_list = json.loads((LISTS / "skus.cloud-run.json").read_text())
    run_path = "/v1/services/152E-C115-5142/skus"
    if pages:
        first, second = run_list["skus"][:2], run_list["skus"][2:]
        lists.bodies[run_path] = json.dumps({"skus": first, "nextPageToken": "two"}).encode()
        lists.bodies[f"{run_path}?pageToken=two"] = json.dumps({"skus": second}).encode()
    else:
        lists.bodies[run_path] = json.dumps(run_list).encode()
    lists.bodies["/v1/services/9662-B51E-5089/skus"] = (LISTS / "skus.cloud-sql.json").read_bytes()


def test_free_tier_of_google_is_not_taken_for_the_price():
    skus = json.loads((LISTS / "skus.cloud-run.json").read_text())["skus"]
    found = read_skus("152E-C115-5142", skus)

    assert found["us-central1", "run.request.vcpu"].tiers == ((Decimal(0), Decimal("0.000024")),)
    assert found["europe-west3", "run.request.vcpu"].tiers == ((Decimal(0), Decimal("0.0000336")),)
    assert found["global", "run.requests"].tiers == ((Decimal(0), Decimal("0.0000004")),)


@pytest.mark.parametrize("pages", [False, True])
def test_google_prices_are_updated_with_a_key(lists, folder, pages):
    google(lists, pages=pages)

    result = run(folder, google_key="k-1")

    assert "k-1" in lists.keys
    assert not [each for each in result.failures if each.startswith("Google")]
    assert load(folder).find("gcp", "europe-west2", "sql.pg.vcpu.zonal").price == Decimal("0.0535")
    assert load(folder).find("gcp", "us-central1", "run.requests").date == "2026-08-01"


def test_google_is_not_asked_without_a_key(lists, folder):
    run(folder)

    assert set(lists.keys) == {None}


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"not json", b'{"skus": []}', b'{"skus": [{"description": "Requests", "skuId": "X"}]}']
)
def test_google_list_of_another_shape_keeps_its_old_prices(lists, folder, body):
    google(lists)
    lists.bodies["/v1/services/152E-C115-5142/skus"] = body

    result = run(folder, google_key="k-1")

    assert [each for each in result.failures if "152E-C115-5142" in each]
    assert "k-1" not in " ".join(result.failures)
    assert load(folder).find("gcp", "us-central1", "run.requests").date != "2026-08-01"


def test_nothing_is_replaced_by_tables_that_are_not_valid(lists, folder):
    google(lists)
    path = "/v1/services/152E-C115-5142/skus"
    lists.bodies[path] = lists.bodies[path].replace(b"2026-08-01T00:00:00Z", b"some time ago")
    before = fingerprint(folder)

    with pytest.raises(PriceDataError, match=r"run\..*date"):
        run(folder, google_key="k-1")
    assert fingerprint(folder) == before


def test_regions_that_share_a_price_must_agree(lists, folder):
    google(lists)
    document = json.loads((LISTS / "skus.cloud-run.json").read_text())
    other = json.loads(json.dumps(document["skus"][0]))
    other["serviceRegions"] = ["europe-west9"]
    other["pricingInfo"][0]["pricingExpression"]["tieredRates"][1]["unitPrice"]["nanos"] = 25000
    lists.bodies["/v1/services/152E-C115-5142/skus"] = json.dumps({"skus": [*document["skus"], other]}).encode()

    result = run(folder, google_key="k-1")

    assert any("have one price here, and two in the list" in each for each in result.failures)
    assert load(folder).find("gcp", "us-central1", "run.request.vcpu").date != "2026-08-01"


# The command


def command(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["prices", "refresh", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("folder")
def test_command_shows_what_changed_and_what_was_not_read(lists):
    lists.aws("AmazonECS", rows("AmazonECS").replace("0.0465600000", "0.0500000000"))

    code, out, err = command("--region", REGION)

    assert code == 1
    assert f"aws {REGION} fargate.linux.x86.vcpu: 0.04656 -> 0.05" in out
    assert "Google Cloud was not asked: GOOGLE_API_KEY is not set." in out
    assert f"not read, its old prices stay: AmazonEC2 {REGION}" in err


@pytest.mark.usefixtures("folder")
def test_command_refuses_a_region_it_does_not_know():
    code, _, err = command("--region", "eu-west-22")

    assert code == 2
    assert "--region 'eu-west-22': no prices there, did you mean 'eu-west-2'?" in err


def test_command_refuses_tables_that_are_wrong(folder):
    (folder / "sources.json").write_text("{")

    code, _, err = command("--region", REGION)

    assert code == 2
    assert "sources.json cannot be read" in err
