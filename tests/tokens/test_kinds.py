"""Each kind of token is declared once, and its declaration fits what uses it."""

import attrs
import pytest

from usercore.composition.policy import Policy
from usercore.tokens.changes import KINDS, TOKENS_REVOKED
from usercore.tokens.kinds import ACCESS, LOGIN, REGISTRATION, RevocationReason, TokenKind
from usercore.tokens.model import RevokedTokens
from usercore.tokens.policies import RevocationPolicy
from usercore.tokens.rules import kinds_revoked_by, kinds_revoked_since

REVOCABLE = [kind for kind in TokenKind if kind.rules.revoked_by]


@pytest.mark.rule("K1")
def test_secrets_of_each_kind_begin_as_its_value_says() -> None:
    assert [ACCESS, LOGIN, REGISTRATION] == ["uca", "ucl", "ucr"]
    assert {type(kind.value) for kind in TokenKind} == {str}


@pytest.mark.rule("K1")
@pytest.mark.parametrize("kind", TokenKind)
def test_no_kind_is_the_beginning_of_another(kind: TokenKind) -> None:
    assert [other for other in TokenKind if other.startswith(kind)] == [kind]


@pytest.mark.parametrize("kind", TokenKind)
def test_the_policy_has_the_numbers_of_each_kind(kind: TokenKind) -> None:
    assert [type(part) for part in attrs.astuple(Policy(), recurse=False)].count(kind.rules.policy) == 1


@pytest.mark.parametrize("kind", TokenKind)
def test_the_changes_of_each_kind_are_in_the_catalogue(kind: TokenKind) -> None:
    assert kind.rules.issued in KINDS
    assert kind.rules.redeemed in (None, *KINDS)
    assert (kind.rules.redeemed is None) == (kind.rules.max_uses is None)


@pytest.mark.rule("K9")
@pytest.mark.parametrize("kind", REVOCABLE)
def test_tokens_that_an_event_revokes_are_counted_and_kept_in_history(kind: TokenKind) -> None:
    count = kind.rules.counted_as or ""
    revoked = RevokedTokens(reason=RevocationReason.SIGNED_OUT, **{count: 2})
    assert getattr(revoked, count) == 2
    assert count in TOKENS_REVOKED.fields


LINKS = frozenset({TokenKind.RESET, TokenKind.CONFIRMATION, TokenKind.EMAIL_CHANGE})
CHALLENGES = frozenset({TokenKind.PASSKEY})
OF_SIGN_IN = frozenset({TokenKind.ACCESS, TokenKind.LOGIN})
NONE: frozenset[TokenKind] = frozenset()

TABLE = {
    RevocationReason.SIGNED_OUT: OF_SIGN_IN | CHALLENGES,
    RevocationReason.PASSWORD_CHANGED: OF_SIGN_IN | LINKS | CHALLENGES | {TokenKind.AUTOLOGIN},
    RevocationReason.PASSWORD_SET: OF_SIGN_IN | LINKS | CHALLENGES | {TokenKind.AUTOLOGIN, TokenKind.DEVICE},
    RevocationReason.RESET_REQUESTED: {TokenKind.RESET},
    RevocationReason.EMAIL_CHANGED: LINKS | CHALLENGES | {TokenKind.LOGIN},
    RevocationReason.EMAIL_UNDONE: LINKS | CHALLENGES | {TokenKind.LOGIN},
    RevocationReason.DEACTIVATED: OF_SIGN_IN | LINKS | CHALLENGES | {TokenKind.EMAIL_UNDO},
    RevocationReason.CLAIMED_AWAY: OF_SIGN_IN
    | LINKS
    | CHALLENGES
    | {TokenKind.AUTOLOGIN, TokenKind.DEVICE, TokenKind.EMAIL_UNDO},
}


@pytest.mark.rule("K9")
def test_each_event_revokes_the_kinds_of_the_table() -> None:
    assert {reason: kinds_revoked_by(reason, RevocationPolicy()) for reason in RevocationReason} == TABLE


@pytest.mark.rule("K9")
@pytest.mark.parametrize("at_password_change", [True, False])
@pytest.mark.parametrize("at_deactivation", [True, False])
def test_a_policy_keeps_tokens_at_its_own_event_only(*, at_password_change: bool, at_deactivation: bool) -> None:
    policy = RevocationPolicy(keep_at_password_change=at_password_change, keep_at_deactivation=at_deactivation)
    kept = {
        **({RevocationReason.PASSWORD_CHANGED: NONE} if at_password_change else {}),
        **({RevocationReason.DEACTIVATED: NONE} if at_deactivation else {}),
    }
    assert {reason: kinds_revoked_by(reason, policy) for reason in RevocationReason} == TABLE | kept


@pytest.mark.rule("K9", "E3")
def test_only_an_undo_revokes_tokens_since_an_instant() -> None:
    assert {reason: kinds_revoked_since(reason) for reason in RevocationReason if kinds_revoked_since(reason)} == {
        RevocationReason.EMAIL_UNDONE: {TokenKind.ACCESS, TokenKind.AUTOLOGIN, TokenKind.DEVICE}
    }
