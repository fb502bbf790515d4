"""The SDK that is installed is the one that we mean."""

from importlib.metadata import version


def test_the_sdk_is_a_present_one() -> None:
    """Beside newer users of boto3 a resolver falls back to aioboto3 7, of 2020, without a word."""
    assert tuple(map(int, version("aioboto3").split(".")[:2])) >= (15, 5)
