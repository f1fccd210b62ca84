"""The CloudWatch agent's configuration: what an instance measures and which of its logs it sends. Pure; no Pulumi."""

from __future__ import annotations

import json
from typing import Any

from infra.compose_release import ComposeRelease

LOG_GROUP = "@LOG_GROUP@"
"""Stands for the log group's name, which the instance fills in."""


def agent_config(release: ComposeRelease) -> str:
    """JSON. Streams are `<instance>/<log>`, beside the containers' own `<instance>/<service>`."""
    logs = {
        "boot": "/var/log/bluegreen/boot.log",
        "cloud-init": "/var/log/cloud-init-output.log",
        **({"active-only": "/var/log/bluegreen/active-only.log"} if release.workers else {}),
    }
    whole: dict[str, Any] = {
        "agent": {"metrics_collection_interval": 60, "run_as_user": "root"},
        "logs": {
            "logs_collected": {"files": {"collect_list": [_file(name, path) for name, path in logs.items()]}},
            # Seconds: an instance that is given up is gone soon.
            "force_flush_interval": 5,
        },
        "metrics": {
            "namespace": release.metrics_namespace,
            "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
            # An alarm matches a whole set of dimensions, so the group's own must be there; each further set costs.
            "aggregation_dimensions": [["AutoScalingGroupName"]],
            "metrics_collected": {
                # Dropped are the sets with more dimensions than the group's. Memory and processes have no more: nothing
                # is added up for them, and to drop would leave nothing.
                "cpu": {"measurement": ["usage_active"], "totalcpu": True, "drop_original_metrics": ["usage_active"]},
                "mem": {"measurement": ["used_percent"]},
                "disk": {
                    "measurement": ["used_percent"],
                    "resources": ["/"],
                    "drop_device": True,
                    "drop_original_metrics": ["used_percent"],
                },
                "processes": {"measurement": ["total", "zombies"]},
            },
        },
    }
    return json.dumps(whole, indent=2) + "\n"


def _file(name: str, path: str) -> dict[str, Any]:
    return {"file_path": path, "log_group_name": LOG_GROUP, "log_stream_name": f"{{instance_id}}/{name}"}
