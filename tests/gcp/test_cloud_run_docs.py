"""docs/cloud-run.md promises only what runs."""

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "cloud-run.md").read_text()
CONFIG = {"gcp:project": "shop-1", "gcp:region": "europe-west1"}


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S))
def test_a_program_plans(code: str, plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    monkeypatch.chdir(tmp_path)
    result = plan(lambda: exec(code, {}), config=CONFIG)  # noqa: S102
    made = re.findall(r"= (CloudRunFastAPIService|CloudSqlDatabase)\(", code)
    assert made
    assert [len(result.all(f"pulumi-fastapi:index:{component}")) for component in made] == [1] * len(made)


def test_links_and_pictures_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
