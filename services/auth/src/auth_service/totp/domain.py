"""What an authenticator is told."""

from urllib.parse import quote, urlencode

ISSUER = "Messenger"


def otpauth_uri(username: str, secret: str) -> str:
    """The key URI that authenticators read from a QR code, as Google Authenticator's wiki has it."""
    parameters = {"secret": secret, "issuer": ISSUER, "algorithm": "SHA1", "digits": 6, "period": 30}
    return f"otpauth://totp/{ISSUER}:{quote(username)}?{urlencode(parameters)}"
