"""The recipes of docs/cluster.md are written as Slurm and KubeRay read them, and call what there is."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from closedbook import cli
from closedbook.cli import options

PAGE = (Path(__file__).parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")
SHELL, YAML = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("bash", "yaml"))
SBATCH = {"job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time", "signal", "requeue"}
SYMMETRIC_RUN = {"--address", "--min-nodes", "--num-cpus"}
POD_TEMPLATE = {"spec"}
POD = {"containers", "volumes", "terminationGracePeriodSeconds"}
CONTAINER = {"name", "image", "env", "resources", "volumeMounts"}
JOB = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit", "rayClusterSpec"}
CLUSTER = {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
HEAD = {"rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
"""Names of the fields as KubeRay's reference of `ray.io/v1` has them, those that are used here."""


@pytest.mark.parametrize("text", SHELL, ids=lambda text: text.splitlines()[0])
def test_shell_is_shell(text):
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).stderr == ""


def test_the_slurm_script_asks_for_what_sbatch_knows():
    (script,) = (text for text in SHELL if "#SBATCH" in text)
    assert script.startswith("#!/bin/bash\n")
    asked = re.findall(r"^#SBATCH --([\w-]+)", script, re.MULTILINE)
    assert set(asked) <= SBATCH
    words = shlex.split(re.sub(r"\\\n", " ", script).splitlines()[-1], comments=True)
    ray = words[words.index("symmetric-run") + 1 : words.index("--")]
    assert {word for word in ray if word.startswith("--")} <= SYMMETRIC_RUN
    assert parsed(words[words.index("--") + 1 :]).address == "$ADDRESS"


def test_the_ray_job_has_the_fields_that_kuberay_reads():
    (text,) = YAML
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    assert set(spec) <= JOB
    assert set(cluster) <= CLUSTER
    assert cluster["authOptions"] == {"mode": "token"}
    assert set(cluster["headGroupSpec"]) <= HEAD
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        assert set(group) <= WORKERS
        assert set(group["template"]) <= POD_TEMPLATE
        assert set(group["template"]["spec"]) <= POD
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for container in group["template"]["spec"]["containers"]:
            assert set(container) <= CONTAINER
            assert {mount["name"] for mount in container["volumeMounts"]} == {"shared"}
            assert all(isinstance(one["value"], str) for one in container["env"])
    command = parsed(shlex.split(spec["entrypoint"]))
    assert command.address == "auto"
    assert str(command.out).startswith("/shared/")


def parsed(words):
    """The options that a command line is read as."""

    class Parsed(BaseException):
        pass

    real = options.parse_with_settings

    def parse_and_stop(*arguments, **rest):
        raise Parsed(real(*arguments, **rest)[0])

    assert words[0] == "closedbook"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "parse_with_settings", parse_and_stop)
        with pytest.raises(Parsed) as stopped:
            cli.main(words[1:])
    return stopped.value.args[0]
