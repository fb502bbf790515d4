"""Proves the address of an identity for which its provider does not vouch: by a code that we mail.

Nobody looks for an account before the code is right: until then every address takes the same calls and gets the same
answers. The mail goes out within the request, and not by the worker: its person waits for it, can ask again where it
was not taken, and the code lies nowhere. The identity waits in a sealed cookie, which holds of the code a digest only.
"""

import hmac
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlencode
from uuid import uuid4

from auth_service.audits.service import SecurityLog
from auth_service.federations.domain import (
    PROOF_SECONDS,
    Identity,
    Post,
    digest_of,
    new_code,
    public_name,
    with_proof,
    write_code,
)
from auth_service.federations.errors import FlowOver, ProofSpent
from auth_service.federations.links import IdentityLinks
from auth_service.federations.models import Arrival
from auth_service.federations.repository import FinishedFlows
from auth_service.lockouts.domain import CODE, PROOF
from auth_service.lockouts.errors import LockedOut
from auth_service.lockouts.service import LockoutService
from auth_service.mails.errors import MailNotTaken
from auth_service.mails.repository import MailRepository
from auth_service.user_pool.errors import WrongCode
from messenger_contracts.events.auth import SignInFailed
from servicekit.errors import Unauthenticated
from servicekit.telemetry import record_failure
from servicekit.tokens import Tokens


@dataclass(frozen=True)
class Proof:
    """An identity that waits for its code, and where its browser goes on."""

    id: str
    identity: Identity
    digest: str
    return_to: str


class AddressProofs:
    """Mails codes, and takes them."""

    def __init__(
        self,
        *,
        links: IdentityLinks,
        finished: FinishedFlows,
        lockouts: LockoutService,
        log: SecurityLog,
        mails: MailRepository,
        seals: Tokens,
        origin: str,
        pepper: bytes,
    ) -> None:
        self._links = links
        self._finished = finished
        self._lockouts = lockouts
        self._log = log
        self._mails = mails
        self._seals = seals
        self._origin = origin
        self._pepper = pepper

    async def begin(self, identity: Identity, return_to: str) -> Arrival:
        """Mail a code, and send the browser to its target with a proof to be finished there.

        Where no mail can go out now, the target is told, and its page has one sent later.
        """
        code = new_code()
        try:
            await self._mail(identity, code)
            post = Post.MAILED
        except (LockedOut, MailNotTaken):
            post = Post.UNSENT
        return Arrival(with_proof(return_to, post), proof=await self._seal(identity, code, return_to))

    async def resend(self, sealed: str | None) -> str:
        """Mail another code; gives the proof that takes it, and five tries of its own.

        Raises `FlowOver`, `LockedOut` when it comes too soon after the last mail to the address, or `MailNotTaken`.
        """
        proof, code = await self._open(sealed), new_code()
        if await self._finished.is_finished(proof.id):
            raise FlowOver
        await self._mail(proof.identity, code)
        return await self._seal(proof.identity, code, proof.return_to)

    async def finish(self, sealed: str | None, code: str, network: str) -> str:
        """Link the identity by the right code; gives the URL by which the browser goes on into a session.

        Raises `FlowOver`, `WrongCode`, `ProofSpent` after five codes, or `LockedOut` after too many at the address.
        """
        proof = await self._open(sealed)
        async with self._lockouts.attempt(CODE, _subject(proof.identity), network):
            await self._try(proof, code, network)
        if not await self._finished.finish(proof.id):
            raise FlowOver
        try:
            await self._links.link(replace(proof.identity, verified=True), network)
        except BaseException:
            await self._finished.reopen(proof.id)  # what failed was not the code
            raise
        start = f"{self._origin}/v1/auth/oidc/{public_name(proof.identity.provider)}/start"
        return f"{start}?{urlencode({'return_to': proof.return_to})}"

    async def _try(self, proof: Proof, code: str, network: str) -> None:
        try:
            await self._lockouts.claim(PROOF, proof.id)
        except LockedOut as error:
            raise ProofSpent from error
        if not hmac.compare_digest(digest_of(self._pepper, proof.id, code), proof.digest):
            login = self._log.pseudonym(proof.identity.email)
            await self._log.write(SignInFailed(login=login, method="oidc", network=network or None))
            raise WrongCode("is not the code that we sent last")

    async def _mail(self, identity: Identity, code: str) -> None:
        """The count is the address's, whoever asks: nobody can be flooded from many browsers."""
        await self._lockouts.claim_mail(_subject(identity))
        try:
            await self._mails.send(write_code(identity, code))
        except MailNotTaken as error:
            record_failure("proofs", error)
            raise

    async def _seal(self, identity: Identity, code: str, return_to: str) -> str:
        proof_id = uuid4().hex
        proof = Proof(proof_id, identity, digest_of(self._pepper, proof_id, code), return_to)
        return await self._seals.make(asdict(proof), PROOF_SECONDS)

    async def _open(self, sealed: str | None) -> Proof:
        try:
            claims = await self._seals.read(sealed or "")
        except Unauthenticated as error:
            raise FlowOver from error
        return Proof(claims["id"], Identity(**claims["identity"]), claims["digest"], claims["return_to"])


def _subject(identity: Identity) -> str:
    return f"proof {identity.email}"
