"""The customers of the examples are those that their script makes, with the faults that it declares."""

import csv
import json
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from email_validator import EmailNotValidError, validate_email

EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = {
    "access_id_repeated": 2,
    "access_id_taken": 3,
    "bytes_broken": 2,
    "columns_too_few": 2,
    "columns_too_many": 2,
    "date_unknown": 3,
    "date_without_time": 2,
    "email_malformed": 15,
    "email_too_long": 2,
    "external_id_blank_ends": 3,
    "external_id_taken": 3,
    "external_id_too_long": 2,
    "instant_without_zone": 2,
    "language_malformed": 4,
    "name_control": 2,
    "name_direction": 2,
    "name_nul": 2,
    "no_identifier": 2,
    "note_too_long": 1,
    "two_users": 3,
    "username_invisible": 3,
    "username_not_own_email": 2,
    "username_taken": 2,
    "username_two_scripts": 3,
}

Record = dict[str, str]


@pytest.fixture(scope="module")
def lines() -> dict[int, bytes]:
    """Return the physical lines by their number; the last line has a line end, too."""
    *lines, rest = (EXAMPLES / "customers.csv").read_bytes().split(b"\n")
    assert rest == b""
    return dict(enumerate(lines, start=1))


@pytest.fixture(scope="module")
def bad() -> dict[int, str]:
    """Return the kind of fault by the number of its line."""
    kinds = json.loads((EXAMPLES / "customers.bad.json").read_bytes())
    return {int(number): kind for number, kind in kinds.items()}


@pytest.fixture(scope="module")
def rows(lines: dict[int, bytes]) -> dict[int, list[str]]:
    """Return the fields of each data line; a byte that is not UTF-8 becomes U+FFFD."""
    return {number: next(csv.reader([line.decode(errors="replace")])) for number, line in lines.items() if number > 1}


@pytest.fixture(scope="module")
def good(lines: dict[int, bytes], rows: dict[int, list[str]], bad: dict[int, str]) -> list[Record]:
    """Return the good records in their order."""
    columns = lines[1].decode().split(",")
    return [dict(zip(columns, row, strict=True)) for number, row in rows.items() if number not in bad]


def email_key(email: str) -> str:
    """Return the key by specification U4; the validator normalises the domain."""
    valid = validate_email(email, check_deliverability=False)
    return f"{unicodedata.normalize('NFC', valid.local_part.casefold())}@{valid.ascii_domain}"


def is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return len(text) <= 254


def test_the_script_makes_the_same_bytes_on_every_python(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_customers.py", tmp_path], check=True)
    for name in ("customers.csv", "customers.bad.json"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), name


def test_each_record_is_one_line_of_utf_8(lines: dict[int, bytes], bad: dict[int, str]) -> None:
    assert len(lines) == 1 + 10_000
    assert not any(b"\r" in line for line in lines.values())
    broken = [number for number, line in lines.items() if "\ufffd" in line.decode(errors="replace")]
    assert {bad[number] for number in broken} == {"bytes_broken"}
    text = b"\n".join(line for number, line in lines.items() if number not in broken).decode()
    assert unicodedata.is_normalized("NFC", text)


def test_each_kind_of_fault_occurs(bad: dict[int, str]) -> None:
    assert Counter(bad.values()) == KINDS


def test_a_good_record_has_a_valid_email_or_an_external_id(good: list[Record]) -> None:
    emails = [record["email"] for record in good if record["email"]]
    assert [email for email in emails if not is_email(email)] == []
    assert all(record["email"] or record["external_id"] for record in good)


def test_no_malformed_email_is_valid(rows: dict[int, list[str]], bad: dict[int, str]) -> None:
    emails = [rows[number][0] for number, kind in bad.items() if kind.startswith("email_")]
    assert [email for email in emails if is_email(email)] == []


def test_good_records_share_no_identifier(good: list[Record]) -> None:
    """An update names its user by the external id alone, and a repeated line is the same user."""
    owners: dict[tuple[str, str], str] = {}
    for record in good:
        user = record["external_id"] or email_key(record["email"])
        logins = [unicodedata.normalize("NFKC", record["username"].casefold())]
        if record["email"]:
            logins += [email_key(record["email"])]
            assert "@" not in record["username"] or record["username"] == record["email"]
            assert owners.setdefault(("email", email_key(record["email"])), user) == user
        ids = [record["external_id"], *(record[f"access_id_{slot}"] for slot in range(1, 5))]
        claims = [("login", key) for key in logins] + [("external", key) for key in ids]
        assert all(owners.setdefault(claim, user) == user for claim in claims if claim[1])


def test_some_good_records_repeat_or_update_an_earlier_one(good: list[Record]) -> None:
    counts = Counter(tuple(record.items()) for record in good)
    assert Counter(counts.values()) == {1: len(good) - 16, 2: 8}
    updates = [record for record in good if "".join(record.values()) == record["external_id"] + record["first_name"]]
    assert len(updates) == 8
    for update in updates:
        first, second = (record for record in good if record["external_id"] == update["external_id"])
        assert (first["first_name"], second) == ("", update)
