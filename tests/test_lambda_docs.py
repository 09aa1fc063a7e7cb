"""docs/lambda.md promises only what runs."""

import re
from pathlib import Path
from typing import Any

import pytest
from pulumi_fastapi import ConnectionPool, FastAPIApp, LambdaFastAPIFunctionArgs
from pulumi_fastapi.aws.database import connection_budget

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "lambda.md").read_text()


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S))
def test_a_program_plans(code: str, plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    monkeypatch.chdir(tmp_path)
    result = plan(lambda: exec(code, {}))  # noqa: S102
    assert len(result.all("aws:lambda/function:Function")) == code.count("= LambdaFastAPIFunction(") * (
        2 if "migrate" in code else 1
    )


def test_the_environments_by_instance_class_are_those_that_are_computed() -> None:
    rows = re.findall(r"^\| (db\.[\w.]+) \| (.*) \|$", TEXT, re.M)
    assert len(rows) == 5
    for instance_class, cells in rows:
        available, *environments = (int(cell.replace(",", "")) for cell in cells.split(" | "))
        budget = connection_budget(instance_class)
        assert available == budget.available
        for size, printed in zip((1, 2, 4), environments, strict=True):
            args = LambdaFastAPIFunctionArgs(app=FastAPIApp(pool=ConnectionPool(size=size)))
            assert args.connection_demand("shop", budget).instances == printed


def test_links_and_pictures_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
