"""An identity is a value; the secret that a sign-in issues is separate, and is not serialised by accident."""

import copy
import pickle
from datetime import timedelta

import pytest

from tests.services.helpers import over, register
from usercore import Identity, Secret, SignedIn, User, UserCore
from usercore.testing import NOON
from usercore.users.model import User as UserModel

pytestmark = pytest.mark.rule("S5")


class Annex:
    """An authenticator that adds something to each identity."""

    name = "annex"
    priority = 1
    credentials = bytes

    def authenticate(self, credentials: object, context: object) -> None:
        """Authenticate no user."""

    def extra(self, user: User) -> dict[str, object]:
        return {"id": user.id, "tags": ["a", {"b": 1}]}


@pytest.fixture
def signed_in(core: UserCore) -> SignedIn:
    core = over(core, authenticators=[Annex()])
    return core.sign_in.trusted(register(core).id)


def identified(core: UserCore, signed_in: SignedIn) -> Identity:
    return over(core, authenticators=[Annex()]).sign_in.identify(signed_in.access_token)


def test_an_identity_can_be_pickled_copied_and_hashed(core: UserCore, signed_in: SignedIn) -> None:
    identity = identified(core, signed_in)
    pickled: Identity = pickle.loads(pickle.dumps(identity))  # noqa: S301 - made just now
    twins = [pickled, copy.copy(identity), copy.deepcopy(identity)]
    assert [*twins, identified(core, signed_in)] == [identity] * 4
    assert {identity, *twins} == {identity}
    assert twins[0].extras == {"annex": {"id": identity.user.id, "tags": ["a", {"b": 1}]}}
    assert type(twins[0].user) is UserModel


def test_extras_cannot_be_changed(core: UserCore, signed_in: SignedIn) -> None:
    extras = identified(core, signed_in).extras
    for mapping in (extras, extras["annex"]):
        with pytest.raises(TypeError):
            mapping["id"] = 7  # type: ignore[index]


def test_a_result_with_a_secret_is_neither_pickled_nor_copied_deeply(signed_in: SignedIn) -> None:
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="secret"):
            write(signed_in)
    assert signed_in.access_token.reveal() not in repr(signed_in)


def test_an_identity_has_the_public_id_and_expiry_of_its_token(core: UserCore, signed_in: SignedIn) -> None:
    (token,) = core.access_tokens.list(signed_in.user.id)
    same = core.sign_in.with_access_token(signed_in.access_token)
    for identity in (signed_in, identified(core, signed_in), same):
        assert (identity.token_id, identity.token_expires_at) == (token.public_id, NOON + timedelta(days=365))
    assert isinstance(signed_in.access_token, Secret)
    assert not isinstance(same, SignedIn)
