"""API tokens in SQL, each on the shard of its digest: few rows, which operators find by their ids."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.context import SYSTEM
from usercore.kernel.ids import LIMIT
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore.tokens.model import ApiToken
from usercore.tokens.ports import ApiTokenRepository
from usercore_storage.sql.executor import Executor, remove_in_turn
from usercore_storage.sql.tables import API_TOKENS

GET: Final = f"SELECT {API_TOKENS.select} FROM usercore_api_tokens WHERE digest = ? AND tenant_id = ?"
REPLACE, _replaced = API_TOKENS.updater("id", "last_used_at", "change_no")
TOUCH: Final = (
    "UPDATE usercore_api_tokens SET last_used_at = ?"
    " WHERE digest = ? AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < ?)"
)
REMOVE: Final = {
    end: (
        "DELETE FROM usercore_api_tokens WHERE digest IN"
        f" (SELECT digest FROM usercore_api_tokens WHERE {end} < ? ORDER BY {end} LIMIT ?) RETURNING digest"
    )
    for end in ("revoked_at", "expires_at")
}


class SqlApiTokens(ApiTokenRepository):
    """Stores API tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # an id does not say on which shard its token is
            "lock": (
                "UPDATE usercore_api_tokens SET change_no = change_no + 1 WHERE tenant_id = ? AND id = ?"
                f" RETURNING {API_TOKENS.select}"
            ),
            "revoke": (
                "UPDATE usercore_api_tokens SET change_no = change_no + 1, revoked_at = ?"
                " WHERE created_by = ? AND issued_at >= ? AND revoked_at IS NULL AND tenant_id BETWEEN ? AND ?"
                f" RETURNING {API_TOKENS.select}"
            ),
            "remove all": (
                "DELETE FROM usercore_api_tokens WHERE digest IN"
                " (SELECT digest FROM usercore_api_tokens WHERE tenant_id = ? LIMIT ?) RETURNING digest"
            ),
            "list": (
                f"SELECT {API_TOKENS.select} FROM usercore_api_tokens"
                " WHERE tenant_id = ? AND id > ? AND revoked_at IS NULL ORDER BY id LIMIT ?"
            ),
        }

    def add(self, token: ApiToken) -> None:
        self._run(API_TOKENS.insert, API_TOKENS.row(token))
        self._unit.number(Subject.API_TOKEN, token.id, token.change_no)

    def get(self, digest: Digest) -> ApiToken | None:
        rows = self._run(GET, (digest, self._unit.tenant_id))
        return API_TOKENS.read(rows[0]) if rows else None

    def lock(self, token_id: int) -> ApiToken | None:
        rows = self._run(self.from_all_shards["lock"], (self._unit.tenant_id, token_id))
        if not rows:
            return None
        token = API_TOKENS.read(rows[0])
        self._unit.number(Subject.API_TOKEN, token.id, token.change_no)
        return token

    def replace(self, token: ApiToken) -> None:
        self._run(REPLACE, _replaced(token))

    def list_from(self, after: int | None, *, limit: int) -> list[ApiToken]:
        rows = self._run(self.from_all_shards["list"], (self._unit.tenant_id, after or 0, limit))
        return list(map(API_TOKENS.read, rows))

    def revoke_created_by(self, actor: str, *, since: datetime, at: datetime) -> list[ApiToken]:
        own = self._unit.tenant_id
        tenants = (0, LIMIT) if own == SYSTEM else (own, own)
        values = (to_micros(at), actor, to_micros(since), *tenants)
        revoked = list(map(API_TOKENS.read, self._run(self.from_all_shards["revoke"], values)))
        for token in revoked:
            self._unit.number(Subject.API_TOKEN, token.id, token.change_no)
        return revoked

    def touch(self, uses: Iterable[tuple[Digest, datetime]]) -> None:
        self._run.many(TOUCH, [(to_micros(at), digest, to_micros(at)) for digest, at in uses])

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(remove_in_turn(self._run, REMOVE.values(), to_micros(before), limit))

    def remove_all(self, *, limit: int) -> int:
        return len(self._run(self.from_all_shards["remove all"], (self._unit.tenant_id, limit)))
