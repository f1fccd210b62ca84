"""S3 and ECR where moto lacks something: conditions in bucket policies, and what an image's scan found."""

from datetime import UTC, datetime
from typing import Any

from moto.ecr.exceptions import ScanNotFoundException
from moto.ecr.models import ECRBackend
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from sandbox.cloud import permissions
from sandbox.cloud.permissions import Call
from sandbox.cloud.seam import Seam

# What is spoken over loopback here is taken for what AWS insists on.
TRANSPORT = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
VULNERABLE = "vulnerable"
"""An image whose tag has this word between dashes has what a scan finds; any other has nothing."""
FINDINGS = (
    ("CVE-2026-1001", "CRITICAL", "openssl"),
    ("CVE-2026-1002", "HIGH", "zlib"),
    ("CVE-2026-1003", "LOW", "tar"),
)


def install(seam: Seam) -> None:
    @seam.instead(FakeBucket, "get_permission")
    def get_permission(bucket: Any, action: str, resource: str) -> PermissionResult:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        mine = [each for each in permissions.statements(bucket.policy) if _everyone(each.get("Principal"))]
        verdict = permissions.judge(mine, Call(action, resource, TRANSPORT), "resource-based")
        if verdict.denied:
            return PermissionResult.DENIED
        return PermissionResult.PERMITTED if verdict.allowed else PermissionResult.NEUTRAL

    @seam.around(ECRBackend, "put_image")
    def put_image(original: Any, backend: Any, repository_name: str, *args: Any, **kwargs: Any) -> Any:
        image = original(backend, repository_name, *args, **kwargs)
        scanning = backend.repositories[repository_name].image_scanning_configuration
        if scanning.get("scanOnPush"):
            image.last_scan = image.last_scan or datetime.now(UTC).replace(tzinfo=None)
        return image

    @seam.instead(ECRBackend, "describe_image_scan_findings")
    def describe(backend: Any, registry_id: str, repository_name: str, image_id: dict[str, Any]) -> dict[str, Any]:
        repository = backend._get_repository(repository_name, registry_id)
        image = repository._get_image(image_id.get("imageTag"), image_id.get("imageDigest"))
        if not image.last_scan:
            wanted = f"{{imageDigest:'{image_id.get('imageDigest')}', imageTag:'{image_id.get('imageTag')}'}}"
            raise ScanNotFoundException(wanted, repository_name, repository.registry_id)
        return _scan(repository, image)


def _everyone(principal: Any) -> bool:
    return principal == "*" or "*" in permissions.texts((principal or {}).get("AWS"))


def _scan(repository: Any, image: Any) -> dict[str, Any]:
    found = FINDINGS if any(VULNERABLE in (tag or "").split("-") for tag in image.image_tags) else ()
    when = image.last_scan.timestamp()
    return {
        "registryId": repository.registry_id,
        "repositoryName": repository.name,
        "imageId": {"imageDigest": image.image_digest, "imageTag": image.image_tag},
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {
            "imageScanCompletedAt": when,
            "vulnerabilitySourceUpdatedAt": when,
            "findings": [
                {
                    "name": name,
                    "uri": f"https://nvd.nist.gov/vuln/detail/{name}",
                    "severity": severity,
                    "attributes": [{"key": "package_name", "value": package}],
                }
                for name, severity, package in found
            ],
            "findingSeverityCounts": {severity: 1 for _, severity, _ in found},
        },
    }
