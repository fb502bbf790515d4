"""How long a security event is kept, and whether its person is written to. No I/O."""

from datetime import timedelta

from messenger_contracts.events.auth import (
    AccountErased,
    ErasureRequested,
    IdentityLinked,
    PasswordChanged,
    PasswordReset,
    RecoveryCodeUsed,
    SecurityEvent,
    SignInFailed,
    TotpDisabled,
    TotpEnabled,
)

KEPT = timedelta(days=365)
"""A year: what people find out about late, and what they ask for."""
FAILURES_KEPT = timedelta(days=90)
"""Anybody can make these for a login that is not theirs, as many as the limits let through."""
OF_THE_ERASURE = frozenset({ErasureRequested.TYPE, AccountErased.TYPE})
"""What stays of a person who was erased: that it was asked for, and done."""

NEWS = frozenset(
    each.TYPE for each in (PasswordChanged, PasswordReset, TotpEnabled, TotpDisabled, RecoveryCodeUsed, IdentityLinked)
)
"""What people are written to about: what lets somebody in, or keeps them out. `notices` has a text for each."""


def kept_for(data: SecurityEvent) -> timedelta:
    """How long an event can be looked up."""
    return FAILURES_KEPT if isinstance(data, SignInFailed) else KEPT
