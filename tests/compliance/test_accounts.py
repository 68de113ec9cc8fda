"""What an account adds to the counts that checks judge."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest

from usercore import AccessTokenPolicy, LinkPolicy, LoginTokenPolicy, PasswordPolicy, Policy, SecondFactorPolicy
from usercore.compliance.facts import AccountCounts
from usercore.compliance.rules import AccountExaminer
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.second_factors.model import FactorKey
from usercore.storage.compliance import AccountSecurity
from usercore.testing import FakeHasher
from usercore.testing.contracts.second_factors import FACTOR
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import a_credential, a_limited_use_token, an_access_token
from usercore.tokens.kinds import TokenKind, TokenRules

DAY: Final = timedelta(days=1)
OTHER_KEY: Final = evolve(FACTOR, key_id="gone")

POLICY: Final = Policy(
    access_tokens=AccessTokenPolicy(lifetime=30 * DAY, idle_lifetime=7 * DAY),
    login_tokens=LoginTokenPolicy(lifetime=timedelta(minutes=5)),
    links=LinkPolicy(undo_lifetime=3 * DAY),
    passwords=PasswordPolicy(generated_lifetime=14 * DAY),
    second_factors=SecondFactorPolicy(keys=(FactorKey(id=FACTOR.key_id, key=bytes(32)),)),
)
BARE: Final = AccountSecurity(
    user_id=UserId(101),
    has_unverified_email=False,
    is_privileged=False,
    credential=None,
    factors=(),
    has_passkey=False,
    access_tokens=(),
    limited_use_tokens=(),
)


def counts(account: AccountSecurity, *, is_admin: bool = False) -> dict[str, int]:
    """Return what an account adds, besides itself."""
    examiner = AccountExaminer(policy=POLICY, hasher=FakeHasher(), now=NOON)
    found = Counter(examiner.counts_of(account, is_admin=is_admin))
    assert found.pop("users") == 1
    AccountCounts(**found)  # all of them are counts
    return dict(found)


def password(**values: Any) -> dict[str, int]:
    """Return what a password adds, which is lasting unless the values say otherwise."""
    lasting = {"must_change": False, "expires_at": None, "set_at": NOON - 400 * DAY, **values}
    return counts(BARE._replace(credential=a_credential(**lasting)))


def session(**values: Any) -> dict[str, int]:
    """Return what a session adds, which was opened and used now unless the values say otherwise."""
    fresh = {"issued_at": NOON, "last_used_at": NOON, "expires_at": NOON + 30 * DAY, **values}
    return counts(BARE._replace(access_tokens=(an_access_token(**fresh),)))


def token(kind: TokenKind, lifetime: timedelta, *, age: timedelta = timedelta(0)) -> dict[str, int]:
    """Return what a token adds that was issued so long ago."""
    issued_at = NOON - age
    made = a_limited_use_token(kind=kind, issued_at=issued_at, expires_at=issued_at + lifetime)
    return counts(BARE._replace(limited_use_tokens=(made,)))


def test_a_user_who_has_nothing_adds_nothing() -> None:
    assert counts(BARE) == {}
    assert counts(BARE._replace(has_unverified_email=True)) == {"unverified_emails": 1}


def test_privileged_users_are_protected_by_a_factor_or_a_passkey() -> None:
    privileged = BARE._replace(is_privileged=True)
    assert counts(privileged) == {"privileged": 1, "unprotected_privileged": 1}
    assert counts(privileged, is_admin=True) == {"admins": 1, "unprotected_admins": 1}
    assert counts(privileged._replace(has_passkey=True)) == {"privileged": 1}
    assert counts(BARE._replace(factors=(FACTOR,)), is_admin=True) == {"admins": 1, "factors": 1}
    assert counts(BARE._replace(factors=(FACTOR, OTHER_KEY))) == {"factors": 2, "factors_without_key": 1}


def test_hashes_are_current_outdated_or_unusable() -> None:
    assert password(hash="fake$1$x") == {"passwords": 1}
    assert password(hash="older$1$x") == {"passwords": 1, "outdated_hashes": 1}
    assert password(hash="damaged") == {"passwords": 1, "unusable_hashes": 1}
    assert password(hash="") == {}


def test_a_temporary_password_that_is_accepted_for_longer_than_new_ones_is_overdue() -> None:
    temporary = {"must_change": True, "expires_at": NOON + TICK}
    young, old = NOON - 14 * DAY + TICK, NOON - 14 * DAY
    assert password(**temporary, set_at=young) == {"passwords": 1, "temporary_passwords": 1}
    assert password(**temporary, set_at=old) == {"passwords": 1, "temporary_passwords": 1, "overdue_passwords": 1}
    assert password(must_change=True, expires_at=NOON, set_at=old) == {"passwords": 1}  # it is refused


def test_sessions_count_while_they_are_accepted() -> None:
    assert session() == {"sessions": 1}
    assert session(last_used_at=NOON - 7 * DAY + TICK) == {"sessions": 1}
    assert session(last_used_at=NOON - 7 * DAY) == {}
    assert session(expires_at=NOON) == {}
    assert session(expires_at=NOON + 30 * DAY + TICK) == {"sessions": 1, "outlasting_sessions": 1}
    older = {"issued_at": NOON - 40 * DAY, "expires_at": NOON + TICK}
    assert session(**older) == {"sessions": 1, "outlasting_sessions": 1}


def test_tokens_count_until_they_expire_and_are_compared_with_the_lifetime_of_their_kind() -> None:
    five_minutes = timedelta(minutes=5)
    assert token(TokenKind.LOGIN, five_minutes) == {"tokens": 1}
    assert token(TokenKind.LOGIN, five_minutes, age=five_minutes) == {}
    assert token(TokenKind.LOGIN, five_minutes + TICK) == {"tokens": 1, "outlasting_tokens": 1}
    assert token(TokenKind.EMAIL_UNDO, 3 * DAY) == {"tokens": 1}
    assert token(TokenKind.EMAIL_UNDO, 3 * DAY + TICK) == {"tokens": 1, "outlasting_tokens": 1}


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind.rules.max_uses and kind.rules.counted_as])
def test_every_kind_that_users_redeem_has_a_lifetime(kind: TokenKind) -> None:
    assert isinstance(kind.rules, TokenRules)
    assert token(kind, timedelta(seconds=1)) == {"tokens": 1}
    assert token(kind, 500 * DAY) == {"tokens": 1, "outlasting_tokens": 1}
