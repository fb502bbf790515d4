"""What lives as long as the process: connections, keys, and the services made of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from auth_service.accounts.repository import ClaimRepository, PersonRepository, SignUpRepository
from auth_service.accounts.service import AccountService
from auth_service.audits.repository import AuditRepository
from auth_service.audits.service import SecurityLog
from auth_service.challenges.dependencies import make_challenges
from auth_service.devices.service import DeviceService
from auth_service.endings.repository import EndingRepository
from auth_service.endings.service import Announcer
from auth_service.erasures.closing import AccountCloser
from auth_service.erasures.dependencies import make_erasures
from auth_service.erasures.eraser import Eraser
from auth_service.erasures.repository import ErasureRepository
from auth_service.exports.archiver import Archiver
from auth_service.exports.dependencies import make_exports, open_archiver
from auth_service.federations.dependencies import open_federations
from auth_service.keepers.dependencies import open_keepers
from auth_service.lockouts.dependencies import open_lockouts
from auth_service.lockouts.service import LockoutService
from auth_service.mails.repository import MailRepository
from auth_service.notices.repository import SOURCES, NoticeRepository
from auth_service.notices.service import NoticeService
from auth_service.passwords.dependencies import make_passwords
from auth_service.recovery_codes.dependencies import make_recovery
from auth_service.rotations.repository import VersionRepository
from auth_service.rotations.service import RotationWatch
from auth_service.sessions.ends import SessionEnds
from auth_service.sessions.keys import SessionKeys
from auth_service.sessions.renewals import SessionRenewals
from auth_service.sessions.repository import SessionRepository
from auth_service.sessions.service import SessionService
from auth_service.settings import AuthSettings
from auth_service.totp.dependencies import make_totp
from auth_service.user_pool.repository import UserPool
from messenger_contracts.browsers import DEVICE_PURPOSE, SESSION_PURPOSE
from servicekit.aws import Aws
from servicekit.cursors import Cursors
from servicekit.dynamodb_outbox import DynamoOutbox
from servicekit.identity import identity_verifier
from servicekit.keys import KeyRing, key_ring
from servicekit.tokens import Tokens
from servicekit.valkey import create_valkey


@asynccontextmanager
async def lifespan(settings: AuthSettings, app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    """Open what the routes find in `request.state`, and close it when the last request has gone."""
    async with (
        Aws(settings.region) as aws,
        open_announcer(settings, aws) as announcer,
        AsyncExitStack() as stack,
    ):
        cognito = await aws.client("cognito-idp")
        pool = await UserPool.open(cognito, settings.user_pool_id, settings.user_pool_client_id)
        rows = await make_rows(settings, aws)
        app.state.health.require("sessions", rows.check)
        log = await make_log(settings, aws, pool)
        lockouts = await stack.enter_async_context(open_lockouts(settings, log))
        accounts, keys = await make_accounts(settings, aws, pool, lockouts), await session_keys(settings, aws)
        flows = await key_ring(aws, settings.resource("flow"), settings.key_seconds)
        recovery = await make_recovery(settings, aws)
        challenges = make_challenges(flows, pool, accounts, recovery, lockouts, log)
        devices = await make_devices(settings, aws)
        ends = SessionEnds(pool=pool, sessions=rows, announcer=announcer, seals=keys.seals, log=log)
        renewals = SessionRenewals(pool=pool, sessions=rows, ends=ends, devices=devices, keys=keys)
        sessions = SessionService(
            pool=pool,
            accounts=accounts,
            sessions=rows,
            ends=ends,
            devices=devices,
            lockouts=lockouts,
            challenges=challenges,
            keys=keys,
            log=log,
            days=settings.session_days,
        )
        federations = await stack.enter_async_context(
            open_federations(settings, aws, pool, accounts, sessions, lockouts, log)
        )
        yield {
            "identity": await identity_verifier(aws, settings),
            "accounts": accounts,
            "sessions": sessions,
            "federations": federations,
            "renewals": renewals,
            "erasures": await make_erasures(settings, aws, AccountCloser(accounts, ends, pool), sessions, pool, log),
            "exports": await make_exports(settings, aws, sessions, log),
            "passwords": make_passwords(flows, pool, accounts, renewals, ends, lockouts, log),
            "totp": make_totp(flows, pool, renewals, challenges, recovery, lockouts, log),
        }


@asynccontextmanager
async def open_announcer(settings: AuthSettings, aws: Aws) -> AsyncIterator[Announcer]:
    """The announcer of ended sessions, with its own connections to Valkey."""
    dynamodb, table = await aws.client("dynamodb"), settings.resource("sessions")
    async with create_valkey(settings.valkey_url, settings.client_name) as valkey:
        yield Announcer(EndingRepository(dynamodb, table, valkey, settings.resource_prefix))


@asynccontextmanager
async def open_departures(
    settings: AuthSettings, aws: Aws, announcer: Announcer
) -> AsyncIterator[tuple[Eraser, Archiver]]:
    """What erases people and what copies their data, for the worker, which has none of the API's services."""
    dynamodb = await aws.client("dynamodb")
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    rows, keys = await make_rows(settings, aws), await session_keys(settings, aws)
    log = await make_log(settings, aws, pool)
    ends = SessionEnds(pool=pool, sessions=rows, announcer=announcer, seals=keys.seals, log=log)
    recovery = await make_recovery(settings, aws)
    async with open_lockouts(settings, log) as lockouts, open_keepers(settings, aws) as keepers:
        accounts = await make_accounts(settings, aws, pool, lockouts)
        async with open_archiver(settings, aws, accounts, ends, keepers, log) as archiver:
            eraser = Eraser(
                erasures=ErasureRepository(dynamodb, settings.resource("erasures")),
                keepers=keepers,
                closer=AccountCloser(accounts, ends, pool),
                accounts=accounts,
                ends=ends,
                pool=pool,
                log=log,
                forget=[recovery.forget, archiver.forget],
                settle_seconds=settings.settle_seconds,
            )
            yield eraser, archiver


async def make_rows(settings: AuthSettings, aws: Aws) -> SessionRepository:
    """The rows of sessions."""
    dynamodb = await aws.client("dynamodb")
    return SessionRepository(dynamodb, settings.resource("sessions"), settings.resource("cutoffs"))


async def make_watch(settings: AuthSettings, aws: Aws) -> RotationWatch:
    """What notices rotations."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    versions = VersionRepository(await aws.client("secretsmanager"), settings.resource_prefix)
    return RotationWatch(versions, await make_log(settings, aws, pool))


async def make_log(settings: AuthSettings, aws: Aws, pool: UserPool) -> SecurityLog:
    """The security log."""
    audits = AuditRepository(await aws.client("dynamodb"), settings.resource("audits"))
    return SecurityLog(audits, DynamoOutbox(settings.resource("outbox")), pool.pepper)


async def make_accounts(settings: AuthSettings, aws: Aws, pool: UserPool, lockouts: LockoutService) -> AccountService:
    """The service of accounts on a pool."""
    dynamodb = await aws.client("dynamodb")
    sign_ups = SignUpRepository(dynamodb, settings.resource("sign-ups"))
    people = PersonRepository(dynamodb, settings.resource("people"))
    ring = await key_ring(aws, settings.resource("flow"), settings.key_seconds)
    return AccountService(
        pool=pool,
        sign_ups=sign_ups,
        people=people,
        claims=ClaimRepository(dynamodb, settings.resource("usernames")),
        lockouts=lockouts,
        log=await make_log(settings, aws, pool),
        flows=Tokens(ring, "verify_email_session"),
        seals=Tokens(ring, "sign_up_record"),
    )


async def make_devices(settings: AuthSettings, aws: Aws) -> DeviceService:
    """What devices are known by."""
    ring = await key_ring(aws, settings.resource("known-device"), settings.key_seconds)
    return DeviceService(Tokens(ring, DEVICE_PURPOSE))


async def make_notices(settings: AuthSettings, aws: Aws) -> NoticeService:
    """What writes to people about the security of their accounts."""
    pool = await UserPool.open(await aws.client("cognito-idp"), settings.user_pool_id, settings.user_pool_client_id)
    dynamodb = await aws.client("dynamodb")
    sources = [NoticeRepository(dynamodb, settings.resource(source.table), source) for source in SOURCES]
    return NoticeService(sources, MailRepository(await aws.client("sesv2"), settings.mail_sender), pool)


async def session_keys(settings: AuthSettings, aws: Aws) -> SessionKeys:
    """The keys that seal sessions, cookies and tickets."""

    async def ring_of(name: str) -> KeyRing:
        return await key_ring(aws, settings.resource(name), settings.key_seconds)

    ring = await ring_of("session")
    return SessionKeys(
        refresh=Tokens(ring, "refresh_session"),
        browsers=Tokens(await ring_of("active-session"), SESSION_PURPOSE),
        seals=Tokens(ring, "cognito_refresh_token"),
        tickets=Tokens(await ring_of("realtime-ticket"), "realtime_ticket"),
        cursors=Cursors(ring, "sessions"),
    )
