"""What the peer does of the workloads. It keeps no history, so it has less to do."""

import random
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import shake_128
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.django_peer.settings import use
from benchmarks.measuring import Calls, Scaled, Side
from benchmarks.memory_use import MemoryOf
from benchmarks.passwords import holders
from benchmarks.people import BEFORE, PASSWORD, Person, person
from benchmarks.registering import Streams, password_of, record
from benchmarks.stores import Stores, remove

NAME: Final = "Django"

_ACCOUNT: Final = (
    "INSERT INTO django_peer_account (id, password, is_superuser, username, first_name, last_name, is_staff, is_active,"
    " date_joined, email) VALUES (%s, '!', 0, %s, %s, %s, 0, 1, %s, %s)"
)
_PROCESS: Final = """
import sys
from pathlib import Path
from benchmarks.django_peer.settings import use
from benchmarks.resident import resident
use(Path({path!r}))
from rest_framework.authentication import TokenAuthentication
authentication = TokenAuthentication()
for key in sys.stdin:
    authentication.authenticate_credentials(key.rstrip())
print(resident())
"""
_PASSWORD: Final = "UPDATE django_peer_account SET password = %s WHERE id = %s"
_TOKEN: Final = "INSERT INTO authtoken_token (key, created, user_id) VALUES (%s, %s, %s)"


def prepare(stores: Stores, users: int) -> Path:
    """Configure Django for a store in which each user has a token, filled once a run; return the store."""
    master, path = stores.folder / f"{users}-django-master.db", stores.folder / f"{users}-django.db"
    if not master.exists():
        fill(master, users)
    remove(path)
    shutil.copyfile(master, path)
    use(path)
    return path


def fill(path: Path, users: int) -> None:
    """Make a store of the peer's."""
    use(path)
    from django.db import connection, transaction  # noqa: PLC0415 - only after the settings

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_ACCOUNT, [_account(number) for number in range(users)])
        cursor.executemany(_TOKEN, [(key_of(number), BEFORE, number + 1) for number in range(users)])
    connection.close()


def _account(number: int) -> tuple[Any, ...]:
    one = person(number)
    return number + 1, one.external_id, one.first_name, one.last_name, BEFORE, one.email


def key_of(number: int) -> str:
    """Return the key of the person's token."""
    return shake_128(f"token {number}".encode()).hexdigest(20)


def keys(users: int) -> Iterator[str]:
    """Iterate over the keys of randomly drawn people."""
    drawn = random.Random(3)
    while True:
        yield key_of(drawn.randrange(users))


def usernames(users: int) -> Iterator[str]:
    """Iterate over the usernames of randomly drawn people with a password."""
    drawn, numbers = random.Random(3), holders(users)
    while True:
        yield person(drawn.choice(numbers)).external_id


@contextmanager
def identify(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Authenticate by a token, with its user in one join."""
    prepare(stores, users)
    from rest_framework.authentication import TokenAuthentication  # noqa: PLC0415 - only after the settings

    yield {NAME: Scaled(Calls(TokenAuthentication().authenticate_credentials, keys(users)), 0.05)}


@contextmanager
def sign_in(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Authenticate by username and password, and keep a session and when it was, by three durable commits."""
    prepare(stores, users)
    from django.contrib.auth import authenticate, login  # noqa: PLC0415 - only after the settings
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415 - as above
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415 - as above
    from django.db import connection, transaction  # noqa: PLC0415 - as above
    from django.http import HttpRequest  # noqa: PLC0415 - as above

    hashed = make_password(PASSWORD)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_PASSWORD, [(hashed, number + 1) for number in holders(users)])

    def enter(username: str) -> None:
        request = HttpRequest()
        request.session = SessionStore()
        login(request, authenticate(request, username=username, password=PASSWORD))
        request.session.save()

    yield {NAME: Calls(enter, usernames(users))}


@contextmanager
def register(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Make users without a password, one by one."""
    prepare(stores, users)
    from django.core.validators import validate_email  # noqa: PLC0415 - as above

    from benchmarks.django_peer.models import Account  # noqa: PLC0415 - only after the settings

    def create(one: Person) -> None:
        validate_email(one.email)
        Account.objects.create_user(
            username=one.external_id, email=one.email, first_name=one.first_name, last_name=one.last_name
        )

    yield {NAME: Calls(create, map(person, count(users)))}


@contextmanager
def register_with_password(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Make users with a password that the shipped validators accept, each with a token: two durable commits."""
    prepare(stores, users)
    from django.contrib.auth.password_validation import validate_password  # noqa: PLC0415 - as above
    from django.core.validators import validate_email  # noqa: PLC0415 - as above
    from rest_framework.authtoken.models import Token  # noqa: PLC0415 - as above

    from benchmarks.django_peer.models import Account  # noqa: PLC0415 - only after the settings

    def create(one: Person) -> None:
        validate_email(one.email)
        password = password_of(one)
        validate_password(password, Account(username=one.external_id, email=one.email))
        user = Account.objects.create_user(username=one.external_id, email=one.email, password=password)
        Token.objects.create(user=user)

    yield {NAME: Calls(create, map(person, count(users)))}


@contextmanager
def import_users(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Make users in bulk."""
    prepare(stores, users)
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415 - only after the settings
    from django.core.validators import validate_email  # noqa: PLC0415 - as above

    from benchmarks.django_peer.models import Account  # noqa: PLC0415 - as above

    def account(values: Mapping[str, str]) -> Account:
        validate_email(values["email"])
        return Account(
            username=values["external_id"],
            email=values["email"],
            first_name=values["first_name"],
            last_name=values["last_name"],
            password=make_password(None),
        )

    def create(records: Iterable[Mapping[str, str]]) -> None:
        Account.objects.bulk_create(map(account, records), batch_size=1000)

    yield {NAME: Streams(create, map(record, count(users)))}


@contextmanager
def identify_in_process(stores: Stores, users: int) -> Iterator[dict[str, Side]]:
    """Authenticate by tokens in a process that has just started."""
    path = prepare(stores, users)
    yield {NAME: MemoryOf(_PROCESS.format(path=str(path)), stores.folder / "bytecode", keys(users))}


OPENERS: Final = {
    "W1": identify,
    "W2a": sign_in,
    "W3": register,
    "W4": import_users,
    "W11b": identify_in_process,
    "W14": register_with_password,
}
