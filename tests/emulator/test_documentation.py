"""docs/emulator.md lists what is emulated, no more and no less."""

import re
from pathlib import Path

from pulumi_fastapi.emulator.aws import RESOURCE_TYPES

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def test_the_page_lists_every_emulated_type():
    rows = re.findall(r"^\| (\w+) \| ([\w, ]+) \|$", PAGE.read_text(), re.M)
    listed = {(module, name) for module, names in rows for name in names.split(", ")} - {
        ("module", "types"),
        ("fault", "effect"),
    }

    assert listed == {(token.split(":")[1].split("/")[0], token.split(":")[2]) for token in RESOURCE_TYPES}
