"""Cognito's hosted UI: its domain, and the providers that may vouch for people there."""

from typing import Any

from localcloud.provision.account import Account
from localcloud.provision.infra import IdentityProvider
from localcloud.provision.secrets import given


def ensure_domain(cognito: Any, pool_id: str, domain: str) -> list[str]:
    """Give the pool its domain; one that it has is kept."""
    if cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"].get("Domain"):
        return []
    cognito.create_user_pool_domain(UserPoolId=pool_id, Domain=domain)
    return [f"domain {domain}"]


def ensure_providers(
    account: Account, service: str, pool_id: str, declared: dict[str, IdentityProvider]
) -> tuple[list[str], list[str]]:
    """Set up or correct the providers whose secrets are there; return their names, and what changed."""
    cognito = account.clients("cognito-idp")
    names, changed = [], []
    for name, provider in declared.items():
        credentials = given(account, service, provider.secret)
        if credentials is None:
            continue
        names.append(name)
        changed += _ensure_provider(cognito, pool_id, name, provider, {**provider.details, **credentials})
    return names, changed


def _ensure_provider(
    cognito: Any, pool_id: str, name: str, provider: IdentityProvider, details: dict[str, str]
) -> list[str]:
    wanted = {"ProviderDetails": details, "AttributeMapping": provider.attributes}
    named = {"UserPoolId": pool_id, "ProviderName": name}
    try:
        present = cognito.describe_identity_provider(**named)["IdentityProvider"]
    except cognito.exceptions.ResourceNotFoundException:
        cognito.create_identity_provider(**named, ProviderType=provider.type, **wanted)
        return [f"provider {name}"]
    if present["AttributeMapping"] == provider.attributes and details.items() <= present["ProviderDetails"].items():
        return []
    cognito.update_identity_provider(**named, **wanted)
    return [f"settings of provider {name}"]
