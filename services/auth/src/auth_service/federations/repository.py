"""Cognito's hosted UI, and what was finished: in Valkey, like a ticket's single use."""

from typing import Any
from urllib.parse import urlencode

import httpx

from auth_service.federations.domain import FLOW_SECONDS, PROOF_SECONDS, SCOPES, Secrets
from auth_service.federations.errors import ExchangeRefused
from auth_service.federations.models import HostedUi
from servicekit.errors import DependencyUnavailable
from servicekit.telemetry import record_failure
from servicekit.valkey import UNAVAILABLE

SERVER_ERROR = 500
TOO_MANY = 429
REMEMBERED_SECONDS = max(FLOW_SECONDS, PROOF_SECONDS)


class HostedUiRepository:
    """The pages that a browser is sent to, and the exchange of what it brings back."""

    def __init__(self, http: httpx.AsyncClient, ui: HostedUi, client_secret: str) -> None:
        self._http = http
        self._ui = ui
        self._client_secret = client_secret

    def authorize_url(self, provider: str, chosen: Secrets) -> str:
        """Where a sign-in by a provider begins. https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html"""
        return self._page(
            "/oauth2/authorize",
            response_type="code",
            redirect_uri=self._ui.callback_url,
            scope=SCOPES,
            state=chosen.state,
            nonce=chosen.nonce,
            code_challenge=chosen.challenge,
            code_challenge_method="S256",
            identity_provider=provider,
        )

    def logout_url(self) -> str:
        """Where the hosted UI forgets the browser. https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html"""
        return self._page("/logout", logout_uri=self._ui.logout_url)

    async def exchange(self, code: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code, which is good once; raises `ExchangeRefused`."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self._ui.client_id,
            "code": code,
            "redirect_uri": self._ui.callback_url,
            "code_verifier": verifier,
        }
        try:
            answer = await self._http.post(
                f"{self._ui.url}/oauth2/token", data=form, auth=(self._ui.client_id, self._client_secret)
            )
            if answer.status_code >= SERVER_ERROR or answer.status_code == TOO_MANY:
                raise DependencyUnavailable
            if not answer.is_success:
                raise ExchangeRefused
            tokens: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            record_failure("hosted-ui", error)
            raise DependencyUnavailable from error
        return tokens

    def _page(self, path: str, **parameters: str) -> str:
        return f"{self._ui.url}{path}?{urlencode({'client_id': self._ui.client_id, **parameters})}"


class FinishedFlows:
    """Remembers which sign-ins came back, and which proofs were used, for as long as they could come again."""

    def __init__(self, valkey: Any, namespace: str) -> None:
        self._valkey = valkey
        self._namespace = namespace

    async def finish(self, flow_id: str) -> bool:
        """Note that a sign-in came back; False if it did before. Without Valkey none is let through."""
        try:
            first = await self._valkey.set(self._key(flow_id), 1, nx=True, ex=REMEMBERED_SECONDS)
        except UNAVAILABLE as error:
            raise _unchecked(error) from error
        return bool(first)

    async def is_finished(self, flow_id: str) -> bool:
        """Whether a sign-in came back."""
        try:
            return bool(await self._valkey.exists(self._key(flow_id)))
        except UNAVAILABLE as error:
            raise _unchecked(error) from error

    async def reopen(self, flow_id: str) -> None:
        """Let one come back again that failed by no fault of its own; where that fails too, it stays finished."""
        try:
            await self._valkey.delete(self._key(flow_id))
        except UNAVAILABLE as error:
            record_failure("federations", error)

    def _key(self, flow_id: str) -> str:
        return f"{self._namespace}:oidc:{flow_id}"


def _unchecked(error: Exception) -> DependencyUnavailable:
    record_failure("federations", error)
    return DependencyUnavailable("Sign-ins by a provider cannot be checked at the moment.")
