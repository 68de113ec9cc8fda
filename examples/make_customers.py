"""Write ``customers.csv``: 10,000 invented customers, with some bad lines among them.

Run ``python examples/make_customers.py [FOLDER]``; the folder of this script is the default.
Beside it ``customers.bad.json`` says which physical lines (the header is line 1) are bad, and
how. No customer is real, every domain is reserved for examples, and the same bytes come out of
every Python: change the seed, the data or the order of draws, and every line changes.
"""
# ruff: noqa: E501, RUF001  (a culture is one line; letters of many scripts look alike)

import csv
import io
import json
import sys
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import NamedTuple

SEED = 20250101
RECORDS = 10_000
SETTLED = 500  # good records before the first bad one: some faults need others to refer to
REPEATS = 8  # records that repeat an earlier one exactly
UPDATES = 8  # records that give an earlier one, by its external id, the first name it lacked
Record = dict[str, str]
Patch = dict[str, str | None]


class Culture(NamedTuple):
    """Where customers are from. Names are written ``own script=latin``, or once if it is the same."""

    languages: str
    domain: str
    first_names: str
    last_names: str


def each(column: str, *values: str) -> list[Patch]:
    """Return one patch of this column for each value."""
    return [{column: value} for value in values]


# fmt: off
ACCESS_IDS = ("access_id_1", "access_id_2", "access_id_3", "access_id_4")
COLUMNS = ("email", "external_id", *ACCESS_IDS, "username", "first_name", "last_name",
           "language", "source", "note", "created_at")
CULTURES = [Culture(*line.split(" | ")) for line in """
sk-SK, sk-SK, sk | čítanie.example.com | Zuzana, Ján=jan, Ľubica=lubica, Anna Mária=annamaria, Štefan=stefan | Nováková=novakova, Horský=horsky, Ďurica=durica, Žitný=zitny
cs-CZ, cs | knížky.example.org | Jiří=jiri, Markéta=marketa, Ondřej=ondrej, Hana | Dvořák=dvorak, Růžičková=ruzickova, Černý=cerny, Němcová=nemcova
de, de-AT, de-CH-1996 | bücher.example.com | Jürgen=juergen, Käthe=kaethe, Björn=bjoern, Heike | Müller-Groß=mueller-gross, von der Heide=vonderheide, Weiß=weiss, Schön=schoen
en-GB, en | letters.example.net | Emma, Oliver, Zoë=zoe, Siân=sian | O'Connor, Fairweather, Ashdown-Noël=ashdown-noel, Smith
fr-FR, fr-CA | été.example.org | François=francois, Zoé=zoe, Anaïs=anais, Benoît=benoit | Lefèvre=lefevre, d'Aubigné=d'aubigne, Garçon=garcon, Dubois
pl-PL | książki.example.com | Łukasz=lukasz, Małgorzata=malgorzata, Świętosława=swietoslawa, Jan | Wójcik=wojcik, Dąbrowska=dabrowska, Źrebiec=zrebiec, Nowak
tr | kütüphane.example.com | İpek=ipek, Işıl=isil, Çağrı=cagri, Ömer=omer | Yılmaz=yilmaz, Şahin=sahin, Güneş=gunes, Kılıç=kilic
is | bækur.example.org | Þóra=thora, Guðrún=gudrun, Ægir=aegir, Jökull=jokull | Bjarnadóttir=bjarnadottir, Þorsteinsson=thorsteinsson, Önnuson=onnuson
es-ES, es-419 | años.example.net | Begoña=begona, José Luis=joseluis, Íñigo=inigo, Lucía=lucia | Núñez=nunez, de la Peña=delapena, Agüero=aguero, Ibáñez=ibanez
sr-Latn-RS, sr-Cyrl | пошта.example.net | Љиљана=ljiljana, Ђорђе=djordje, Жарко=zarko | Ђурић=djuric, Његован=njegovan, Поповић=popovic
ru-RU, ru | почта.example.org | Иван=ivan, Фёдор=fedor, Анна=anna, Юлия=yulia | Петров=petrov, Щукина=shchukina, Соловьёв=solovyov, Зайцева=zaytseva
uk-UA | книги.example.com | Олена=olena, Євген=yevhen, Ґеник=genyk, Тарас=taras | Коваль=koval, Їжакевич=yizhakevych, Мельник=melnyk
el-GR | ταχυδρομείο.example.com | Γιώργος=giorgos, Ελένη=eleni, Νίκος=nikos, Άννα=anna | Παπαδάκης=papadakis, Ιωάννου=ioannou, Μαύρος=mavros
ar-EG, ar | بريد.example.com | أحمد=ahmad, فاطمة=fatima, ليلى=layla, يوسف=yusuf | المصري=almasri, حداد=haddad, النجار=alnajjar
he-IL | דואר.example.com | דוד=david, נועה=noa, יעל=yael, איתן=eitan | לוי=levi, כהן=cohen, מזרחי=mizrahi
hi-IN | डाक.example.org | संजय=sanjay, प्रिया=priya, अनीता=anita, राहुल=rahul | शर्मा=sharma, पटेल=patel, गुप्ता=gupta
zh-Hans-CN | 邮件.example.com | 伟=wei, 秀英=xiuying, 小明=xiaoming, 丽=li | 王=wang, 张=zhang, 欧阳=ouyang
zh-Hant-TW | 郵件.example.net | 雅婷=yating, 家豪=jiahao, 怡君=yijun | 陳=chen, 黃=huang, 劉=liu
ko-KR | 우편.example.org | 민준=minjun, 서연=seoyeon, 하늘=haneul, 지우=jiwoo | 김=kim, 박=park, 남궁=namgung
ja-JP | 例え.example.com | さくら=sakura, ユキ=yuki, 健太=kenta, 花子=hanako | 山田=yamada, 佐藤=sato, 小鳥遊=takanashi
th-TH | จดหมาย.example.net | สมชาย=somchai, มานะ=mana, พิมพ์=phim, อรุณ=arun | ใจดี=jaidee, แสงทอง=saengthong, ศรีสุข=srisuk
""".strip().splitlines()]
DOMAINS = ("example.com", "example.org", "example.net", "post.example.org", "mail.example.com",
           "abo.example.net", "xn--bcher-kva.example.net")
LOCAL_PARTS = ("{first}.{last}", "{last}.{first}", "{first}_{last}", "{first}{last}{number}",
               "{first}.{last}{number}", "{first}.{last}+{tag}", "{last}+{tag}{number}")
USERNAMES = ("{first}{number}", "{first}-{number}", "{first}_{number}", "{number}.{first}")
EXTERNAL_IDS = ("{number}", "{number:08}", "K-2019-{number}", "abo:{number}", "Nr {number}")
BILLING_IDS = ("{number:010}", "BN2019{number}", "CRM-{number:04}", "A1B{number:X}Z", "{uuid}")
TAGS = ("news", "shop", "abo", "2019")
SOURCES = ("web", "newsletter", "app", "crm-import", "fair 2019", "")
NOTES = ("Pays by invoice, always on time", 'Said "call me later", never did', "Číta iba víkend",
         "Möchte zwei Exemplare", "Звонить после 18:00", "電話は午後のみ 📞")
FIRST_INSTANT = datetime(2015, 1, 2, tzinfo=UTC)
DAYS = 3_800
ZONES = (0, 0, 60, 120, 180, 330, 540, -300, -210)  # minutes east of Greenwich

# What a line of each kind has instead of good values, one patch per line. ``other`` and ``third`` are earlier good
# records. None omits a column, an unknown column is one too many. The surrogate ``\udcfc`` is written as the single
# byte fc, which is not UTF-8.
FAULTS: dict[str, list[Patch]] = {
    "no_identifier": [dict.fromkeys(("email", "external_id", *ACCESS_IDS, "username"), "")] * 2,
    "email_malformed": each(
        "email", "jana.example.com", "jana@@example.com", "jana@", "@example.com", "jana@example",
        "jana novak@example.com", "jana..novak@example.com", ".jana@example.com", "jana.@example.com",
        "jana@-post.example.com", "jana@post..example.com", "jana@po_st.example.com",
        "Jana <jana@example.com>", "jana@example.com, eva@example.com", "jana@[192.0.2.1]"),
    "email_too_long": each("email", "j" * 60 + "@de." + "mail." * 36 + "example.com", "jana@" + "post." * 49 + "example.com"),
    # Another's access id: with another's external id the line would be an update of that user.
    "external_id_taken": each("external_id", *["{other[access_id_1]}"] * 3),
    "external_id_blank_ends": each("external_id", " K-1-77", "K-1-78 ", "\u3000K-1-79"),
    "external_id_too_long": each("external_id", "K" * 300, "ž" * 300),
    "access_id_taken": each("access_id_2", *["{other[access_id_1]}"] * 2, "{other[external_id]}"),
    "access_id_repeated": [{"access_id_1": "BN-1-77", "access_id_2": "BN-1-77"},
                           {"access_id_1": "BN-1-78", "access_id_2": "", "access_id_4": "BN-1-78"}],
    "two_users": [{"external_id": "{other[external_id]}", "email": "{third[email]}"}] * 3,
    "username_taken": each("username", *["{other[username]}"] * 2),
    "username_two_scripts": each("username", "p\u0430vel", "\u03b1lex7", "ivan-\u0438\u0432\u0430\u043d"),
    "username_not_own_email": each("username", "somebody.else@example.com", "{other[email]}"),
    "username_invisible": each("username", "jana\u200bk", "jana\u00adk", "jana\u2060k"),
    "date_unknown": each("created_at", "2024-13-45", "2023-02-29T08:00:00Z", "2024-05-01T25:61:00Z"),
    "date_without_time": each("created_at", "2024-05-01", "2019-12-31"),
    "instant_without_zone": each("created_at", "2024-05-01T10:00:00", "2019-12-31T23:59:59.5"),
    "language_malformed": each("language", "slovak language", "e", "de--AT", "en-"),
    "name_control": each("first_name", "Pe\u0007ter", "\u0007"),
    "name_direction": each("last_name", "Nov\u202eák", "\u202eNovák"),
    "name_nul": each("last_name", "Nov\0ák", "Novák\0"),
    "bytes_broken": each("first_name", "J\udcfcrgen", "Ren\udcc3"),
    "columns_too_many": [{"": "2024"}, {"": "", " ": "late"}],
    "columns_too_few": [{"created_at": None}, dict.fromkeys(COLUMNS[8:])],
    "note_too_long": each("note", "Long " * 14_000),
}
# fmt: on


class Customers:
    """Draws customers, none of whom shares an email, username or id with another."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._logins: set[str] = set()
        self._ids: set[str] = set()

    def draw(self) -> Record:
        """Draw a good record. It has an email or an external id, by which an import recognises it."""
        culture = self._rng.choice(CULTURES)
        first, last = self._name(culture.first_names), self._name(culture.last_names)
        email = self._email(culture, first, last) if self._often(0.98) else ""
        external_id = self._id(EXTERNAL_IDS) if not email or self._often(0.6) else ""
        return {
            "email": email,
            "external_id": external_id,
            **self._access_ids(external_id),
            "username": self._username(first, email) if self._often(0.2) else "",
            "first_name": first[0] if self._often(0.96) else "",
            "last_name": last[0],
            "language": self._language(culture),
            "source": self._rng.choice(SOURCES),
            "note": self._rng.choice(NOTES) if self._often(0.1) else "",
            "created_at": self._instant() if self._often(0.5) else "",
        }

    def draw_plain(self) -> Record:
        """Draw a good record to which a fault can be added without causing a second one."""
        while not (record := self.draw())["email"] or "@" in record["username"]:
            pass
        return record

    def _often(self, share: float) -> bool:
        return self._rng.random() < share

    def _name(self, names: str) -> tuple[str, str]:
        """Draw a name, in its own script and in Latin."""
        name, _, latin = self._rng.choice(names.split(", ")).partition("=")
        return name, latin or name.lower()

    def _unused(self, used: set[str], draw: Callable[[], str]) -> str:
        """Draw until the value differs from all used ones. Stricter than the keys of users."""
        while (key := unicodedata.normalize("NFKC", (text := draw()).casefold())) in used:
            pass
        used.add(key)
        return text

    def _fill(self, forms: tuple[str, ...], **parts: str) -> str:
        number = self._rng.randrange(1, 10 ** self._rng.randrange(2, 7))
        some_uuid = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        return self._rng.choice(forms).format(number=number, uuid=some_uuid, **parts)

    def _email(self, culture: Culture, first: tuple[str, str], last: tuple[str, str]) -> str:
        domains = (culture.domain,) if self._often(0.25) else DOMAINS
        script = 0 if self._often(0.1) else 1  # 0: an internationalised local part
        names = {"first": first[script].replace(" ", ""), "last": last[script].replace(" ", "")}

        def draw() -> str:
            local_part = self._fill(LOCAL_PARTS, **names, tag=self._rng.choice(TAGS))
            email = f"{local_part}@{self._rng.choice(domains)}"
            return email.title() if email.isascii() and self._often(0.05) else email

        return self._unused(self._logins, draw)

    def _username(self, first: tuple[str, str], email: str) -> str:
        # A username is of one script and has few signs, so not every email can be one.
        if email and email.isascii() and "'" not in email and self._often(0.05):
            return email
        # Vowel signs are no letters, and usernames are made of letters.
        name = first[0] if first[0].isalpha() else first[1]
        return self._unused(self._logins, lambda: self._fill(USERNAMES, first=name))

    def _id(self, forms: tuple[str, ...]) -> str:
        return self._unused(self._ids, lambda: self._fill(forms))

    def _access_ids(self, external_id: str) -> Record:
        """Draw ids for up to four slots; some slots between them may be empty."""
        count = self._rng.choice((0, 1, 1, 2, 2, 3, 4))
        slots = self._rng.sample(ACCESS_IDS, count) if self._often(0.2) else ACCESS_IDS[:count]
        ids = dict.fromkeys(ACCESS_IDS, "") | {slot: self._id(BILLING_IDS) for slot in slots}
        if external_id and slots and self._often(0.03):
            ids[slots[-1]] = external_id  # one user may use one id in two ways
        return ids

    def _language(self, culture: Culture) -> str:
        language = self._rng.choice(culture.languages.split(", "))
        language = "sk_SK" if language == "sk-SK" and self._often(0.05) else language
        return language if self._often(0.9) else ""

    def _instant(self) -> str:
        zone = timezone(timedelta(minutes=self._rng.choice(ZONES)))
        seconds = self._rng.randrange(DAYS * 86_400)
        fraction = self._rng.choice((0, 0, 0, 250_000, 123_456))
        at = FIRST_INSTANT + timedelta(seconds=seconds, microseconds=fraction)
        return at.astimezone(zone).isoformat().replace("+00:00", "Z")


def schedule(rng: Random) -> dict[int, tuple[str, Patch]]:
    """Return the positions of lines other than new good records."""
    events = [(kind, patch) for kind, patches in FAULTS.items() for patch in patches]
    events += [("repeat", {})] * REPEATS + [("update", {})] * UPDATES
    return dict(zip(rng.sample(range(SETTLED, RECORDS), len(events)), events, strict=True))


def make_lines(rng: Random) -> Iterator[tuple[Patch, str | None]]:
    """Return the lines in their order, each with its kind of fault, None for a good one."""
    customers, events, known = Customers(rng), schedule(rng), list[Record]()
    for place in range(RECORDS):
        kind, patch = events.get(place, ("new", {}))
        if kind == "new":
            known.append(customers.draw())
            yield {**known[-1]}, None
        elif kind == "repeat":
            yield {**rng.choice([one for one in known if one["first_name"]])}, None
        elif kind == "update":
            yield update(rng, known), None
        else:
            yield spoil(customers.draw_plain(), patch, *pick_two(rng, known)), kind


def update(rng: Random, known: list[Record]) -> Patch:
    """Return a line that only names a customer whose first name was missing."""
    # Two first names would take turns whenever the file is imported again, and R7 says nothing changes.
    nameless = [one for one in known if one["external_id"] and not one["first_name"]]
    one = rng.choice(nameless)
    known.remove(one)  # nothing else refers to this customer any more
    return {**dict.fromkeys(COLUMNS, ""), "external_id": one["external_id"], "first_name": "Noémi"}


def pick_two(rng: Random, known: list[Record]) -> list[Record]:
    """Pick two good records that have an identifier of every kind, no two of them alike."""
    wanted = ("email", "external_id", "access_id_1", "username", "first_name")
    whole = [one for one in known if len({one[column] for column in wanted} - {""}) == len(wanted)]
    return rng.sample(whole, 2)


def spoil(record: Record, patch: Patch, other: Record, third: Record) -> Patch:
    """Add the fault to a good record."""
    fault = {
        column: None if value is None else value.format(other=other, third=third) for column, value in patch.items()
    }
    return {**record, **fault}


def write(folder: Path) -> None:
    """Write both files into the folder."""
    text, bad = io.StringIO(), dict[int, str]()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, (line, kind) in enumerate(make_lines(Random(SEED)), start=2):
        writer.writerow([value for value in line.values() if value is not None])
        if kind is not None:
            bad[number] = kind
    data = text.getvalue().encode("utf-8", "surrogateescape")
    (folder / "customers.csv").write_bytes(data)
    (folder / "customers.bad.json").write_bytes(json.dumps(bad, indent=1).encode() + b"\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
