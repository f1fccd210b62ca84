"""Certificates in ACM under an ARN that was given, so that settings which name a real one work here."""

import re

from sandbox.cloud import stores

_ARN = re.compile(r"arn:aws[a-z-]*:acm:(?P<region>[a-z0-9-]+):\d{12}:certificate/[\w-]+")


def add_certificate(arn: str, domain: str) -> dict[str, str]:
    """Makes a self-signed certificate with that ARN, if there is none. Raises ValueError: not a certificate's ARN."""
    from moto.acm.models import CertBundle, acm_backends

    match = _ARN.fullmatch(arn)
    if match is None:
        raise ValueError(f"{arn!r} is no ACM certificate's ARN (arn:aws:acm:REGION:ACCOUNT:certificate/ID)")
    backend = acm_backends[stores.ACCOUNT][match["region"]]
    if arn not in backend._certificates:
        certificate = CertBundle.generate_cert(domain, account_id=stores.ACCOUNT, region=match["region"])
        certificate.arn, certificate.status = arn, "ISSUED"
        backend._certificates[arn] = certificate
    return {"arn": arn, "domain": backend._certificates[arn].common_name}
