"""Objects of the host are checked when the store is opened: those that would fail later, or never run, are refused."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

import usercore
from tests.services.helpers import PASSWORD, Badge, Door, over, refused, register
from usercore import (
    Email,
    Event,
    Gates,
    Host,
    Invalid,
    Links,
    MailPolicy,
    Policy,
    SignInRefused,
    Subscriber,
    UserCore,
    Vetoed,
)
from usercore.kernel.callables import check_callable
from usercore.testing import FakeHasher, MemoryMailer

LINKS: Final = Links(
    sign_in="https://example.com/in",
    registration="https://example.com/join/{secret}",
    reset="https://example.com/reset#{secret}",
    confirmation="https://example.com/confirm#{secret}",
    email_change="https://example.com/email#{secret}",
    undo="https://example.com/undo#{secret}",
)
POLICY: Final = Policy(mail=MailPolicy(links=LINKS))
KINDS: Final = frozenset({"user.registered"})


async def deferred(*_: object) -> None:
    """Return a coroutine, and never run."""


async def deferred_items(*_: object) -> AsyncIterator[None]:
    """Return an asynchronous generator, and never run."""
    yield


def generated(*_: object) -> Iterator[None]:
    """Return a generator, and never run."""
    yield


def demanding(first: object, second: object, third: object, *, named: object) -> None:
    """Need more arguments than usercore has."""


class Called:
    """An object whose call is deferred."""

    async def __call__(self, *_: object) -> None:
        """Never run."""

    async def method(self, *_: object) -> None:
        """Never run."""


NEVER_RUN: Final[list[Any]] = [
    deferred,
    deferred_items,
    generated,
    Called(),
    Called().method,
    partial(deferred),
    partial(partial(Called()), 1),
]


@attrs.frozen
class Sends:
    """A mailer."""

    send: Any


def brought(function: Any) -> dict[str, dict[str, Any]]:
    """Return the arguments that pass this function to each parameter that takes one."""
    members = {"name": "own", "priority": 1, "credentials": Badge, "authenticate": staticmethod(function)}
    door: Any = type("Own", (), members)()
    annex: Any = type("Annex", (Door,), {"extra": staticmethod(function)})()
    hasher: Any = FakeHasher()
    hasher.verify = function
    return {
        "registration gate": {"gates": Gates(registration=[function])},
        "address acceptance gate": {"gates": Gates(address_acceptances=[function])},
        "address removal gate": {"gates": Gates(address_removals=[function])},
        "password check": {"password_checks": [function]},
        "email check": {"email_checks": [function]},
        "'handle'": {"subscribers": [Subscriber(name="crm", kinds=KINDS, handle=function)]},
        "mailer's 'send'": {"mailer": Sends(function)},
        "authenticator's 'authenticate'": {"authenticators": [door]},
        "authenticator's 'extra'": {"authenticators": [annex]},
        "clock": {"clock": function},
        "randomness": {"randomness": function},
        "hasher's 'verify'": {"hasher": hasher},
    }


PLACES: Final = list(brought(None))


@pytest.mark.parametrize("place", PLACES)
def test_a_function_that_would_never_run_is_refused(core: UserCore, place: str) -> None:
    for function in NEVER_RUN:
        with pytest.raises(TypeError, match=f"{place} must be a plain function"):
            over(core, policy=POLICY, **brought(function)[place])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", [5, "text", object()], ids=["an int", "a text", "an object"])
def test_an_object_that_is_not_callable_is_refused(core: UserCore, place: str, wrong: object) -> None:
    with pytest.raises(TypeError, match=f"{place} must be callable, not {type(wrong).__name__}"):
        over(core, policy=POLICY, **brought(wrong)[place])


@pytest.mark.parametrize("place", PLACES)
def test_a_function_with_other_arguments_is_refused(core: UserCore, place: str) -> None:
    with pytest.raises(TypeError, match=f"{place} must be callable with .* argument"):
        over(core, policy=POLICY, **brought(demanding)[place])


def test_a_built_in_function_without_a_signature_is_accepted() -> None:
    check_callable(dict, 1, name="it")
    check_callable(print, 1, name="it")


MISSING: Final[list[tuple[dict[str, Any], str]]] = [
    ({"mailer": object()}, "mailer must have a method 'send'"),
    ({"mailer": 5}, "mailer must have a method 'send'"),
    ({"mailer": MemoryMailer}, "mailer must be an object, not the class MemoryMailer"),
    ({"hasher": object()}, "hasher must have a method 'hold_slot'"),
    ({"authenticators": [object()]}, "an authenticator must have a method 'authenticate'"),
    ({"authenticators": [Door]}, "an authenticator must be an object, not the class Door"),
    ({"authenticators": [Door(name=5)]}, "authenticator's 'name' must be str"),  # type: ignore[arg-type]
    ({"authenticators": [Door(priority="1")]}, "authenticator's 'priority' must be int"),  # type: ignore[arg-type]
    ({"authenticators": [Door(priority=True)]}, "authenticator's 'priority' must be int, not bool"),
    ({"authenticators": [Door(credentials=Badge(1))]}, "authenticator's 'credentials' must be type"),  # type: ignore[arg-type]
    ({"subscribers": ["crm"]}, "a subscriber must be Subscriber, not str"),
    ({"subscribers": [Subscriber(name=5, kinds=KINDS, handle=print)]}, "subscriber's 'name' must be str"),  # type: ignore[arg-type]
    ({"policy": None}, "policy must be Policy, not NoneType"),
    ({"gates": ()}, "gates must be Gates, not tuple"),
]


@pytest.mark.parametrize(("given", "sentence"), MISSING, ids=range(len(MISSING)))
def test_an_object_with_a_missing_or_wrong_member_is_refused(
    core: UserCore, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        over(core, **given)


@pytest.mark.parametrize("member", ["name", "priority", "credentials"])
def test_an_authenticator_without_a_member_is_refused(core: UserCore, member: str) -> None:
    members = {"name": "door", "priority": 1, "credentials": Badge, "authenticate": lambda self, shown, context: None}  # noqa: ARG005 - as called
    del members[member]
    with pytest.raises(TypeError, match=f"an authenticator must have '{member}'; Half has none"):
        over(core, authenticators=[type("Half", (), members)()])


def test_a_name_is_at_most_255_characters(core: UserCore) -> None:
    over(core, authenticators=[Door(name="x" * 255)])
    with pytest.raises(ValueError, match="a name of its own, 1 to 255 characters"):
        over(core, authenticators=[Door(name="x" * 256)])


@pytest.mark.parametrize("wrong", [5, "ab", b"ab", None], ids=repr)
@pytest.mark.parametrize("parameter", ["authenticators", "password_checks", "email_checks", "subscribers"])
def test_a_value_that_is_not_a_collection_is_refused(parameter: str, wrong: Any) -> None:
    with pytest.raises(TypeError):
        usercore.open("memory://", **{parameter: wrong})
    with pytest.raises(TypeError):
        Gates(registration=wrong)


@pytest.mark.parametrize("wrong", [0, "", [], {}], ids=repr)
@pytest.mark.parametrize("parameter", ["policy", "gates", "mailer"])
def test_an_empty_value_of_a_wrong_type_is_refused(parameter: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=parameter):
        usercore.open("memory://", **{parameter: wrong})


def test_a_string_as_kinds_is_refused() -> None:
    with pytest.raises(TypeError, match="several texts, not the text"):
        Subscriber(name="crm", kinds="user.registered", handle=print)


@pytest.mark.rule("R1", "X3")
def test_objects_passed_as_generators_work_more_than_once() -> None:
    told: list[Event] = []

    def gate(_: object) -> None:
        raise Vetoed("not now")

    def each(*brought: Any) -> Any:
        return (one for one in brought)

    host = Host(
        hasher=FakeHasher(),
        gates=Gates(registration=each(gate)),
        password_checks=each(lambda password: "weak"),  # noqa: ARG005 - as called
        email_checks=each(lambda email: "ugly"),  # noqa: ARG005 - as called
        authenticators=each(Door(answer=lambda: 5)),
        subscribers=each(Subscriber(name="log", kinds=KINDS, handle=told.append, durable=False)),
    )
    for _ in range(2):
        with usercore.open("memory://") as plain:
            core = UserCore.over(plain._runtime.storage, host)
            for _ in range(2):
                with refused(core, Invalid):
                    core.registration.register("ann@example.com")
                with refused(core, Vetoed):
                    core.registration.register("ann@example.com", validate_email=False)
                with refused(core, SignInRefused):
                    core.sign_in.authenticate(Badge(1))


def awaited(*_: object) -> Any:
    """Return a coroutine, which is unknown before the call."""
    return deferred()


@pytest.mark.rule("R1")
@pytest.mark.parametrize("returned", [awaited, lambda *_: deferred_items(), lambda *_: generated()], ids=range(3))
@pytest.mark.parametrize("place", ["registration gate", "password check", "email check"])
def test_a_gate_or_check_that_returns_a_coroutine_or_generator_admits_no_user(
    core: UserCore, place: str, returned: Callable[..., Any]
) -> None:
    core = over(core, **brought(returned)[place])
    with refused(core, TypeError) as raised:
        core.registration.register("ann@example.com", password=PASSWORD)
    assert f"what a{'n' * (place[0] == 'e')} {place} returned" in str(raised.value)
    assert core.users.find(Email("ann@example.com")) is None


@pytest.mark.rule("R1")
@pytest.mark.parametrize("place", ["password check", "email check"])
def test_a_check_that_returns_no_reason_is_an_error(core: UserCore, place: str) -> None:
    core = over(core, **brought(lambda _: True)[place])
    with refused(core, TypeError, but={"registration_attempts", "rate_limits"}):
        core.registration.register("ann@example.com", password=PASSWORD)


@pytest.mark.rule("X3", "R6")
def test_a_subscriber_or_mailer_that_returns_a_coroutine_has_failed(core: UserCore) -> None:
    for place in ("'handle'", "mailer's 'send'"):
        core = over(core, mailer=None, subscribers=())
        core = over(core, policy=POLICY, **brought(awaited)[place])
        register(core, place[1:3].strip("'"), send_email=True)
        assert core.outbox.deliver() == 0
    assert [row.problem for row in core.outbox.pending().rows] == ["TypeError", "TypeError"]


@pytest.mark.rule("S1")
def test_an_authenticator_that_returns_a_coroutine_signs_no_user_in(core: UserCore) -> None:
    core = over(core, authenticators=[Door(answer=awaited)])
    with refused(core, SignInRefused):
        core.sign_in.authenticate(Badge(1))


def test_no_store_is_created_if_the_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="registration gate must be a plain function"):
        usercore.open(f"sqlite:///{tmp_path}/people.db", gates=Gates(registration=[deferred]))  # type: ignore[list-item]  # what is refused
    assert list(tmp_path.iterdir()) == []
