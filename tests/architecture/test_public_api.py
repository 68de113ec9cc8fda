"""Every public method refuses what does not belong, and changes nothing. Found by looking at the services."""

from collections.abc import Callable, Iterator

import pytest

import usercore
from tests.faults.every_call import CALLS, Call, takes
from tests.faults.hostile import NO_TEXT, WRONG, Hostile
from tests.faults.worlds import World, both, build
from tests.services.helpers import TRIES, unchanged
from usercore import (
    AccessId,
    AccessTokenCredentials,
    Actor,
    ActorKind,
    AnyId,
    Email,
    ExternalId,
    Invalid,
    LoginTokenCredentials,
    PasswordCredentials,
    Username,
)
from usercore.testing import WatchedStorage
from usercore_storage import memory


@pytest.fixture(scope="module")  # nothing in this file changes anything
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    with both(tmp_path_factory.mktemp("worlds")) as worlds:
        yield worlds


@pytest.mark.rule("ERR", "R8")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_every_call_works_with_its_samples_and_calls_nothing_of_the_hosts_inside_a_unit(call: Call) -> None:
    world = build(WatchedStorage(memory.open_storage("memory://")))
    call.of(world)(**call.arguments(world))


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if call.kinds()], ids=str)
def test_a_value_of_a_wrong_type_is_refused_and_changes_nothing(call: Call, worlds: list[World]) -> None:
    for world in worlds:
        for parameter, kinds in call.kinds().items():
            with unchanged(world.core, but=TRIES):
                for value in (*WRONG.values(), Hostile()):
                    if not takes(kinds, value):
                        with pytest.raises((TypeError, Invalid)):
                            call.of(world)(**{**call.needed(world), parameter: value})


@pytest.mark.rule("I3", "ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if "ref" in call.kinds()], ids=str)
def test_a_reference_that_holds_a_wrong_type_is_refused(call: Call, worlds: list[World]) -> None:
    wrong = [WRONG[name] for name in NO_TEXT]
    references: list[object] = [kind(value) for kind in (Email, Username) for value in wrong]
    references += [kind(value) for kind in (ExternalId, AccessId, AnyId) for value in wrong if type(value) is not int]
    for world in worlds:
        with unchanged(world.core):
            for reference in references:
                with pytest.raises((TypeError, Invalid)):
                    call.of(world)(**{**call.needed(world), "ref": reference})


@pytest.mark.rule("S1", "ERR")
@pytest.mark.parametrize("name", NO_TEXT)
def test_credentials_that_hold_a_wrong_type_are_refused(name: str, worlds: list[World]) -> None:
    shown: list[Callable[[], object]] = [
        lambda: PasswordCredentials(login=WRONG[name], password="x"),
        lambda: PasswordCredentials(login="ann", password=WRONG[name]),
        lambda: LoginTokenCredentials(secret=WRONG[name]),
        lambda: AccessTokenCredentials(secret=WRONG[name]),
    ]
    for world in worlds:
        with unchanged(world.core):
            for credentials in shown:
                with pytest.raises(TypeError):
                    world.core.sign_in.authenticate(credentials())


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("name", NO_TEXT)
def test_a_store_is_named_by_a_text(name: str) -> None:
    with pytest.raises(TypeError):
        usercore.open(WRONG[name])


@pytest.mark.rule("X2")
@pytest.mark.parametrize("name", NO_TEXT)
def test_an_actor_is_of_a_kind_and_has_a_name(name: str) -> None:
    with pytest.raises(TypeError):
        Actor(WRONG[name])
    with pytest.raises(TypeError):
        Actor(ActorKind.OPERATOR, WRONG[name])


@pytest.mark.rule("X2")
@pytest.mark.parametrize("name", [name for name in WRONG if name != "an int"])
def test_a_user_acts_by_id(name: str) -> None:
    with pytest.raises(TypeError):
        Actor.user(WRONG[name])
