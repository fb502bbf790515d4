"""S3 buckets: private, encrypted, with what S3 removes by itself and whom it tells of new objects.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html: S3 asks the
queue whether it may send before it takes a notification, so the queues come first.
"""

from typing import Any

from localcloud.provision.account import Account
from localcloud.provision.infra import Bucket, Infra, Lifecycle

_MAX_AGE_SECONDS = 3600


def told_by(infra: Infra, queue: str) -> list[str]:
    """Return the service's buckets that tell a queue of their objects."""
    return [name for name, bucket in infra.buckets.items() if any(told.queue == queue for told in bucket.notifications)]


def ensure_bucket(account: Account, service: str, name: str, bucket: Bucket) -> list[str]:
    """Create the bucket unless it is there, and correct what is set of it; return what was created.

    The queues must exist.
    """
    s3 = account.clients("s3")
    full_name = account.bucket(service, name)
    created = _create(s3, full_name, account.region)
    s3.put_public_access_block(
        Bucket=full_name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    if bucket.lifecycle:
        rules = [_rule(rule) for rule in bucket.lifecycle]
        s3.put_bucket_lifecycle_configuration(Bucket=full_name, LifecycleConfiguration={"Rules": rules})
    if bucket.cors:
        s3.put_bucket_cors(Bucket=full_name, CORSConfiguration={"CORSRules": [_cors(bucket)]})
    s3.put_bucket_notification_configuration(
        Bucket=full_name,
        NotificationConfiguration={"QueueConfigurations": _notifications(account, service, bucket)},
    )
    return [f"bucket {full_name}"] if created else []


def _create(s3: Any, full_name: str, region: str) -> bool:
    try:
        s3.head_bucket(Bucket=full_name)
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    else:
        return False
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=full_name, **where)
    return True


def _rule(rule: Lifecycle) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ID": rule.prefix.rstrip("/") or "all",
        "Status": "Enabled",
        "Filter": {"Prefix": rule.prefix},
    }
    if rule.expire_days:
        document["Expiration"] = {"Days": rule.expire_days}
    if rule.abort_multipart_days:
        document["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort_multipart_days}
    return document


def _cors(bucket: Bucket) -> dict[str, Any]:
    allowed = bucket.cors
    assert allowed  # noqa: S101 - asked before
    return {
        "AllowedOrigins": ["*"],
        "AllowedMethods": allowed.methods,
        "AllowedHeaders": allowed.headers,
        "ExposeHeaders": allowed.expose,
        "MaxAgeSeconds": _MAX_AGE_SECONDS,
    }


def _notifications(account: Account, service: str, bucket: Bucket) -> list[dict[str, Any]]:
    return [
        {
            "Id": told.queue,
            "QueueArn": account.arn("queue", service, told.queue),
            "Events": told.events,
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": told.prefix}]}},
        }
        for told in bucket.notifications
    ]
