"""What AWS and botocore refuse, in the driver's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions as aws

from driver.errors import Failure, Invalid, Unforeseen
from infra.record import NewerRecord, RecordError

_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "InvalidSignatureException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"}
_ABSENT = {
    "RuleNotFound",
    "TargetGroupNotFound",
    "LoadBalancerNotFound",
    "ParameterNotFound",
    "ImageNotFoundException",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "InvocationDoesNotExist",
}
_PRESENT = {"ParameterAlreadyExists"}
_LOGIN = ("$ aws sts get-caller-identity", "doctor")


@contextmanager
def spoken(subject: str) -> Iterator[None]:
    """Turns botocore's errors into failures that say what to do.

    What does not exist becomes a LookupError, and what must not exist yet and does a FileExistsError.
    """
    try:
        yield
    except aws.ClientError as error:
        raise _refused(subject, error) from error
    except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError) as error:
        raise Invalid("there are no AWS credentials", f"{error}", _LOGIN) from error
    except (aws.ProfileNotFound, aws.ConfigNotFound) as error:
        raise Invalid("the AWS profile can't be used", str(error), ("$ aws configure list-profiles",)) from error
    except aws.NoRegionError as error:
        why = "neither the stack's config nor the environment names one"
        raise Invalid("no AWS region is set", why, ("$ pulumi config set aws:region eu-central-1",)) from error
    except (aws.ConnectionError, aws.HTTPClientError) as error:
        raise Invalid("AWS can't be reached", f"{subject}: {error}", ("doctor", "sandbox status")) from error
    except RecordError as error:
        raise corrupt(error) from error
    except ValueError as error:
        if "Invalid endpoint" not in str(error):  # botocore has no class of its own for it
            raise
        raise Invalid("AWS can't be reached", str(error), ("doctor", "sandbox status")) from error
    except aws.BotoCoreError as error:
        raise Unforeseen(f"AWS did not understand or was not understood: {subject}", str(error)) from error


CORRUPT = {"record": "corrupt"}
"""What marks the failure of a record that can be made again, among all that keep a record from being read."""


def corrupt(error: RecordError) -> Invalid:
    """The failure for a record or intent that can't be read. Only what is no record at all may be made again."""
    if isinstance(error, NewerRecord):
        why = "; ".join(error.problems)
        return Invalid("the deployed record is of a later version", why, ("$ pip install --upgrade bluegreen",))
    return Invalid("the deployed record can't be read", "; ".join(error.problems), ("sync --from-live",), CORRUPT)


def _refused(subject: str, error: aws.ClientError) -> Failure | LookupError | FileExistsError:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "") or str(error)
    if code in _ABSENT:
        return LookupError(message)
    if code in _PRESENT:
        return FileExistsError(message)
    if code in _CREDENTIALS:
        return Invalid("AWS does not accept the credentials", f"{code}: {message}", _LOGIN)
    if code in _DENIED:
        return Invalid(f"these credentials may not use {subject}", message, _LOGIN)
    return Unforeseen(f"AWS refused {subject}", f"{code}: {message}")
