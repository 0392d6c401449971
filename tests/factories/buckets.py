"""A server that speaks S3 and looks at who signs: moto's, in this process."""

import functools
import itertools
from dataclasses import dataclass

import httpx
import pytest

from shared.http import Outbound
from shared.s3 import Bucket

REGION = "us-east-1"
_ALLOWED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
_numbers = itertools.count(1)


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and the one key that it knows."""

    endpoint: str
    key_id: str
    secret: str

    @property
    def private_host(self) -> str:
        """What the guard of outgoing calls must be told."""
        return self.endpoint.removeprefix("http://")

    def make_bucket(self) -> str:
        """Make a bucket that no other test uses; give its address."""
        name = f"files-{next(_numbers)}"
        known = {"region_name": REGION, "aws_access_key_id": self.key_id, "aws_secret_access_key": self.secret}
        import boto3

        boto3.client("s3", endpoint_url=self.endpoint, **known).create_bucket(Bucket=name)
        return f"{self.endpoint}/{name}"

    def bucket(self, url: str = "", **changes: str) -> Bucket:
        """Our own client for a bucket of this server, a new one if none is named."""
        known = {"region": REGION, "key_id": self.key_id, "secret": self.secret} | changes
        return Bucket(Outbound(private_hosts=(self.private_host,)), url or self.make_bucket(), **known)


@functools.cache
def _server() -> S3Server:
    """Start it; a thread that ends with the process.  Loaded here, since it is slow and most tests need none."""
    import boto3
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    iam = boto3.client("iam", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="nobody", aws_secret_access_key="nobody")
    iam.create_user(UserName="notify")
    iam.put_user_policy(UserName="notify", PolicyName="files", PolicyDocument=_ALLOWED)
    key = iam.create_access_key(UserName="notify")["AccessKey"]
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0").raise_for_status()  # from now on it looks at signatures
    return S3Server(endpoint, key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture(scope="session")
def s3() -> S3Server:
    """The server, one for all tests of a process."""
    return _server()
