"""Every call to Cognito.

The client of the pool has a secret, so that nobody can sign up or sign in past the gateway's limits and our rules,
and knows the password flow of servers alone (ADMIN_USER_PASSWORD_AUTH).
"""

import base64
import hashlib
import hmac
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from jose import jwt

from auth_service.user_pool.errors import Refused, UnknownAccount, translate
from auth_service.user_pool.models import Account, Grant
from servicekit.errors import DependencyUnavailable


class UserPool:
    """One pool, through one of its clients."""

    def __init__(self, cognito: Any, pool_id: str, client_id: str, client_secret: str) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._client_secret = client_secret

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

        Raises `AddressTaken`, and `Refused` when the account is verified already.
        """
        await self._as_client("confirm_sign_up", username, ConfirmationCode=code, ForceAliasCreation=False)
        # Cognito itself marks the address; saying it again is harmless, and not every emulator does.
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
        )

    async def delete(self, user_id: str) -> None:
        """Remove an account, by its id so that a successor with the same name is safe; one that is gone is no error."""
        try:
            await self._as_admin("admin_delete_user", Username=user_id)
        except UnknownAccount:
            return

    async def authenticate(self, login: str, password: str) -> Grant:
        """Sign in by username or verified address.

        Raises `Refused`, or `NotVerified` whatever the password: Cognito says that before it looks at it.
        """
        parameters = {"USERNAME": login, "PASSWORD": password, "SECRET_HASH": self._secret_hash(login)}
        return await self._grant("ADMIN_USER_PASSWORD_AUTH", parameters)

    async def refresh(self, username: str, refresh_token: str) -> Grant:
        """A new access token for a refresh token; raises `Refused` when it was revoked or is too old."""
        parameters = {"REFRESH_TOKEN": refresh_token, "SECRET_HASH": self._secret_hash(username)}
        return await self._grant("REFRESH_TOKEN_AUTH", parameters)

    async def revoke(self, refresh_token: str) -> None:
        """End a refresh token and the access tokens that came of it."""
        await self._call(
            "revoke_token", Token=refresh_token, ClientId=self._client_id, ClientSecret=self._client_secret
        )

    async def revoke_all(self, username: str) -> None:
        """End every token of an account."""
        await self._as_admin("admin_user_global_sign_out", Username=username)

    async def _grant(self, flow: str, parameters: dict[str, str]) -> Grant:
        answer = await self._as_admin(
            "admin_initiate_auth", ClientId=self._client_id, AuthFlow=flow, AuthParameters=parameters
        )
        if "AuthenticationResult" not in answer:
            raise Refused  # a challenge, which only an account made by an administrator can get
        tokens = answer["AuthenticationResult"]
        claims = jwt.get_unverified_claims(tokens["AccessToken"])  # it comes from Cognito itself
        return Grant(
            user_id=claims["sub"],
            username=claims["username"],
            session_id=claims["origin_jti"],
            access_token=tokens["AccessToken"],
            expires_at=claims["exp"],
            expires_in=tokens["ExpiresIn"],
            refresh_token=tokens.get("RefreshToken"),
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

    def _secret_hash(self, username: str) -> str:
        """HMAC of username and client id, as Cognito's guide "Computing secret hash values" has it."""
        digest = hmac.digest(self._client_secret.encode(), f"{username}{self._client_id}".encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()
