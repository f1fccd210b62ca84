"""`status`, the whole process, against a boto3 script that makes the same calls one after the other."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import Pair, ended, in_turns, show
from benchmarks.released import STACK, released

BARE = """
import json, sys, boto3
path, region = sys.argv[1:]
ssm = boto3.client("ssm", region_name=region)
found = {one["Name"]: one["Value"] for one in ssm.get_parameters_by_path(Path=path)["Parameters"]}
record = json.loads(found[path + "/record"])
elb = boto3.client("elbv2", region_name=region)
rules = elb.describe_rules(RuleArns=list(record["rules"].values()))["Rules"]
groups = [arn for of in record["targetGroups"].values() for arn in of.values()]
health = {arn: elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] for arn in groups}
scaling = boto3.client("autoscaling", region_name=region)
names = list(record["capacity"].values())
capacity = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)["AutoScalingGroups"]
print(json.dumps({"record": record, "rules": rules, "health": health, "capacity": capacity}, default=str))
"""


def main() -> int:
    with released() as stack, tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        deployed = stack.deployed()
        path = f"/bluegreen/shop/{STACK}"

        def theirs() -> float:
            return stack.timed([sys.executable, str(bare), path, deployed.region])

        def pair(output: str) -> Pair:
            command = stack.command("status", output=output)
            name = f"status --output {output}"
            return in_turns(name, "boto3, the same calls", lambda: stack.timed(command), theirs, turns=9, limit=1.3)

        pairs = [pair("table"), pair("json")]
    return show("Status", pairs)


if __name__ == "__main__":
    ended(main)
