"""An entity cannot be changed, and is the same whether a storage filled its draft or its constructor was called."""

import copy
import pickle
from typing import Any

import pytest
from attrs import field
from attrs.exceptions import FrozenInstanceError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.history.model import Entry
from usercore.kernel.entity import differing, entity, evolve
from usercore.outbox.model import Delivery
from usercore.passwords.model import Credential
from usercore.tenants.model import Tenant
from usercore.testing.samples import ACCESS_TOKEN, CREDENTIAL, ENTRY, LIMITED_USE_TOKEN, REGISTRATION_LINK
from usercore.testing.strategies import entities
from usercore.throttling.model import FailureCounter, RateLimitWindow
from usercore.tokens.model import AccessToken, LimitedUseToken, RegistrationLink
from usercore.users.model import Claim, User

KEPT = (
    User,
    Claim,
    Tenant,
    Credential,
    AccessToken,
    LimitedUseToken,
    RegistrationLink,
    Attempt,
    RegistrationAttempt,
    FailureCounter,
    RateLimitWindow,
    Entry,
    Delivery,
)


@entity
class Sample:
    number: int
    text: str = "none"
    hidden: str = field(default="none", repr=False)


def from_draft(made: Any) -> Any:
    """Make an equal entity as storages do."""
    draft = type(made).__draft__()
    for name in type(made).__names__:
        setattr(draft, name, getattr(made, name))
    draft.__class__ = type(made)
    return draft


def test_a_field_is_neither_set_nor_deleted_nor_added() -> None:
    sample = Sample(number=1)
    with pytest.raises(FrozenInstanceError):
        sample.number = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del sample.number
    with pytest.raises(FrozenInstanceError):
        sample.another = 2  # type: ignore[attr-defined]
    assert not hasattr(sample, "__dict__")


def test_fields_are_passed_by_name_only() -> None:
    with pytest.raises(TypeError, match="positional"):
        Sample(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'another'"):
        Sample(number=1, another=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument"):
        Sample()  # type: ignore[call-arg]


@given(st.data())
def test_differing_fields_are_named_in_their_order(data: st.DataObject) -> None:
    old, new = data.draw(entities(User)), data.draw(entities(User))
    names = [name for name in User.__names__ if getattr(old, name) != getattr(new, name)]  # type: ignore[attr-defined]  # made by @entity
    assert differing(old, new) == names
    assert differing(old, evolve(old)) == []


def test_a_copy_has_new_values_in_the_named_fields() -> None:
    sample = Sample(number=1, text="a", hidden="b")
    assert evolve(sample, number=2, hidden="c") == Sample(number=2, text="a", hidden="c")
    assert sample == Sample(number=1, text="a", hidden="b")
    assert type(evolve(sample)) is Sample


def test_a_copy_of_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"^Sample has no field 'another'$"):
        evolve(Sample(number=1), number=2, zero=0, another=2)


def test_a_copy_is_as_frozen_as_its_original() -> None:
    with pytest.raises(FrozenInstanceError):
        evolve(Sample(number=1), number=2).number = 3  # type: ignore[misc]


@given(st.integers(), st.text(), st.text())
def test_a_filled_draft_becomes_an_equal_entity(number: int, text: str, hidden: str) -> None:
    made = Sample(number=number, text=text, hidden=hidden)
    filled = from_draft(made)
    assert type(filled) is Sample
    assert (filled, hash(filled), repr(filled)) == (made, hash(made), repr(made))
    assert pickle.loads(pickle.dumps(filled)) == copy.copy(filled) == copy.deepcopy(filled) == made  # noqa: S301 - its own
    with pytest.raises(FrozenInstanceError):
        filled.number = 2  # type: ignore[misc]


@pytest.mark.parametrize("kind", KEPT)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_stored_entities_can_be_made_from_drafts_and_pickled(kind: type[object], data: st.DataObject) -> None:
    made = data.draw(entities(kind))
    filled = from_draft(made)
    assert (filled, hash(filled), repr(filled), type(filled)) == (made, hash(made), repr(made), kind)
    assert pickle.loads(pickle.dumps(filled)) == evolve(filled) == made  # noqa: S301 - its own


@pytest.mark.rule("K1", "P6")
@pytest.mark.parametrize(
    ("made", "name"),
    [
        (CREDENTIAL, "hash"),
        (ACCESS_TOKEN, "digest"),
        (LIMITED_USE_TOKEN, "digest"),
        (REGISTRATION_LINK, "digest"),
        (ENTRY, "old_text"),
        (ENTRY, "new_text"),
    ],
)
def test_secret_and_personal_fields_are_not_in_the_repr(made: object, name: str) -> None:
    assert f"{name}=" not in repr(made)
    assert repr(getattr(made, name)) not in repr(made)
