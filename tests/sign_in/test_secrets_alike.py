"""Unknown links, challenges and device tokens are refused alike, whatever they name, and so are requests to register.

Compared are answers, statements, hashes, rows and mails. ``test_reset_alike.py`` has the requests to reset a password,
``test_second_step.py`` the codes.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, TypeAlias

import pytest

from tests.services.factors import challenge_for, enrolled
from tests.services.helpers import ANN, PASSWORD, Recorder, add_tenant, dump, recorded, register
from usercore import Email, Secret, UserCore, UsercoreError
from usercore.kernel.secret import generate_secret, read_secret
from usercore.second_factors.model import CHALLENGE
from usercore.testing import FakeClock, FakeHasher, FakeRandomness, MemoryMailer
from usercore.tokens.kinds import DEVICE, REGISTRATION, TokenKind

Present: TypeAlias = Callable[[UserCore, Secret], object]

DRAW: Final = FakeRandomness("unknown secrets")
PAUSE: Final = timedelta(seconds=5)
"""After this the same email may be registered again."""


class Observed(NamedTuple):
    """All that could be observed of a call; ``rows`` are the numbers of new rows by table, if there are any."""

    answer: object
    statements: list[str]
    hashes: int
    rows: dict[str, int]
    mails: int


def observed(core: UserCore, recorder: Recorder, call: Callable[[], object]) -> Observed:
    """Call, perhaps to be refused, deliver mails, and return what could be observed."""
    hasher, mailer, answers = core._runtime.hasher, core._runtime.host.mailer, list[object]()
    assert isinstance(hasher, FakeHasher)
    assert isinstance(mailer, MemoryMailer)
    hasher.hashes, mailer.sent[:] = 0, []
    before = {table: len(rows) for table, rows in dump(core).items()}

    def run() -> None:
        try:
            answers.append(call())
        except UsercoreError as error:
            answers.append((type(error), str(error)))

    names = recorder.names_of(run)
    after = {table: len(rows) for table, rows in dump(core).items()}
    core.outbox.deliver()
    rows = {table: count - before.get(table, 0) for table, count in after.items() if count != before.get(table, 0)}
    return Observed(answers, names, hasher.hashes, rows, len(mailer.sent))


LINKS: Final[dict[TokenKind, Present]] = {
    TokenKind.RESET: lambda core, secret: core.passwords.reset(secret, "a password that is never set"),
    TokenKind.CONFIRMATION: lambda core, secret: core.emails.confirm(secret),
    TokenKind.EMAIL_CHANGE: lambda core, secret: core.emails.confirm_change(secret),
    TokenKind.EMAIL_UNDO: lambda core, secret: core.emails.undo_change(secret),
    TokenKind.LOGIN: lambda core, secret: core.sign_in.with_login_token(secret),
    TokenKind.AUTOLOGIN: lambda core, secret: core.sign_in.with_autologin_token(secret),
    TokenKind.ACCESS: lambda core, secret: core.sign_in.with_access_token(secret),
}
"""How a secret of each kind that names its user is presented."""

NOT_OF_USERS: Final = {TokenKind.API, TokenKind.DEVICE, TokenKind.REGISTRATION}
TRUSTED: Final = {TokenKind.PASSKEY}
"""The challenge of a registration is presented together with a reference to the user."""


@pytest.mark.rule("S4", "K7")
def test_every_kind_of_secret_that_names_its_user_is_tested() -> None:
    assert LINKS.keys() | NOT_OF_USERS | TRUSTED == set(TokenKind), "LINKS needs each kind"


@pytest.mark.rule("S4", "K7", "R8")
@pytest.mark.parametrize("kind", LINKS, ids=lambda kind: kind.name)
def test_an_unknown_secret_is_refused_alike_whether_a_user_has_the_id_in_it_or_not(
    core: UserCore, kind: TokenKind
) -> None:
    ann, gone, other = register(core, password=PASSWORD), register(core, "bob"), add_tenant(core)
    core.users.deactivate(gone.id)
    theirs = core.tenant(other.key).registration.register("eve@example.com").user
    core.outbox.deliver()
    watched, recorder = recorded(core)
    seen = [
        observed(watched, recorder, lambda: LINKS[kind](watched, generate_secret(kind, user_id, DRAW)))  # noqa: B023 - used at once
        for user_id in (7, ann.id, gone.id, theirs.id)
    ]
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert (seen[0].hashes, seen[0].rows, seen[0].mails) == (0, {}, 0)


@pytest.mark.rule("S4", "R8")
def test_an_unknown_registration_link_is_refused_alike_whether_a_request_has_its_id_or_not(core: UserCore) -> None:
    core.registration.request(ANN)
    (request,) = dump(core)["registration_links"]
    core.outbox.deliver()
    watched, recorder = recorded(core)
    seen = [
        observed(
            watched,
            recorder,
            lambda: watched.registration.complete(generate_secret(REGISTRATION, number, DRAW), password=PASSWORD),  # noqa: B023 - used at once
        )
        for number in (7, int(dict(request)["id"]))
    ]
    assert seen[0] == seen[1]


@pytest.mark.rule("S4", "R8")
@pytest.mark.parametrize("requests", [1, 5, 6])
def test_requests_to_register_are_alike_for_free_and_taken_emails(
    core: UserCore, clock: FakeClock, requests: int
) -> None:
    register(core, password=PASSWORD)
    core.outbox.deliver()
    clock.advance(timedelta(days=2))
    core.cleanup()  # the limits of this email are forgotten
    watched, recorder = recorded(core)
    seen = []
    for ip, email in (("192.0.2.1", ANN), ("192.0.2.2", "free@example.com")):
        here = watched.bind(ip=ip)
        for _ in range(requests - 1):
            here.registration.request(email)
            core.outbox.deliver()
            clock.advance(PAUSE)
        seen.append(observed(here, recorder, lambda: here.registration.request(email)))  # noqa: B023 - used at once
        clock.advance(PAUSE)
    assert seen[0] == seen[1]
    assert (seen[0].hashes, seen[0].mails) == (0, requests < 6)


@pytest.mark.rule("S4", "F2")
def test_an_unknown_challenge_is_refused_alike_whether_a_sign_in_has_its_id_or_not(core: UserCore) -> None:
    user, app = enrolled(core)
    present = read_secret(challenge_for(core), CHALLENGE)
    assert present is not None
    core.outbox.deliver()
    watched, recorder = recorded(core)
    calls: Sequence[Callable[[Secret], object]] = (
        lambda secret: watched.sign_in.with_second_factor(secret, app.code(1)),
        watched.second_factors.begin_by_challenge,
    )
    for call in calls:
        seen = [
            observed(watched, recorder, lambda: call(generate_secret(CHALLENGE, number, DRAW)))  # noqa: B023 - used at once
            for number in (7, user.id, present[0])
        ]
        assert seen[0] == seen[1] == seen[2]
        assert (seen[0].rows, seen[0].mails) == ({}, 0)


@pytest.mark.rule("S4", "S10", "T2")
def test_another_tenants_device_token_is_refused_like_one_that_never_was(core: UserCore) -> None:
    register(core, password=PASSWORD)
    theirs = core.tenant("system").device_tokens.issue("phone")
    watched, recorder = recorded(core)
    calls: Sequence[Callable[[Secret], object]] = (
        lambda device: watched.sign_in.with_password(ANN, PASSWORD, device_token=device),
        lambda device: watched.sign_in.with_password("unknown@example.com", PASSWORD, device_token=device),
        lambda device: watched.sign_in.trusted(Email(ANN), device_token=device),
    )
    for call in calls:
        seen = [
            observed(watched, recorder, lambda: call(device))  # noqa: B023 - used at once
            for device in (theirs, generate_secret(DEVICE, None, DRAW))
        ]
        assert seen[0] == seen[1]
        assert seen[0].hashes == 0
