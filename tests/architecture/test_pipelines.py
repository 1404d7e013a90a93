"""What runs by itself (the workflow, the hooks) is valid and calls verbs that exist."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"


def verbs(text: str) -> set[str]:
    lines = re.findall(r"(?:run|entry): make ([a-z -]+)", text)
    return {verb for line in lines for verb in line.split()}


def test_the_workflow_is_valid_and_every_job_ends() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        checked = subprocess.run(
            [checker, "--builtin-schema", schema, WORKFLOW],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout


def test_workflow_and_hooks_call_verbs_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in (WORKFLOW, HOOKS):
        called = verbs(path.read_text(encoding="utf-8"))
        assert called
        assert {verb for verb in called if f"\n{verb}:" not in makefile} == set()


def test_hooks_download_nothing() -> None:
    hooks = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    assert all(hook["language"] == "system" for hook in hooks["repos"][0]["hooks"])


def test_the_workflow_may_only_read() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
