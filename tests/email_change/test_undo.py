"""An undo ends every kind of row that signs a user in: one that is forgotten is named here."""

from typing import Any, Final

import pytest

from tests.samples import collect, joined
from usercore.attempts.model import Attempt, RegistrationAttempt, UserAgent
from usercore.email_change.undo import ENDED_BY_UNDO
from usercore.history.model import Action, Entry
from usercore.outbox.model import Delivery
from usercore.second_factors.model import SignInChallenge
from usercore.storage.registration_counts import CountedPeriod
from usercore.tenants.model import Tenant
from usercore.throttling.model import FailureCounter, RateLimitWindow
from usercore.tokens.kinds import RevocationReason, TokenKind
from usercore.tokens.model import DeviceToken, RegistrationLink, SourceAccess
from usercore.tokens.policies import RevocationPolicy
from usercore.tokens.rules import kinds_revoked_by, kinds_revoked_since
from usercore.users.model import Claim, EmailChange, User, UserWord
from usercore_storage.sql.table import Table
from usercore_storage.sql.tables import ALL

RESTORED: Final = {User, Claim, EmailChange}
"""What an undo restores: the email, external and access ids, and the later changes of the chain."""

STAYS: Final[dict[type, str]] = {
    Tenant: "not of a user",
    UserAgent: "not of a user",
    DeviceToken: "of no user, and no credential; the access tokens that were paired with it since are unpaired",
    RegistrationLink: "of an address that no user has",
    SignInChallenge: "refused when the user has another version, as after an undo",
    Attempt: "a record of what happened",
    RegistrationAttempt: "a record of what happened",
    FailureCounter: "slows signing in down, and signs no user in",
    RateLimitWindow: "slows requests down",
    UserWord: "derived from the user's own row",
    CountedPeriod: "not of a user",
    Entry: "a record of what happened",
    Action: "a record of what happened",
    SourceAccess: "a record of what happened",
    Delivery: "a link in it is dropped when it is no longer current",
}
"""What an undo does not touch, and why; the samples of its folder name what belongs to one service."""

EXEMPT: Final = {
    TokenKind.EMAIL_UNDO: "valid only as long as its change can be undone",
    TokenKind.REGISTRATION: "has no user",
    TokenKind.API: "has no user; those that the user created are ended by ENDED_BY_UNDO",
}


@pytest.mark.rule("E3")
@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_an_undo_ends_the_rows_of_a_table_or_there_is_a_reason_why_they_stay(table: Table[Any]) -> None:
    known = {*ENDED_BY_UNDO, *RESTORED, *STAYS, *joined(samples.kept_by_undo for samples in collect())}
    assert table.entity in known, (
        f"usercore/email_change/undo.py: ENDED_BY_UNDO does not end {table.entity.__name__} ({table.name}); "
        "if an intruder's row does not sign them in, add it to kept_by_undo in the samples.py of its tests"
    )


@pytest.mark.rule("E3", "K9")
@pytest.mark.parametrize("kind", TokenKind, ids=lambda kind: kind.name)
def test_an_undo_revokes_every_kind_of_token_or_there_is_a_reason_why_not(kind: TokenKind) -> None:
    reason = RevocationReason.EMAIL_UNDONE
    revoked = kinds_revoked_by(reason, RevocationPolicy()) | kinds_revoked_since(reason)
    assert (kind in revoked) != (kind in EXEMPT), (
        f"usercore/tokens/kinds.py: {kind.name} needs EMAIL_UNDONE in revoked_by or revoked_since"
    )
