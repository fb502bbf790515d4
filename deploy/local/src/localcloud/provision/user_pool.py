"""The Cognito user pool of the service that declares one, its client and its groups."""

import json
from collections.abc import Sequence
from typing import Any

from localcloud.provision.account import Account
from localcloud.provision.hosted_ui import ensure_domain, ensure_providers
from localcloud.provision.infra import UserPool


def ensure_user_pool(
    account: Account, service: str, declared: UserPool, public_origin: str
) -> tuple[dict[str, str], list[str]]:
    """Create or correct the pool, its providers, client and groups; return where they are, and what changed."""
    cognito = account.clients("cognito-idp")
    name = account.name(service, "users")
    pool_id, changed = _ensure_pool(cognito, name, declared.pool)
    changed += _ensure_mfa(cognito, name, pool_id, declared.mfa)
    domain = _fill(declared.domain or "", account.prefix, public_origin)
    if domain:
        changed += ensure_domain(cognito, pool_id, domain)
    providers, more = ensure_providers(account, service, pool_id, declared.identity_providers)
    changed += more
    wanted = {**_fill(declared.client, account.prefix, public_origin), "SupportedIdentityProviders": providers}
    client_id, more = _ensure_client(cognito, name, pool_id, wanted)
    more += _ensure_groups(cognito, name, pool_id, declared.groups)
    endpoint = cognito.meta.endpoint_url
    issuer = f"https://cognito-idp.{account.region}.amazonaws.com/{pool_id}"
    in_the_cloud = endpoint.endswith(".amazonaws.com")
    keys_at = issuer if in_the_cloud else f"{endpoint}/{pool_id}"
    outputs = {
        "user_pool.id": pool_id,
        "user_pool.client_id": client_id,
        "user_pool.issuer": issuer,
        "user_pool.jwks_url": f"{keys_at}/.well-known/jwks.json",
        "user_pool.hosted_ui_url": (
            f"https://{domain}.auth.{account.region}.amazoncognito.com" if in_the_cloud else endpoint
        ),
        "user_pool.providers": json.dumps(providers),
    }
    return outputs, changed + more


def _ensure_pool(cognito: Any, name: str, wanted: dict[str, Any]) -> tuple[str, list[str]]:
    pages = cognito.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 60})
    pool_id = next((pool["Id"] for page in pages for pool in page["UserPools"] if pool["Name"] == name), None)
    if pool_id is None:
        return cognito.create_user_pool(PoolName=name, **wanted)["UserPool"]["Id"], [f"user pool {name}"]
    present = cognito.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    updatable = _accepted(cognito, "UpdateUserPool", wanted)
    if _contains(present, updatable):
        return pool_id, []
    cognito.update_user_pool(UserPoolId=pool_id, **updatable)
    return pool_id, [f"settings of user pool {name}"]


def _ensure_mfa(cognito: Any, name: str, pool_id: str, wanted: dict[str, Any]) -> list[str]:
    if not wanted or _contains(cognito.get_user_pool_mfa_config(UserPoolId=pool_id), wanted):
        return []
    cognito.set_user_pool_mfa_config(UserPoolId=pool_id, **wanted)
    return [f"second factor of user pool {name}"]


def _ensure_client(cognito: Any, name: str, pool_id: str, wanted: dict[str, Any]) -> tuple[str, list[str]]:
    clients = cognito.list_user_pool_clients(UserPoolId=pool_id, MaxResults=60)["UserPoolClients"]
    client_id = next((client["ClientId"] for client in clients if client["ClientName"] == name), None)
    if client_id is None:
        created = cognito.create_user_pool_client(UserPoolId=pool_id, ClientName=name, **wanted)
        return created["UserPoolClient"]["ClientId"], [f"client of user pool {name}"]
    present = cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)["UserPoolClient"]
    updatable = _accepted(cognito, "UpdateUserPoolClient", wanted)
    if _contains(present, updatable):
        return client_id, []
    cognito.update_user_pool_client(UserPoolId=pool_id, ClientId=client_id, ClientName=name, **updatable)
    return client_id, [f"settings of the client of user pool {name}"]


def _ensure_groups(cognito: Any, name: str, pool_id: str, wanted: Sequence[str]) -> list[str]:
    pages = cognito.get_paginator("list_groups").paginate(UserPoolId=pool_id)
    present = {group["GroupName"] for page in pages for group in page["Groups"]}
    missing = [group for group in wanted if group not in present]
    for group in missing:
        cognito.create_group(UserPoolId=pool_id, GroupName=group)
    return [f"group {group} of user pool {name}" for group in missing]


def _fill(template: Any, prefix: str, public_origin: str) -> Any:
    """Put the names into what may name them."""
    if isinstance(template, dict):
        return {name: _fill(value, prefix, public_origin) for name, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, prefix, public_origin) for value in template]
    if isinstance(template, str):
        return template.replace("{resource_prefix}", prefix).replace("{public_origin}", public_origin)
    return template


def _accepted(cognito: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Drop what an update does not take: Cognito fixes schema, aliases and secrets at creation."""
    known = cognito.meta.service_model.operation_model(operation).input_shape.members
    return {name: value for name, value in parameters.items() if name in known}


def _contains(present: Any, wanted: Any) -> bool:
    """Tell whether all that is wanted is there; Cognito adds defaults of its own."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(_contains(present.get(name), wanted[name]) for name in wanted)
    if isinstance(wanted, list) and isinstance(present, list) and all(isinstance(one, str) for one in wanted):
        return sorted(wanted) == sorted(present)
    return bool(present == wanted)
