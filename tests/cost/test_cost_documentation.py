"""docs/cost.md against the code."""

import re
from pathlib import Path

import pytest
from pulumi_fastapi.cost.estimator import PRICING
from pulumi_fastapi.cost.free import is_free
from pulumi_fastapi.cost.render import short
from pulumi_fastapi.cost.usage import Traffic, Usage, UsageFile

TEXT = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()


@pytest.mark.parametrize("type_", sorted(PRICING))
def test_priced_type_is_documented(type_):
    assert re.search(rf"[| ]{re.escape(short(type_))}[,| ]", TEXT)


def test_no_other_type_is_said_to_be_priced():
    rows = re.findall(r"^\| ((?:[a-z0-9]+\.[A-Z]\w+(?:, )?)+) \|", TEXT, re.MULTILINE)
    documented = {each for row in rows for each in row.split(", ")}

    assert documented == {short(type_) for type_ in PRICING}


@pytest.mark.parametrize("type_", sorted(PRICING))
def test_priced_type_is_not_free_too(type_):
    assert not is_free(type_)


def test_every_key_of_a_usage_file_is_documented():
    for key in (*UsageFile.model_fields, *Traffic.model_fields, *Usage.model_fields):
        assert re.search(rf"\b{key}\b", TEXT), key


def test_usage_file_of_the_documentation_is_valid(tmp_path):
    from pulumi_fastapi.cost.usage import read

    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "usage.yaml"
    file.write_text(block)

    assert read(file).traffic.requests_per_second == 25
