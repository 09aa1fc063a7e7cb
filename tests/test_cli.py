import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi_fastapi import project as projects
from pulumi_fastapi.cli import app
from pulumi_fastapi.project import Encrypted, ProjectError
from typer.testing import CliRunner

GOOD = """
import pulumi, pulumi_aws as aws
aws.cloudwatch.LogGroup("logs", retention_in_days=30)
pulumi.export("size", pulumi.Config().get("size"))
"""
WARNING = "import pulumi_aws as aws\naws.cloudwatch.LogGroup('logs')\n"
ERROR = """
import pulumi_aws as aws
everyone = {"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}
aws.ec2.SecurityGroup("open", ingress=[everyone])
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_STACK", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def a_project(folder: Path, program: str = GOOD, *, head: str = "", **stacks: str) -> Path:
    """A project in `folder` whose program is in `infra/` and whose stacks are in `stacks/`."""
    (folder / "infra").mkdir(parents=True)
    (folder / "stacks").mkdir()
    main = "main: infra\n" if "main:" not in head else ""
    (folder / "Pulumi.yaml").write_text(f"name: shop\nruntime: python\n{main}stackConfigDir: stacks\n{head}")
    (folder / "infra" / "__main__.py").write_text(program)
    for stack, text in (stacks or {"dev": ""}).items():
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(text)
    return folder


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["preview", "--dir", str(folder), *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def data(folder: Path, *arguments: str) -> dict[str, Any]:
    _, out, _ = run(folder, "--json", *arguments)
    loaded: dict[str, Any] = json.loads(out)
    return loaded


# Exit codes


@pytest.mark.parametrize(
    ("program", "arguments", "code"),
    [
        (GOOD, [], 0),
        (WARNING, [], 0),
        (WARNING, ["--strict"], 1),
        (ERROR, [], 1),
        ("raise ValueError('no')", [], 2),
    ],
    ids=["good", "warning", "warning, strict", "error", "fails"],
)
def test_exit_code_says_how_it_went(tmp_path: Path, program: str, arguments: list[str], code: int) -> None:
    assert run(a_project(tmp_path, program), *arguments)[0] == code


def test_the_installed_command_prints_the_tree_and_ends_with_the_code(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("pulumi-fastapi")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI", "AWS"))}
    done = subprocess.run(
        [command, "preview", "--dir", a_project(tmp_path, ERROR)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.splitlines()[:2] == [
        "shop/dev in us-east-1: 1 resources in 0 components",
        "ec2.SecurityGroup open",
    ]
    assert done.stdout.splitlines()[-1] == "1 error, 0 warnings, 0 notes"
    assert "\x1b" not in done.stdout


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("pulumi-fastapi")
    program = WARNING + "for i in range(60): aws.sns.Topic(f't{i}' + 'x' * 2000)\n"
    pipe = subprocess.Popen(
        [command, "preview", "--dir", a_project(tmp_path, program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert pipe.stdout
    assert pipe.stderr
    with pipe:
        pipe.stdout.readline()
        pipe.stdout.close()
        assert pipe.stderr.read() == b""


# Errors are one clear line


def test_the_programs_error_is_one_line_with_its_place(tmp_path: Path) -> None:
    code, out, err = run(a_project(tmp_path, "x = 1\nint('many')\n"))
    assert (code, out) == (2, "")
    assert err == "error: ValueError: invalid literal for int() with base 10: 'many' (infra/__main__.py:2)\n"


def test_an_argument_error_is_shown_as_it_is(tmp_path: Path) -> None:
    program = "from pulumi_fastapi import ConnectionPool\nConnectionPool(size=-1)\n"
    code, _, err = run(a_project(tmp_path, program))
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith("error: size: ")


def test_missing_configuration_is_one_line(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, "import pulumi\npulumi.Config().require('size')\n"))
    assert code == 2
    assert err.startswith("error: Missing required configuration variable 'shop:size'")


def test_a_program_that_ends_itself_is_an_error(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, "import sys\nsys.exit(0)\n"))
    assert code == 2
    assert err == "error: the program ended itself with sys.exit(0)\n"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        run(a_project(tmp_path, "int('many')\n"), "--debug")


def test_a_wrong_option_is_code_2(tmp_path: Path) -> None:
    assert run(a_project(tmp_path), "--nope")[0] == 2


# Finding the project and the stack


def test_the_project_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    assert run(a_project(tmp_path) / "infra")[0] == 0


def test_no_project_says_how_to_name_one(tmp_path: Path) -> None:
    code, _, err = run(tmp_path)
    assert code == 2
    assert "no Pulumi.yaml in" in err
    assert "--dir" in err


def test_an_unknown_stack_lists_those_there_are(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, dev="", prod=""), "--stack", "prd")
    assert code == 2
    assert "no stack 'prd', did you mean 'prod'?" in err
    assert err.rstrip().endswith("dev, prod")


def test_several_stacks_need_a_choice(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, dev="", prod=""))
    assert code == 2
    assert "say which stack with --stack or PULUMI_STACK" in err
    assert err.rstrip().endswith("dev, prod")


def test_the_stack_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_STACK", "prod")
    assert data(a_project(tmp_path, dev="", prod=""))["stack"] == "prod"


def test_a_full_stack_name_is_understood(tmp_path: Path) -> None:
    assert data(a_project(tmp_path, dev="", prod=""), "--stack", "org/shop/prod")["stack"] == "prod"


def test_a_program_in_another_language_is_refused(tmp_path: Path) -> None:
    folder = a_project(tmp_path)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: nodejs\n")
    code, _, err = run(folder)
    assert code == 2
    assert "written in nodejs" in err


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, head="main: deploy\n"))
    assert code == 2
    assert "main is 'deploy', and there is no" in err


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, dev="config: [\n"))
    assert code == 2
    assert "Pulumi.dev.yaml is not valid" in err
    assert err.count("\n") == 1


# Configuration


def configuration(folder: Path, stack: str = "dev") -> dict[str, Any]:
    return projects.find(folder).configuration(stack)


def test_configuration_keeps_yaml_values_as_pulumi_reads_them(tmp_path: Path) -> None:
    text = "config:\n  shop:on: yes\n  day: 2026-01-01\n  flag: true\n  number: 3\n  nested: {a: [1, off]}\n"
    assert configuration(a_project(tmp_path, dev=text)) == {
        "shop:on": "yes",
        "shop:day": "2026-01-01",
        "shop:flag": True,
        "shop:number": 3,
        "shop:nested": {"a": [1, "off"]},
    }


def test_the_stacks_values_win_over_the_projects(tmp_path: Path) -> None:
    head = "config:\n  aws:region: eu-west-1\n  size: {type: integer, default: 2}\n  color: {value: red}\n"
    folder = a_project(tmp_path, head=head, dev="config:\n  shop:size: 5\n")
    assert configuration(folder) == {"aws:region": "eu-west-1", "shop:size": 5, "shop:color": "red"}


def test_encrypted_values_become_stand_ins(tmp_path: Path) -> None:
    text = "encryptionsalt: v1:x\nconfig:\n  shop:app:\n    secrets:\n      KEY: {secure: v1:abc}\n"
    assert configuration(a_project(tmp_path, dev=text)) == {
        "shop:app": {"secrets": {"KEY": Encrypted("shop:app.secrets.KEY")}}
    }


def test_a_program_works_with_an_encrypted_value_and_never_shows_it(tmp_path: Path) -> None:
    program = (
        "import pulumi, pulumi_aws as aws\n"
        "key = pulumi.Config().require_secret('key')\n"
        "aws.ssm.Parameter('key', type='SecureString', value=key)\n"
        "pulumi.export('key', key)\n"
    )
    code, out, _ = run(a_project(tmp_path, program, dev="config:\n  shop:key: {secure: v1:abc}\n"), "--json")
    assert code == 0
    assert json.loads(out)["outputs"] == {"key": "[secret]"}
    assert "encrypted-value" not in out


def test_an_encrypted_value_that_leaks_is_found(tmp_path: Path) -> None:
    program = "import pulumi\npulumi.export('key', pulumi.Config().require('key'))\n"
    code, out, _ = run(a_project(tmp_path, program, dev="config:\n  shop:key: {secure: v1:abc}\n"))
    assert code == 1
    assert "error secret-in-plain-text stack" in out


def test_the_region_is_the_stacks(tmp_path: Path) -> None:
    assert data(a_project(tmp_path, dev="config:\n  aws:region: eu-west-1\n"))["region"] == "eu-west-1"


def test_configuration_that_is_not_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="config must be a mapping"):
        configuration(a_project(tmp_path, dev="config: [a]\n"))


# Answers

LOOKS_AROUND = (
    "import pulumi, pulumi_aws as aws\n"
    "vpc = pulumi.StackReference('org/net/dev').require_output('vpc_id')\n"
    "aws.ec2.Subnet('s', vpc_id=vpc)\n"
    "pulumi.export('vpc', vpc)\n"
    "pulumi.export('cidr', aws.ec2.get_vpc(id='vpc-1').cidr_block)\n"
)


def test_answers_come_from_a_file(tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(
        "stack_references: {org/net/dev: {vpc_id: vpc-1}}\n"
        "invokes: {'aws:ec2/getVpc:getVpc': {cidrBlock: 10.1.0.0/16}}\n"
    )
    folder = a_project(tmp_path / "project", LOOKS_AROUND)
    assert data(folder, "--answers", str(answers))["outputs"] == {"vpc": "vpc-1", "cidr": "10.1.0.0/16"}


def test_a_missing_answer_says_where_it_goes(tmp_path: Path) -> None:
    code, _, err = run(a_project(tmp_path, LOOKS_AROUND))
    assert code == 2
    assert "aws:ec2/getVpc:getVpc" in err
    assert "--answers" in err


def test_an_unknown_kind_of_answer_is_refused(tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("stacks: {}\n")
    code, _, err = run(a_project(tmp_path / "project"), "--answers", str(answers))
    assert code == 2
    assert "unknown key 'stacks'" in err


# What is printed


def test_findings_come_with_their_fix(tmp_path: Path) -> None:
    _, out, _ = run(a_project(tmp_path, WARNING))
    assert "warning logs-kept-forever logs\n  keeps its logs for ever\n  fix: set retentionInDays" in out


def test_the_same_finding_on_several_resources_is_printed_once(tmp_path: Path) -> None:
    _, out, _ = run(a_project(tmp_path, WARNING + "aws.cloudwatch.LogGroup('more')\n"))
    assert "warning logs-kept-forever logs, more\n" in out


def test_what_the_program_logs_is_shown(tmp_path: Path) -> None:
    _, out, _ = run(a_project(tmp_path, "import pulumi\npulumi.warn('mind the gap')\n"))
    assert "warning: mind the gap\n" in out


def test_what_the_program_prints_stays_out_of_the_json(tmp_path: Path) -> None:
    code, out, err = run(a_project(tmp_path, "print('hello')\n"), "--json")
    assert code == 0
    assert json.loads(out)["resources"] == []
    assert err == "hello\n"


def test_json_has_the_documented_keys(tmp_path: Path) -> None:
    loaded = data(a_project(tmp_path, WARNING))
    assert sorted(loaded) == [
        "counts", "findings", "format", "messages", "outputs", "project", "region", "resources", "services", "stack",
    ]  # fmt: skip
    assert loaded["counts"] == {"aws:cloudwatch/logGroup:LogGroup": 1}
    assert sorted(loaded["findings"][0]) == ["fix", "message", "name", "resource", "rule", "severity"]


def test_json_is_the_same_every_time(tmp_path: Path) -> None:
    folder = a_project(tmp_path, WARNING)
    assert run(folder, "--json") == run(folder, "--json")


def test_the_derived_numbers_of_a_service_are_lines_of_arithmetic(tmp_path: Path) -> None:
    program = """
import pulumi
from pulumi_fastapi.aws.database import connection_budget
from pulumi_fastapi.connection_pool import ConnectionDemand, ConnectionPool
from pulumi_fastapi.rollout import worst_case_seconds
from pulumi_fastapi.timeouts import Timeouts, ladder

class Service(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("pulumi-fastapi:index:FargateFastAPIService", "api")
        rungs = ladder(Timeouts())
        demand = ConnectionDemand(client="api", instances=4, surge=2.0, workers=1, pool=ConnectionPool(), noun="task")
        budget = connection_budget("db.t4g.micro").with_demand(demand)
        self.register_outputs({
            "workers": 1,
            "connectionBudget": budget.as_dict(),
            "timeouts": rungs.as_dict(),
            "deploymentSeconds": worst_case_seconds(rungs).as_dict(),
        })

Service()
"""
    folder = a_project(tmp_path, program)
    _, out, _ = run(folder)
    assert "workers     1 per task\n" in out
    assert (
        "api: 4 tasks x 2 during a deploy x 1 worker x (5 + 0) = 40; 40 used of 66 (db.t4g.micro) - 10 reserved = 56"
        in out
    )
    assert "request 30 s < drain 35 s <= stop 45 s" in out
    assert "s at worst: provision 180 + startup 60 + " in out
    service = data(folder)["services"][0]
    assert service["workers"] == 1
    assert service["connectionBudget"]["used"] == 40


def test_preview_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    before = (os.getcwd(), list(sys.path), list(sys.argv))
    run(a_project(tmp_path))
    assert (os.getcwd(), list(sys.path), list(sys.argv)) == before


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    result = CliRunner().invoke(app, ["--version"])
    assert result.output == f"pulumi-fastapi {version('pulumi-fastapi')}\n"


def test_help_needs_neither_pulumi_nor_rich() -> None:
    code = "import sys; from pulumi_fastapi.cli import app; app(['preview', '--help'], standalone_mode=False)"
    check = "; bad = {'pulumi', 'rich', 'yaml'} & set(sys.modules); sys.exit(str(bad) if bad else 0)"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
