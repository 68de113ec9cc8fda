"""The identity of a signed-in user, and what the host's authenticators add to it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Never, TypeVar

import attrs

from usercore.authenticators.external import Authenticator
from usercore.kernel.entity import entity
from usercore.kernel.log import log
from usercore.kernel.secret import Digest, Secret
from usercore.roles.rules import clean_permission
from usercore.tokens.kinds import ACCESS
from usercore.tokens.model import public_id_of
from usercore.users.model import User

T_co = TypeVar("T_co", covariant=True)


class Extras(Mapping[str, T_co]):
    """An immutable mapping that can be pickled and copied."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, T_co]) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> T_co:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))  # values may be lists

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[type["Extras[T_co]"], tuple[dict[str, T_co]]]:
        return Extras, (self._items,)


NO_EXTRAS: Final[Mapping[str, Mapping[str, object]]] = Extras({})


@entity
class Identity:
    """The signed-in user, with method and time of the sign-in. Without a secret: it can be pickled, copied and hashed.

    ``roles`` are the names of the active roles that the user had at that moment, and ``permissions`` what these allow.
    ``extras`` has the values that the host's authenticators add, by name. From ``token_expires_at`` on, the access
    token is not accepted. ``token_digest`` is its SHA-256, which is never accepted as a token.
    """

    user: User
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()
    authenticator: str
    source: str | None = None
    authenticated_at: datetime
    must_change_password: bool = False
    token_digest: Digest = attrs.field(repr=False)
    token_expires_at: datetime
    extras: Mapping[str, Mapping[str, object]] = NO_EXTRAS

    def allows(self, permission: str) -> bool:
        """Return whether the user was allowed this: a role had exactly this permission, or the user is an admin.

        Raises:
            TypeError: the permission is not text.
            Invalid: no role can have it.
        """
        wanted = clean_permission(permission)
        return self.user.is_admin or wanted in self.permissions

    @property
    def token_id(self) -> str:
        """The public id of the access token, by which ``access_tokens`` lists it."""
        return public_id_of(ACCESS, self.user.id, self.token_digest)


@entity
class SignedIn(Identity):
    """An identity with the secret of the access token that was issued; the secret cannot be read again."""

    access_token: Secret


def with_secret(identity: Identity) -> SignedIn:
    """Return the identity from an authenticator that always issues a token.

    Raises:
        TypeError: it issued no token.
    """
    if not isinstance(identity, SignedIn):
        msg = f"{identity.authenticator} issued no access token"
        raise TypeError(msg)
    return identity


def extras_of(authenticators: Sequence[Authenticator[Never]], user: User) -> Mapping[str, Mapping[str, object]]:
    """Return the values that the host's authenticators add, by name; one that raises is logged and adds nothing."""
    extras = {authenticator.name: _extra_of(authenticator, user) for authenticator in authenticators}
    return Extras({name: Extras(extra) for name, extra in extras.items() if extra})


def _extra_of(authenticator: Authenticator[Never], user: User) -> dict[str, object]:
    extra = getattr(authenticator, "extra", None)
    try:
        return {} if extra is None else dict(extra(user) or {})
    except Exception:  # noqa: BLE001 - the host's code may raise anything
        log().exception("the extra of the authenticator %s failed", authenticator.name)
        return {}


def login_of(credentials: object) -> str | None:
    """Return the login that credentials contain, or None."""
    login = getattr(credentials, "login", None)
    return login if isinstance(login, str) else None  # a host's class may use the attribute for anything
