"""The security log of one person, read past the services, as an operator may."""

from dataclasses import dataclass
from typing import Any

from messenger_contracts.events.auth import login_pepper, login_pseudonym
from messengerctl.errors import CommandError
from messengerctl.suite import Suite


@dataclass(frozen=True)
class SecurityEvent:
    """What happened to an account, or at one of its logins."""

    at: str
    type: str
    data: dict[str, Any]


def security_log(suite: Suite, user: str, most: int) -> list[SecurityEvent]:
    """The newest events of a person, by id, username or address, the newest last; of an erased one, by id."""
    subjects = [user]
    account = _account(suite, user)
    if account:
        attributes = {each["Name"]: each["Value"] for each in account["UserAttributes"]}
        pepper = login_pepper(_client_secret(suite))
        logins = (account["Username"], attributes.get("email", ""))
        subjects = [attributes["sub"], *(login_pseudonym(pepper, login) for login in logins)]
    found = [event for subject in subjects for event in _events(suite, subject, most)]
    if not found:
        raise CommandError(f"nothing is known of {user!r}: neither an account nor an event")
    return sorted(found, key=lambda event: event.at)[-most:]


def _account(suite: Suite, user: str) -> dict[str, Any] | None:
    cognito = suite.aws("cognito-idp")
    try:
        found: dict[str, Any] = cognito.admin_get_user(UserPoolId=suite.state.resources["user_pool.id"], Username=user)
    except cognito.exceptions.UserNotFoundException:
        return None
    return found


def _client_secret(suite: Suite) -> str:
    resources = suite.state.resources
    ids = {"UserPoolId": resources["user_pool.id"], "ClientId": resources["user_pool.client_id"]}
    return str(suite.aws("cognito-idp").describe_user_pool_client(**ids)["UserPoolClient"]["ClientSecret"])


def _events(suite: Suite, subject: str, most: int) -> list[SecurityEvent]:
    answer = suite.aws("dynamodb").query(
        TableName=suite.resource("auth", "audits"),
        KeyConditionExpression="subject = :subject",
        ExpressionAttributeValues={":subject": {"S": subject}},
        ScanIndexForward=False,
        Limit=most,
        ConsistentRead=True,
    )
    rows = [_plain({"M": item}) for item in answer["Items"]]
    return [SecurityEvent(row["at"], row["type"], row["data"]) for row in rows]


def _plain(value: dict[str, Any]) -> Any:
    """What an attribute value of DynamoDB holds; numbers stay text, to be shown."""
    [(kind, held)] = value.items()
    return {name: _plain(inner) for name, inner in held.items()} if kind == "M" else held
