import json
import time

import pytest
from pulumi_fastapi.emulator.faults import FAULTS_FILE_VARIABLE, Faults


def faults(*rules):
    made = Faults()
    made.replace(rules)
    return made


def test_fault_strikes_as_often_as_it_says():
    injected = faults({"operation": "ec2:CreateVpc", "code": "Throttling", "times": 2})

    struck = [injected.strike("ec2:CreateVpc", "vpc") for _ in range(3)]

    assert [fault is not None for fault in struck] == [True, True, False]


def test_fault_strikes_only_what_it_names():
    injected = faults({"operation": "ec2:*", "name": "shop-*", "code": "Throttling"})

    assert injected.strike("ec2:CreateVpc", "shop-vpc") is not None
    assert injected.strike("ec2:CreateVpc", "other") is None
    assert injected.strike("ecs:CreateCluster", "shop-cluster") is None


def test_delay_is_waited_for():
    injected = faults({"operation": "*", "delay": 0.05})

    started = time.monotonic()
    injected.strike("ec2:CreateVpc", "vpc")

    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    "rule", [{}, {"operation": "a", "oops": 1}, {"operation": "a", "times": 0}, {"operation": "a", "effect": "explode"}]
)
def test_malformed_fault_is_refused(rule):
    with pytest.raises(ValueError, match="not a list of faults"):
        faults(rule)


def test_faults_file_is_read_again_when_it_changes(tmp_path, monkeypatch):
    file = tmp_path / "faults.json"
    monkeypatch.setenv(FAULTS_FILE_VARIABLE, str(file))
    injected = Faults()
    before = injected.strike("ec2:CreateVpc", "vpc")

    file.write_text(json.dumps([{"operation": "ec2:CreateVpc", "code": "Throttling"}]))

    assert before is None
    assert injected.strike("ec2:CreateVpc", "vpc").code == "Throttling"
