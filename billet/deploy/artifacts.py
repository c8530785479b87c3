"""The bucket for packages and templates, and what is uploaded into it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from billet.deploy.place import Place

DEFAULT_REGION = "us-east-1"
"""The region whose name S3 does not accept as a constraint."""


def prepare_bucket(place: Place) -> bool:
    """Create the bucket if necessary, and make it versioned, encrypted and private.

    Returns:
        Whether it was created.
    """
    created = not bucket_exists(place)
    s3 = place.client("s3")
    which = {"Bucket": place.bucket}
    if created:
        region = {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
        s3.create_bucket(**which, **({} if place.region == DEFAULT_REGION else region))
    which["ExpectedBucketOwner"] = place.account
    s3.put_public_access_block(
        **which,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    encryption = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(**which, ServerSideEncryptionConfiguration={"Rules": [encryption]})
    s3.put_bucket_versioning(**which, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(**which, Policy=json.dumps(_tls_only(place)))
    return created


def bucket_exists(place: Place) -> bool:
    """Return whether the account has the bucket.

    Raises:
        ClientError: the bucket belongs to another account, or access is denied.
    """
    try:
        place.client("s3").head_bucket(Bucket=place.bucket, ExpectedBucketOwner=place.account)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True


def _tls_only(place: Place) -> dict[str, Any]:
    arn = f"arn:{place.partition}:s3:::{place.bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def upload_zip(place: Place, file: Path, sha256: str) -> str:
    """Upload the package under its hash, unless it is there.

    Returns:
        Its key.
    """
    s3 = place.client("s3")
    which = {"Bucket": place.bucket, "Key": sha256, "ExpectedBucketOwner": place.account}
    try:
        s3.head_object(**which)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        s3.put_object(**which, Body=file.read_bytes(), ContentType="application/zip")
    return sha256


def upload_template(place: Place, template: dict[str, Any]) -> str:
    """Upload a template under its stage and hash. Return its URL for CloudFormation."""
    body = json.dumps(template, indent=1).encode()
    key = f"templates/{place.stage}/{hashlib.sha256(body).hexdigest()}.json"
    place.client("s3").put_object(
        Bucket=place.bucket,
        Key=key,
        Body=body,
        ContentType="application/json",
        ExpectedBucketOwner=place.account,
    )
    return place.url_of(key)


def delete_bucket(place: Place) -> None:
    """Delete the bucket with all versions of all objects."""
    s3 = place.client("s3")
    which = {"Bucket": place.bucket, "ExpectedBucketOwner": place.account}
    for objects in _versions(s3, which):
        s3.delete_objects(**which, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(**which)


def _versions(s3: Any, which: dict[str, str]) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(**which):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
