"""SES, which sends our mails. Cognito sends its own codes itself."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from auth_service.mails.errors import MailNotTaken
from auth_service.mails.models import Mail


class MailRepository:
    """Hands mails to SES."""

    def __init__(self, ses: Any, sender: str) -> None:
        self._ses = ses
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Send a mail; once SES has it, SES sees to the rest. Raises `MailNotTaken`."""
        content = {
            "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
        }
        try:
            await self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={"Simple": content},
            )
        except (BotoCoreError, ClientError) as error:
            raise MailNotTaken from error
