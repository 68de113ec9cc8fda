"""Every public method refuses values of wrong types, and changes nothing. The methods are read from the services."""

from collections.abc import Callable, Iterator

import pytest

import usercore
from tests.faults.filled_stores import both, build
from tests.faults.hostile import NO_TEXT, WRONG, Hostile
from tests.faults.public_calls import CALLS, Call, takes
from tests.samples import FilledStore
from tests.services.helpers import TRIES, unchanged
from usercore import (
    AccessId,
    AccessTokenCredentials,
    Actor,
    ActorKind,
    AnyId,
    AutologinTokenCredentials,
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
def filled_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FilledStore]]:
    with both(tmp_path_factory.mktemp("filled_stores")) as filled_stores:
        yield filled_stores


@pytest.mark.rule("ERR", "R8")
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_every_call_works_with_its_samples_and_calls_the_host_only_outside_units(call: Call) -> None:
    filled = build(WatchedStorage(memory.open_storage("memory://")))
    call.of(filled)(**call.arguments(filled))


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if call.kinds()], ids=str)
def test_a_value_of_a_wrong_type_is_refused_and_changes_nothing(call: Call, filled_stores: list[FilledStore]) -> None:
    for filled in filled_stores:
        for parameter, kinds in call.kinds().items():
            with unchanged(filled.core, but=TRIES):
                for value in (*WRONG.values(), Hostile()):
                    if not takes(kinds, value):
                        with pytest.raises((TypeError, Invalid)):
                            call.of(filled)(**{**call.needed(filled), parameter: value})


@pytest.mark.rule("I3", "ERR")
@pytest.mark.parametrize("call", [call for call in CALLS if "ref" in call.kinds()], ids=str)
def test_a_reference_that_holds_a_wrong_type_is_refused(call: Call, filled_stores: list[FilledStore]) -> None:
    wrong = [WRONG[name] for name in NO_TEXT]
    references: list[object] = [kind(value) for kind in (Email, Username) for value in wrong]
    references += [kind(value) for kind in (ExternalId, AccessId, AnyId) for value in wrong if type(value) is not int]
    for filled in filled_stores:
        with unchanged(filled.core):
            for reference in references:
                with pytest.raises((TypeError, Invalid)):
                    call.of(filled)(**{**call.needed(filled), "ref": reference})


@pytest.mark.rule("S1", "ERR")
@pytest.mark.parametrize("name", NO_TEXT)
def test_credentials_that_hold_a_wrong_type_are_refused(name: str, filled_stores: list[FilledStore]) -> None:
    shown: list[Callable[[], object]] = [
        lambda: PasswordCredentials(login=WRONG[name], password="x"),
        lambda: PasswordCredentials(login="ann", password=WRONG[name]),
        lambda: LoginTokenCredentials(secret=WRONG[name]),
        lambda: AutologinTokenCredentials(secret=WRONG[name]),
        lambda: AccessTokenCredentials(secret=WRONG[name]),
    ]
    for filled in filled_stores:
        with unchanged(filled.core):
            for credentials in shown:
                with pytest.raises(TypeError):
                    filled.core.sign_in.authenticate(credentials())


@pytest.mark.rule("ERR")
@pytest.mark.parametrize("name", NO_TEXT)
def test_the_url_of_a_store_must_be_a_string(name: str) -> None:
    with pytest.raises(TypeError):
        usercore.open(WRONG[name])


@pytest.mark.rule("X2")
@pytest.mark.parametrize("name", NO_TEXT)
def test_the_kind_and_name_of_an_actor_must_have_the_right_type(name: str) -> None:
    with pytest.raises(TypeError):
        Actor(WRONG[name])
    with pytest.raises(TypeError):
        Actor(ActorKind.OPERATOR, WRONG[name])


@pytest.mark.rule("X2")
@pytest.mark.parametrize("name", [name for name in WRONG if name != "an int"])
def test_the_id_of_an_acting_user_must_be_an_integer(name: str) -> None:
    with pytest.raises(TypeError):
        Actor.user(WRONG[name])
