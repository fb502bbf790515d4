"""What can be wrong with a sign-in by a provider."""

from messenger_contracts.problem import FieldError
from servicekit.errors import Conflict, NotFound, Unauthenticated, ValidationFailed


class UnknownProvider(NotFound):
    """Nobody set this provider up."""

    detail = "There is no such provider."


class ForeignTarget(ValidationFailed):
    """The browser would be sent where it was not agreed on."""

    def __init__(self) -> None:
        super().__init__(errors=[FieldError(pointer="query/return_to", detail="is not on the list of return targets")])


class FlowOver(Unauthenticated):
    """The sign-in took too long, was finished before, or began in another browser."""

    detail = "This sign-in is over, or began in another browser: begin anew."


class ProofSpent(Conflict):
    """The code of this proof was guessed at too often."""

    detail = "There were too many wrong codes: have another one mailed."


class ExchangeRefused(Unauthenticated):
    """Cognito does not take the code, or what it gave for it does not belong to this sign-in."""

    detail = "The provider's answer is not good: begin anew."
