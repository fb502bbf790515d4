"""The domain that mails are sent from. In the cloud it is the environment's own, with records in its DNS."""

from localcloud.provision.account import Account
from localcloud.provision.infra import Mail

DOMAIN = "messenger.example"
"""A name that is nobody's (RFC 2606): what a laptop sends stays with the emulator."""


def ensure_mail(account: Account, mail: Mail) -> tuple[dict[str, str], list[str]]:
    """Let SES send for the domain; return the address of the sender, and what changed."""
    values = {"mail.sender": f"{mail.sender}@{DOMAIN}"}
    ses = account.clients("ses")
    if DOMAIN in ses.list_identities(IdentityType="Domain")["Identities"]:
        return values, []
    ses.verify_domain_identity(Domain=DOMAIN)
    return values, [f"mail from {DOMAIN}"]
