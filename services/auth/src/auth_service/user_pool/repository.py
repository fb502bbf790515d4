"""Every call to Cognito.

The client of the pool has a secret, so that nobody can sign up or sign in past the gateway's limits and our rules,
and knows the password flow of servers alone (ADMIN_USER_PASSWORD_AUTH).
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from jose import jwt

from auth_service.user_pool.errors import AddressTaken, Refused, UnknownAccount, translate
from auth_service.user_pool.models import Account, Challenge, Grant
from messenger_contracts.events.auth import login_pepper
from servicekit.errors import DependencyUnavailable

TOTP = "SOFTWARE_TOKEN_MFA"
"""Cognito's name for authenticators, RFC 6238 with SHA-1, six digits and 30 seconds."""
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PASSWORD_BYTES = 32
"""Of a password that nobody is to know."""


class UserPool:
    """One pool, through one of its clients."""

    def __init__(self, cognito: Any, pool_id: str, client_id: str, client_secret: str) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._client_secret = client_secret

    @property
    def client_secret(self) -> str:
        """What the hosted UI knows us by, as Cognito's API does."""
        return self._client_secret

    @classmethod
    async def open(cls, cognito: Any, pool_id: str, client_id: str) -> Self:
        """The pool, with the client's secret read from Cognito."""
        found = await cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)
        return cls(cognito, pool_id, client_id, found["UserPoolClient"]["ClientSecret"])

    async def sign_up(self, username: str, password: str, email: str, display_name: str) -> str:
        """Add an account that is not verified yet and mail its code; returns its id.

        An address that another account has is no error here: Cognito tells whoever enters the mailed code.
        """
        answer = await self._as_client(
            "sign_up",
            username,
            Password=password,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "name", "Value": display_name}],
        )
        return str(answer["UserSub"])

    async def confirm(self, username: str, code: str) -> None:
        """Verify an account's address by the mailed code; from then on it is a login.

        Raises `AddressTaken`, and `Refused` when the account is verified already. Cognito itself refuses an address
        that is taken, and marks one that is not; to do both again is harmless, and not every emulator does either.
        """
        await self._as_client("confirm_sign_up", username, ConfirmationCode=code, ForceAliasCreation=False)
        own = await self.find(username)
        owner = await self.find(own.email) if own and own.email else None
        if own and owner and owner.user_id != own.user_id:
            raise AddressTaken
        verified = {"Name": "email_verified", "Value": "true"}
        await self._as_admin("admin_update_user_attributes", Username=username, UserAttributes=[verified])

    async def resend(self, username: str) -> None:
        """Mail another code."""
        await self._as_client("resend_confirmation_code", username)

    async def find(self, login: str) -> Account | None:
        """The account with this name, address or id, verified or not."""
        try:
            found = await self._as_admin("admin_get_user", Username=login)
        except UnknownAccount:
            return None
        attributes = {attribute["Name"]: attribute["Value"] for attribute in found["UserAttributes"]}
        return Account(
            user_id=attributes["sub"],
            username=found["Username"],
            display_name=attributes.get("name") or found["Username"],
            created_at=found["UserCreateDate"],
            verified=found["UserStatus"] != "UNCONFIRMED",
            email=attributes.get("email", ""),
            has_totp=TOTP in found.get("UserMFASettingList", ()),
            enabled=found.get("Enabled", True),
            is_external=found["UserStatus"] == "EXTERNAL_PROVIDER",
            attributes=attributes,
        )

    async def disable(self, user_id: str) -> bool:
        """Let nobody sign in to an account any more; returns whether it is still there."""
        try:
            await self._as_admin("admin_disable_user", Username=user_id)
        except UnknownAccount:
            return False
        return True

    async def delete(self, user_id: str) -> None:
        """Remove an account, by its id so that a successor with the same name is safe; one that is gone is no error."""
        try:
            await self._as_admin("admin_delete_user", Username=user_id)
        except UnknownAccount:
            return

    async def authenticate(self, login: str, password: str) -> Grant | Challenge:
        """Sign in by username or verified address; a challenge where the account has an authenticator.

        Raises `Refused`, or `NotVerified` whatever the password: Cognito says that before it looks at it.
        """
        _demand_login(login)
        parameters = {"USERNAME": login, "PASSWORD": password, "SECRET_HASH": self._secret_hash(login)}
        asked_at = present()
        answer = await self._initiate("ADMIN_USER_PASSWORD_AUTH", parameters)
        if answer.get("ChallengeName") == TOTP:
            # Not the login that was typed: answers to the challenge take the name itself.
            return Challenge(answer["ChallengeParameters"]["USER_ID_FOR_SRP"], answer["Session"], asked_at)
        return _grant(answer, asked_at)

    async def prove(self, login: str, password: str) -> Challenge | None:
        """Check a password; gives the challenge that a sign-in would meet. Raises as `authenticate` does.

        Cognito has no such question, so it is a sign-in whose tokens are void at once.
        """
        found = await self.authenticate(login, password)
        if isinstance(found, Challenge):
            return found
        await self.revoke(str(found.refresh_token))
        return None

    async def answer(self, challenge: Challenge, code: str) -> Grant:
        """Sign in by the authenticator's code.

        Raises `WrongCode`, also for a code that was used before, and `Refused` when the challenge is over.
        """
        name = challenge.username
        answer = await self._as_admin(
            "admin_respond_to_auth_challenge",
            ClientId=self._client_id,
            ChallengeName=TOTP,
            Session=challenge.session,
            ChallengeResponses={
                "USERNAME": name,
                f"{TOTP}_CODE": code,
                "SECRET_HASH": self._secret_hash(name),
            },
        )
        return _grant(answer, challenge.asked_at)

    async def refresh(self, username: str, refresh_token: str) -> Grant:
        """A new access token for a refresh token; raises `Refused` when it was revoked or is too old."""
        parameters = {"REFRESH_TOKEN": refresh_token, "SECRET_HASH": self._secret_hash(username)}
        return _grant(await self._initiate("REFRESH_TOKEN_AUTH", parameters), present())

    async def revoke(self, refresh_token: str) -> None:
        """End a refresh token and the access tokens that came of it."""
        await self._call(
            "revoke_token", Token=refresh_token, ClientId=self._client_id, ClientSecret=self._client_secret
        )

    async def revoke_all(self, username: str) -> None:
        """End every token of an account."""
        await self._as_admin("admin_user_global_sign_out", Username=username)

    async def mail_reset_code(self, login: str) -> None:
        """Mail a code that allows a new password; to nobody, and without an error, for a login that nobody has.

        Raises `Rejected` for an account without a verified address.
        """
        _demand_login(login)
        await self._as_client("forgot_password", login)

    async def reset_password(self, login: str, code: str, password: str) -> None:
        """Set a new password by the mailed code; raises `WrongCode`, for a login that nobody has too."""
        _demand_login(login)
        await self._as_client("confirm_forgot_password", login, ConfirmationCode=code, Password=password)

    async def change_password(self, access_token: str, old: str, new: str) -> None:
        """Set a new password by the old one; raises `Refused`."""
        await self._call("change_password", AccessToken=access_token, PreviousPassword=old, ProposedPassword=new)

    async def begin_totp(self, access_token: str) -> str:
        """A new secret for an authenticator, base32; an earlier one stays good until this one is confirmed."""
        return str((await self._call("associate_software_token", AccessToken=access_token))["SecretCode"])

    async def confirm_totp(self, access_token: str, code: str) -> None:
        """Make the newest secret the good one, by a code of it; raises `WrongCode`."""
        await self._call("verify_software_token", AccessToken=access_token, UserCode=code)

    async def demand_totp(self, username: str, *, demand: bool) -> None:
        """Ask for the authenticator's code at sign-ins, or no longer."""
        wish = {"Enabled": demand, "PreferredMfa": demand}
        await self._as_admin("admin_set_user_mfa_preference", Username=username, SoftwareTokenMfaSettings=wish)

    async def create_verified(self, username: str, email: str, display_name: str) -> str:
        """Add an account whose address somebody else verified; returns its id. Its password is known to nobody.

        Raises `UsernameTaken`, and `AddressTaken` when another account has the address.
        """
        made = await self._as_admin(
            "admin_create_user",
            Username=username,
            MessageAction="SUPPRESS",
            UserAttributes=[
                {"Name": "email", "Value": email},
                {"Name": "email_verified", "Value": "true"},
                {"Name": "name", "Value": display_name},
            ],
        )
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        await self._as_admin("admin_set_user_password", Username=username, Password=password, Permanent=True)
        return next(str(each["Value"]) for each in made["User"]["Attributes"] if each["Name"] == "sub")

    async def link(self, username: str, provider: str, subject: str) -> None:
        """Let an identity at a provider sign in to an account; raises `AddressTaken` when it is linked already.

        https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminLinkProviderForUser.html
        """
        await self._as_admin(
            "admin_link_provider_for_user",
            DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": username},
            SourceUser={
                "ProviderName": provider,
                "ProviderAttributeName": "Cognito_Subject",
                "ProviderAttributeValue": subject,
            },
        )

    async def _initiate(self, flow: str, parameters: dict[str, str]) -> dict[str, Any]:
        return await self._as_admin(
            "admin_initiate_auth", ClientId=self._client_id, AuthFlow=flow, AuthParameters=parameters
        )

    async def _as_client(self, operation: str, username: str, **parameters: Any) -> dict[str, Any]:
        return await self._call(
            operation,
            ClientId=self._client_id,
            SecretHash=self._secret_hash(username),
            Username=username,
            **parameters,
        )

    async def _as_admin(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._call(operation, UserPoolId=self._pool_id, **parameters)

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await getattr(self._cognito, operation)(**parameters)
        except ClientError as error:
            raise translate(error) from error
        except BotoCoreError as error:
            raise DependencyUnavailable from error
        return answer

    @property
    def pepper(self) -> bytes:
        """A key for hashes that nobody without the client's secret can make. It lasts as long as that secret does."""
        return login_pepper(self._client_secret)

    def _secret_hash(self, username: str) -> str:
        """HMAC of username and client id, as Cognito's guide "Computing secret hash values" has it."""
        digest = hmac.digest(self._client_secret.encode(), f"{username}{self._client_id}".encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()


def _demand_login(name: str) -> None:
    """Raise `UnknownAccount` for an id. Cognito takes one for a name: a login more, with wrong tries of its own."""
    if _ID.fullmatch(name):
        raise UnknownAccount


def present() -> int:
    """This moment, as `Grant.asked_at` has it."""
    return time.time_ns() // 1000


def _grant(answer: dict[str, Any], asked_at: int) -> Grant:
    if "AuthenticationResult" not in answer:
        raise Refused  # a challenge, which only an account made by an administrator can get
    tokens = answer["AuthenticationResult"]
    return _grant_of(tokens["AccessToken"], tokens["ExpiresIn"], tokens.get("RefreshToken"), asked_at)


def grant_of(tokens: Mapping[str, Any], asked_at: int) -> Grant:
    """What the hosted UI's token endpoint gave, which says the same in other words."""
    return _grant_of(tokens["access_token"], tokens["expires_in"], tokens.get("refresh_token"), asked_at)


def _grant_of(access_token: str, expires_in: int, refresh_token: str | None, asked_at: int) -> Grant:
    claims = jwt.get_unverified_claims(access_token)  # it comes from Cognito itself
    return Grant(
        user_id=claims["sub"],
        username=claims["username"],
        session_id=claims["origin_jti"],
        access_token=access_token,
        expires_at=claims["exp"],
        expires_in=expires_in,
        refresh_token=refresh_token,
        asked_at=asked_at,
        groups=tuple(claims.get("cognito:groups", ())),
    )
