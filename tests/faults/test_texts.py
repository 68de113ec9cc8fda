"""Whatever text comes in wherever text comes in: a clear refusal, soon, the same in every storage, and no change."""

from collections.abc import Callable, Iterator
from time import thread_time
from typing import Final

import pytest

from tests.faults.every_call import CALLS, Call
from tests.faults.hostile import TEXTS
from tests.faults.worlds import World, both
from tests.services.helpers import TRIES, unchanged
from usercore import (
    AccessId,
    Actor,
    ActorKind,
    AnyId,
    Email,
    ExternalId,
    Invalid,
    NotFound,
    PasswordRefused,
    SignInRefused,
    TokenInvalid,
    Username,
)

ANY_UNICODE: Final = ("a line separator", "an override of direction", "an isolate of direction")
"""What a password may have in it, as it is shown to nobody."""

WELCOME: Final = {"password": ANY_UNICODE, "value": ("a bell", "a C1 control", *ANY_UNICODE)}
"""The texts that are data in parameters of these names, and are taken."""

REFUSALS: Final = (Invalid, NotFound, PasswordRefused, SignInRefused, TokenInvalid)

TAKES_ANYTHING: Final = {
    "core.bind.user_agent": "strangers write it, so what can be kept of it is kept",
    "sign_in.verify_password.login": "says no",
    "sign_in.verify_password.password": "says no",
    "registration.check_email.password": "says no",
}

NAMED: Final = {"core.tenant.key": "tenant", "registration.register_external.name": "last_name"}
"""Where the field of a fault has another name than the parameter."""

SOON: Final = 0.5
"""Seconds of one call, in which a slow machine copies ten megabytes many times over."""


@pytest.fixture(scope="module")  # but for the last test, nothing in this file changes anything
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    with both(tmp_path_factory.mktemp("worlds")) as worlds:
        yield worlds


def outcome(call: Callable[[], object]) -> str:
    """Say what came of a call, and that it came soon."""
    began = thread_time()
    try:
        call()
    except REFUSALS as refusal:
        text = str(refusal)
    else:
        text = "taken"
    assert thread_time() - began < SOON
    return text


def outcomes(worlds: list[World], call: Call, parameter: str, value: object) -> set[str]:
    """Say what came of a call in each world, where nothing may change."""
    found = set()
    for world in worlds:
        arguments = {**call.needed(world), parameter: value}
        found.add(outcome(lambda world=world, arguments=arguments: call.of(world)(**arguments)))  # type: ignore[misc]
    return found


def texts_for(parameter: str) -> list[str]:
    return [text for name, text in TEXTS.items() if name not in WELCOME.get(parameter, ())]


def takes_text(call: Call) -> list[str]:
    """Name the parameters that take text; keeping a token that there is not ends the others, and is no refusal."""
    return [name for name, kinds in call.kinds().items() if str in kinds and name != "keep"]


@pytest.mark.rule("U4", "U5", "U7", "U8", "P2", "K1", "ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if takes_text(call)], ids=str)
def test_a_text_that_cannot_be_kept_is_refused_by_field(call: Call, worlds: list[World]) -> None:
    memory, file = worlds
    for parameter in takes_text(call):
        name = f"{call}.{parameter}"
        with unchanged(memory.core, but=TRIES), unchanged(file.core, but=TRIES):
            for text in texts_for(parameter):
                (said,) = outcomes(worlds, call, parameter, text)
                if name not in TAKES_ANYTHING:
                    assert said != "taken", name
                if said.startswith("input.invalid"):
                    assert f"field='{NAMED.get(name, parameter)}'" in said


@pytest.mark.rule("I3", "U4")
@pytest.mark.parametrize("call", [call for call in CALLS if "ref" in call.kinds()], ids=str)
def test_a_reference_by_such_a_text_is_refused(call: Call, worlds: list[World]) -> None:
    memory, file = worlds
    with unchanged(memory.core), unchanged(file.core):
        for kind in (Email, Username, ExternalId, AccessId, AnyId):
            for text in TEXTS.values():
                (said,) = outcomes(worlds, call, "ref", kind(text))
                assert said.startswith(("input.invalid", "users.not_found")) or call.method == "find"


@pytest.mark.rule("U9")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_an_access_id_of_such_a_text_is_refused(text: str, worlds: list[World]) -> None:
    for world in worlds:
        with unchanged(world.core), pytest.raises(Invalid) as refused:
            world.core.users.set_access_ids(world.ann.id, [None, text])
        assert [fault.field for fault in refused.value.errors] == ["access_ids.2"]


@pytest.mark.rule("X2")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_an_actor_of_such_a_name_is_refused(text: str) -> None:
    for make in (Actor.operator, lambda name: Actor(ActorKind.API_TOKEN, name)):
        with pytest.raises(Invalid) as refused:
            make(text)
        assert [fault.field for fault in refused.value.errors] == ["actor"]


@pytest.mark.rule("S6")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_user_agent_of_such_a_text_is_kept_as_far_as_it_can_be(text: str, worlds: list[World]) -> None:
    for world in worlds:
        kept = world.core.bind(user_agent=text).context.user_agent
        assert kept is not None
        assert kept.isprintable()
        assert len(kept.encode()) <= 512


class Markup(str):
    """A text as templates make them: it is one, and has ideas of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def isprintable(self) -> bool:
        return True

    def strip(self, _: str | None = None, /) -> "Markup":
        return self


@pytest.mark.rule("U1")
def test_a_text_of_another_class_is_kept_as_a_text(worlds: list[World]) -> None:
    for world in worlds:
        with unchanged(world.core), pytest.raises(Invalid):
            world.core.users.update(world.ann.id, note=Markup("a\0b"))
        with unchanged(world.core), pytest.raises(Invalid):
            world.core.users.update(world.ann.id, first_name=Markup("long" * 1000))
        user = world.core.users.update(world.ann.id, note=Markup("a note"), first_name=Markup(" Ann "))
        assert (type(user.note), type(user.first_name), user.first_name) == (str, str, "Ann")
