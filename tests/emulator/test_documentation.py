"""docs/emulator.md lists what is emulated, no more and no less."""

import re
from pathlib import Path

import pytest
from pulumi_fastapi.emulator.aws import RESOURCE_TYPES
from pulumi_fastapi.emulator.gcp.types import RESOURCE_TYPES as GOOGLE_TYPES

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


@pytest.mark.parametrize(("part", "types"), [(0, RESOURCE_TYPES), (1, GOOGLE_TYPES)], ids=["AWS", "Google Cloud"])
def test_the_page_lists_every_emulated_type(part, types):
    text = PAGE.read_text().split("\n## Google Cloud\n")[part]
    rows = re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", text, re.M)
    listed = {(module, name) for module, names in rows for name in names.split(", ")} - {
        ("module", "types"),
        ("fault", "effect"),
    }

    assert listed == {(token.split(":")[1].split("/")[0], token.split(":")[2]) for token in types}
