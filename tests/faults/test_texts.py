"""Any text in any parameter: a clear error, soon, the same in every storage, and no change."""

from collections.abc import Callable, Iterator
from time import thread_time
from typing import Final

import pytest

from tests.faults.filled_stores import both
from tests.faults.hostile import TEXTS
from tests.faults.public_calls import CALLS, Call
from tests.samples import FilledStore
from tests.services.helpers import TRIES, unchanged
from usercore import (
    AccessId,
    Actor,
    ActorKind,
    AnyId,
    CodeWrong,
    Email,
    ExternalId,
    Invalid,
    NotFound,
    PasskeyRejected,
    PasswordRefused,
    SignInRefused,
    TokenInvalid,
    Username,
)

ANY_UNICODE: Final = ("a line separator", "an override of direction", "an isolate of direction")
"""What a password may contain, as it is never shown."""

WELCOME: Final = {
    "password": ANY_UNICODE,
    "new_password": ANY_UNICODE,
    "value": ("a bell", "a C1 control", *ANY_UNICODE),
}
"""The texts that are data in parameters of these names, and are taken."""

REFUSALS: Final = (CodeWrong, Invalid, NotFound, PasskeyRejected, PasswordRefused, SignInRefused, TokenInvalid)

TAKES_ANYTHING: Final = {
    "core.bind.user_agent": "strangers write it, so what can be kept of it is kept",
    "passwords.request_reset.login": "answers alike whatever it is",
    "sign_in.verify_password.login": "says no",
    "sign_in.verify_password.password": "says no",
    "registration.check_email.password": "says no",
}

STORES_ALIKE: Final = {"passwords.request_reset": {"history", "deliveries"}}
"""Calls that store as many rows for an unknown login as for a known one, and the tables of these rows."""

NAMED: Final = {"core.tenant.key": "tenant", "registration.register_external.name": "last_name"}
"""Fields of an error with another name than the parameter."""

SOON: Final = 5
"""Seconds of one call's own processor time. A slow machine copies ten megabytes many times over in them; what looks at
such a text for each of its characters takes hours."""


@pytest.fixture(scope="module")  # only the last test in this file changes the stores
def filled_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FilledStore]]:
    with both(tmp_path_factory.mktemp("filled_stores")) as filled_stores:
        yield filled_stores


def outcome(call: Callable[[], object]) -> str:
    """Return the outcome of a call, and check that it came soon."""
    began = thread_time()
    try:
        call()
    except REFUSALS as refusal:
        text = str(refusal)
    else:
        text = "taken"
    assert thread_time() - began < SOON
    return text


def outcomes(filled_stores: list[FilledStore], call: Call, parameter: str, value: object) -> set[str]:
    """Return the outcome of a call in each filled, where nothing may change."""
    found = set()
    for filled in filled_stores:
        arguments = {**call.needed(filled), parameter: value}
        found.add(outcome(lambda filled=filled, arguments=arguments: call.of(filled)(**arguments)))  # type: ignore[misc]
    return found


def texts_for(parameter: str) -> list[str]:
    return [text for name, text in TEXTS.items() if name not in WELCOME.get(parameter, ())]


def takes_text(call: Call) -> list[str]:
    """Return the parameters that accept text; an unknown token to keep revokes the others, and is not refused."""
    return [name for name, kinds in call.kinds().items() if str in kinds and name != "keep"]


@pytest.mark.rule("U4", "U5", "U7", "U8", "P2", "K1", "ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if takes_text(call)], ids=str)
def test_text_that_cannot_be_stored_is_refused_by_field(call: Call, filled_stores: list[FilledStore]) -> None:
    memory, file = filled_stores
    # A refused completion is counted on its link.
    but = TRIES | {"registration_links"} | STORES_ALIKE.get(str(call), frozenset())
    for parameter in takes_text(call):
        name = f"{call}.{parameter}"
        with unchanged(memory.core, but=but), unchanged(file.core, but=but):
            for text in texts_for(parameter):
                (said,) = outcomes(filled_stores, call, parameter, text)
                if name not in TAKES_ANYTHING:
                    assert said != "taken", name
                if said.startswith("input.invalid"):
                    assert f"field='{NAMED.get(name, parameter)}'" in said


@pytest.mark.rule("I3", "U4")
@pytest.mark.parametrize("call", [call for call in CALLS if "ref" in call.kinds()], ids=str)
def test_a_reference_with_such_text_is_refused(call: Call, filled_stores: list[FilledStore]) -> None:
    memory, file = filled_stores
    with unchanged(memory.core), unchanged(file.core):
        for kind in (Email, Username, ExternalId, AccessId, AnyId):
            for text in TEXTS.values():
                (said,) = outcomes(filled_stores, call, "ref", kind(text))
                assert said.startswith(("input.invalid", "users.not_found")) or call.method == "find"


@pytest.mark.rule("U9")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_an_access_id_with_such_text_is_refused(text: str, filled_stores: list[FilledStore]) -> None:
    for filled in filled_stores:
        with unchanged(filled.core), pytest.raises(Invalid) as refused:
            filled.core.users.set_access_ids(filled.ann.id, [None, text])
        assert [fault.field for fault in refused.value.errors] == ["access_ids.2"]


@pytest.mark.rule("X2")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_an_actor_with_such_a_name_is_refused(text: str) -> None:
    for make in (Actor.operator, lambda name: Actor(ActorKind.API_TOKEN, name)):
        with pytest.raises(Invalid) as refused:
            make(text)
        assert [fault.field for fault in refused.value.errors] == ["actor"]


@pytest.mark.rule("S6")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_storable_parts_of_a_user_agent_with_such_text_are_stored(text: str, filled_stores: list[FilledStore]) -> None:
    for filled in filled_stores:
        kept = filled.core.bind(user_agent=text).context.user_agent
        assert kept is not None
        assert kept.isprintable()
        assert len(kept.encode()) <= 512


class Markup(str):
    """A subclass of str as templates make it, with methods of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def isprintable(self) -> bool:
        return True

    def strip(self, _: str | None = None, /) -> "Markup":
        return self


@pytest.mark.rule("U1")
def test_a_subclass_of_str_is_stored_as_str(filled_stores: list[FilledStore]) -> None:
    for filled in filled_stores:
        with unchanged(filled.core), pytest.raises(Invalid):
            filled.core.users.update(filled.ann.id, note=Markup("a\0b"))
        with unchanged(filled.core), pytest.raises(Invalid):
            filled.core.users.update(filled.ann.id, first_name=Markup("long" * 1000))
        user = filled.core.users.update(filled.ann.id, note=Markup("a note"), first_name=Markup(" Ann "))
        assert (type(user.note), type(user.first_name), user.first_name) == (str, str, "Ann")
