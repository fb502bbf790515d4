"""Recovery codes, put together."""

from auth_service.recovery_codes.repository import RecoveryCodeRepository
from auth_service.recovery_codes.service import RecoveryCodeService
from auth_service.settings import AuthSettings
from servicekit.aws import Aws


async def make_recovery(settings: AuthSettings, aws: Aws) -> RecoveryCodeService:
    """The recovery codes of people."""
    table = settings.resource("recovery-codes")
    return RecoveryCodeService(RecoveryCodeRepository(await aws.client("dynamodb"), table))
