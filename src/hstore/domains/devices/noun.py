"""The verbs of devices: register, approve, revoke, heartbeat, authenticate."""

from __future__ import annotations

from hstore.clock import from_seconds, now
from hstore.domains.devices.credentials import Credentials, encoded, hashed
from hstore.domains.devices.rows import COLUMNS, REGISTER, ROLES, UPDATE, given, to_device
from hstore.errors import AccessDenied, InvalidInput, NotFound
from hstore.listing import Filters, one_of, truth
from hstore.references import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from hstore.domains.devices.credentials import Hashed, Standing
    from hstore.door import Door
    from hstore.engine import Connection
    from hstore.models.devices import Device, DeviceReference

UNKNOWN = "there is no device of that name; store.devices.register makes one"
STATUSES = ("online", "offline", "unseen")
SAID = ("online", "offline")
OFFLINE_AFTER = 90.0
"""Seconds without a heartbeat, three of those that most hosts send, until a device counts as offline."""

APPROVE = """
    UPDATE devices SET approved_at = $1, revoked_at = NULL, updated_at = max($1, updated_at)
    WHERE id = $2 AND (approved_at IS NULL OR revoked_at IS NOT NULL) RETURNING key
"""
REVOKE = """
    UPDATE devices SET revoked_at = $1, updated_at = max($1, updated_at)
    WHERE id = $2 AND revoked_at IS NULL RETURNING key
"""
BY_ID = COLUMNS + " WHERE d.id = $1"
ID_OF_KEY = "SELECT id FROM devices WHERE key = $1"
KEY_OF_ID = "SELECT key FROM devices WHERE id = $1"
HEARTBEAT = """
    UPDATE device_presence SET said = $1, last_seen_at = max($2, last_seen_at)
    WHERE device_id = (SELECT id FROM devices WHERE key = $3) RETURNING 1
"""
FIRST_HEARTBEAT = """
    INSERT INTO device_presence (device_id, said, last_seen_at) SELECT id, $1, $2 FROM devices WHERE key = $3
    ON CONFLICT (device_id) DO UPDATE SET said = $1, last_seen_at = max($2, device_presence.last_seen_at)
    RETURNING 1
"""
COUNT = """
    SELECT count(*), count(p.device_id), coalesce(sum(CASE WHEN p.said = 'online' AND p.last_seen_at > $1
                                                      THEN 1 ELSE 0 END), 0)
    FROM devices AS d LEFT JOIN device_presence AS p ON p.device_id = d.id
"""
SEEN, UNSEEN = "p.device_id IS NOT NULL", "p.device_id IS NULL"
ONLINE = "p.said = 'online' AND p.last_seen_at >"
OFFLINE = "NOT (p.said = 'online' AND p.last_seen_at >"
APPROVED = "d.approved_at IS NOT NULL AND d.revoked_at IS NULL"


class Devices:
    """`store.devices`: register, get, find, list, update, approve, revoke, heartbeat, and shared secrets.

    Whoever may register says what a device may do: a host that lets strangers register takes `role` and the allowed
    tools, paths and apps from its own settings, and works with a device only when it is `approved`.
    """

    def __init__(
        self,
        connection: Connection,
        door: Door,
        audit: Callable[[str, str], object],
        delete: Callable[[int, bool], None],
    ) -> None:
        self._connection = connection
        self._door = door
        self._credentials = Credentials(connection)
        self._references = References(
            connection,
            door,
            "device",
            by_key=ID_OF_KEY,
            by_id=KEY_OF_ID,
            result=_result,
            named="a device, its key or its id",
            unknown=UNKNOWN,
        )
        self._audit = audit
        self._delete = delete

    def register(
        self,
        key: str,
        *,
        role: str | None = None,
        hostname: str | None = None,
        os_type: str | None = None,
        os_version: str | None = None,
        capabilities: Mapping[str, Any] | None = None,
        allowed_tools: Iterable[str] | None = None,
        allowed_paths: Iterable[str] | None = None,
        allowed_apps: Iterable[str] | None = None,
        cpu: str | None = None,
        memory: int | None = None,
        disk: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        secret: str | bytes | None = None,
        exclusive: bool = False,
    ) -> Device:
        """Create the device `key`, or update it: what is given is set, what is not stays.

        It never approves: a new device waits for `approve`, and a revoked one stays revoked.

        Args:
            key: the host's own unique name for the device.
            role: `client` (what a new device has by default), `node` or `admin`.
            hostname, os_type, os_version, cpu: texts.
            capabilities, metadata: JSON values by name, in place of what there was.
            allowed_tools, allowed_paths, allowed_apps: several texts each, in place of what there was.
            memory, disk: bytes.
            secret: the shared secret, kept only as a salted hash. A device that has one already must give the same,
                and one that was approved without gets none here, so that nobody takes over a device by registering it
                again; `set_secret` changes it. Hashing takes a quarter of a second, so not in a batch, where others
                would wait for it.
            exclusive: refuse a key that is taken.

        Raises:
            InvalidInput: a value of the wrong type or range, an empty secret, or a key that is taken, if `exclusive`.
            AccessDenied: the device has another secret, or one and none is given, or was approved without one.
        """
        columns = given(
            self._door,
            role,
            hostname,
            os_type,
            os_version,
            capabilities,
            allowed_tools,
            allowed_paths,
            allowed_apps,
            cpu,
            memory,
            disk,
            metadata,
        )
        name = self._door.key("key", key)
        found = None
        while found is None:
            standing = self._credentials.standing(name)
            if exclusive and standing is not None:
                raise InvalidInput("key: is taken by another device")
            # Hashed before the transaction, since it takes a while; so it may stand otherwise when that begins.
            made = self._credentials.new(standing, secret)
            found = self._registered(standing, (name, *columns, now()), made)
        return found

    def _registered(self, standing: Standing | None, row: tuple[Any, ...], secret: Hashed | None) -> Device | None:
        """The device as it is then; None if meanwhile it was made, approved, deleted, or got a secret."""
        connection = self._connection
        with connection.transaction():
            if self._credentials.standing(row[0]) != standing:
                return None
            number = connection.insert(REGISTER, row)
            if secret is not None:
                self._credentials.put(number, secret)
            return self.get(number)

    def update(
        self,
        device: DeviceReference,
        *,
        role: str | None = None,
        hostname: str | None = None,
        os_type: str | None = None,
        os_version: str | None = None,
        capabilities: Mapping[str, Any] | None = None,
        allowed_tools: Iterable[str] | None = None,
        allowed_paths: Iterable[str] | None = None,
        allowed_apps: Iterable[str] | None = None,
        cpu: str | None = None,
        memory: int | None = None,
        disk: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Device:
        """As `register`, for a device that must be there.

        Raises:
            InvalidInput: a value of the wrong type or range. NotFound: no such device.
        """
        columns = given(
            self._door,
            role,
            hostname,
            os_type,
            os_version,
            capabilities,
            allowed_tools,
            allowed_paths,
            allowed_apps,
            cpu,
            memory,
            disk,
            metadata,
        )
        with self._connection.transaction():
            number = self.id_of(device)
            self._connection.write(UPDATE, (*columns, now(), number))
            return self.get(number)

    def get(self, device: DeviceReference, *, offline_after: float = OFFLINE_AFTER) -> Device:
        """A device by its key, its id, or an earlier result.

        Args:
            device: key, id or result.
            offline_after: seconds without a heartbeat until its status is `offline`.

        Raises:
            NotFound: there is none.
        """
        online_from = _online_from(offline_after)
        found = self._connection.row(BY_ID, (self.id_of(device),))
        if found is None:
            raise NotFound("device: it was deleted")
        return to_device(found, online_from)

    def find(self, device: DeviceReference, *, offline_after: float = OFFLINE_AFTER) -> Device | None:
        """As `get`, with None where there is none."""
        try:
            return self.get(device, offline_after=offline_after)
        except NotFound:
            return None

    def id_of(self, device: DeviceReference) -> int:
        """The row id of a device named by key, id or result.

        Raises:
            NotFound: there is none. InvalidInput: it is none of the three.
        """
        return self._references.id_of(device)

    def list(
        self,
        *,
        role: str | None = None,
        status: str | None = None,
        approved: bool | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        limit: int | None = 100,
        after: int | None = None,
        offline_after: float = OFFLINE_AFTER,
    ) -> list[Device]:
        """Devices that fit every filter, those registered last first.

        Args:
            role: client, node or admin.
            status: online, offline or unseen.
            approved: whether they may work now.
            since, until: bounds of the moment when they were first registered.
            limit: how many at most; None: all.
            after: the last id seen.
            offline_after: seconds without a heartbeat until a status is `offline`.

        Raises:
            InvalidInput: a filter of the wrong type or range.
        """
        online_from = _online_from(offline_after)
        filters = (
            Filters()
            .add("d.role =", None if role is None else one_of("role", role, ROLES))
            .when("status", None if status is None else one_of("status", status, STATUSES) == "unseen", UNSEEN, SEEN)
            .add(ONLINE, online_from if status == "online" else None)
            .add(OFFLINE, online_from if status == "offline" else None, ")")
            .when("approved", approved, APPROVED, f"NOT ({APPROVED})")
            .between("d.registered_at", since, until)
        )
        found = self._connection.rows(*filters.statement(COLUMNS, "d.id", limit, after))
        return [to_device(row, online_from) for row in found]

    def statuses(self, *, offline_after: float = OFFLINE_AFTER) -> dict[str, int]:
        """How many devices are `online`, `offline` and `unseen`."""
        ((every, seen, online),) = self._connection.rows(COUNT, (_online_from(offline_after),))
        return {"online": online, "offline": seen - online, "unseen": every - seen}

    def approve(self, device: DeviceReference) -> Device:
        """Let a device work, also one that was revoked, and write that into the audit log.

        Raises:
            NotFound: no such device.
        """
        return self._decided(device, APPROVE, "device.approved")

    def revoke(self, device: DeviceReference) -> Device:
        """Let a device work no longer, and write that into the audit log; only `approve` takes it back.

        Raises:
            NotFound: no such device.
        """
        return self._decided(device, REVOKE, "device.revoked")

    def _decided(self, device: DeviceReference, sql: str, event: str) -> Device:
        with self._connection.transaction():
            number = self.id_of(device)
            changed = self._connection.write(sql, (now(), number))
            if changed:  # else it was decided before, and the log says when
                self._audit(event, changed[0][0])
            return self.get(number)

    def delete(self, device: DeviceReference, *, force: bool = False) -> None:
        """Delete a device with its secret, all that it did and said, its sessions, and what was remembered for it.

        Nonces and keys that it has claimed stay until they expire, so that nothing can be replayed. It works in
        transactions of some milliseconds; interrupted, it is called again. In a batch it is part of that.

        Args:
            device: a device, its key or its id.
            force: also if a run in one of its sessions is still running.

        Raises:
            NotFound: there is none. InvalidInput: a run is still running.
        """
        self._delete(self.id_of(device), bool(truth("force", force)))

    def heartbeat(self, key: str, status: str = "online") -> None:
        """Note that a device is there now; cheap enough for every second.

        Approved or not, it was seen. The time never goes back, even if the clock does.

        Args:
            key: of the device.
            status: `online`, or `offline` for one that takes its leave.

        Raises:
            NotFound: no such device. InvalidInput: another status.
        """
        if status != "online":
            one_of("status", status, SAID)
        row = (status, now(), self._door.known_key("key", key))
        write = self._connection.write
        if not write(HEARTBEAT, row) and not write(FIRST_HEARTBEAT, row):
            raise NotFound(f"key: {UNKNOWN}")

    def set_secret(self, device: DeviceReference, secret: str | bytes) -> None:
        """Give a device a shared secret, in place of the one it had, and write that into the audit log.

        Only a salted, slow hash is kept; making it takes about a quarter of a second, so not in a batch.

        Raises:
            NotFound: no such device. InvalidInput: the secret is empty, too long, or no text and no bytes.
        """
        made = hashed(encoded(secret))
        with self._connection.transaction():
            found = self.get(device)
            self._credentials.put(found.id, made)
            self._audit("device.secret_set", found.key)

    def verify_secret(self, key: str, secret: str | bytes) -> bool:
        """Whether this is the device's secret; `authenticate` says also whether it may work.

        Takes as long, about a quarter of a second, for an unknown device or one without a secret: then it is False.

        Raises:
            InvalidInput: the secret is empty, too long, or no text and no bytes.
        """
        return self._credentials.fit(self._door.key("key", key), secret)

    def authenticate(self, key: str, secret: str | bytes) -> Device:
        """The device, if the secret is its own and it is approved now.

        Raises:
            AccessDenied: unknown device or wrong secret (which of them is not said), not approved, or revoked.
            InvalidInput: the secret is empty, too long, or no text and no bytes.
        """
        stored = self._door.key("key", key)
        fits = self._credentials.fit(stored, secret)
        found = self.find(stored)  # after the hash: what was decided meanwhile counts
        if not fits or found is None:
            raise AccessDenied("device: there is none of that key with that secret")
        if found.revoked_at is not None:
            raise AccessDenied(f"device {found.id} was revoked; store.devices.approve lets it work again")
        if not found.approved:
            raise AccessDenied(f"device {found.id} is not approved yet; store.devices.approve lets it work")
        return found


def _online_from(offline_after: float) -> int:
    return now() - from_seconds("offline_after", offline_after)


def _result() -> type[Device]:
    from hstore.models.devices import Device

    return Device
