"""Libraries that keep things in SQLite files, for compare_worker.py: used as their documents say.

sqlite-utils and SQLAlchemy are given WAL and `synchronous = NORMAL`, which they do not set by themselves, so that what
is compared is not the disk; diskcache and MLflow set what they want.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

from compare_worker import Engine

COLUMNS = ("app", "cmdline", "cwd", "started_at", "duration", "exit_code", "status")


def as_mapping(row: list[Any]) -> dict[str, Any]:
    """The eight columns' worth without the id, by name: times in microseconds."""
    app, line, folder, start, duration, code = row
    columns = (app, line, folder, int(start * 1e6), int(duration * 1e6), code, "failed" if code else "ok")
    return dict(zip(COLUMNS, columns, strict=True))


class Diskcache(Engine):
    """A `Cache` with its default settings."""

    labels: ClassVar[dict[str, str]] = {"remember": "set", "recall": "get"}

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return []

    def open(self, path: str) -> None:
        from diskcache import Cache

        self.cache = Cache(path)
        self.set, self.get = self.cache.set, self.cache.get

    def close(self) -> None:
        self.cache.close()

    def remember(self, key: str, value: Any) -> None:
        self.set(key, value)

    def recall(self, key: str) -> Any:
        return self.get(key)


class SqliteUtils(Engine):
    """Tables of dictionaries."""

    labels: ClassVar[dict[str, str]] = {
        "bulk": "insert_all", "single": "insert", "remember": "insert, replace", "recall": "get",
    }  # fmt: skip

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return [as_mapping(row) for row in rows]

    def open(self, path: str) -> None:
        from sqlite_utils import Database

        self.database = Database(path)
        self.database.enable_wal()
        self.database.conn.execute("PRAGMA synchronous = NORMAL")
        whole = dict.fromkeys(("started_at", "duration", "exit_code"), int)
        types = {"id": int, **dict.fromkeys(COLUMNS, str), **whole}
        self.runs = self.database["runs"].create(types, pk="id")
        self.runs.create_index(["started_at"])
        self.memory = self.database["memory"].create({"key": str, "value": str}, pk="key")

    def close(self) -> None:
        self.database.conn.close()

    def bulk(self, rows: list[Any]) -> None:
        self.runs.insert_all(rows)

    def single(self, row: Any) -> None:
        self.runs.insert(row)

    def remember(self, key: str, value: Any) -> None:
        self.memory.insert({"key": key, "value": value}, replace=True)  # values become JSON by themselves

    def recall(self, key: str) -> Any:
        from json import loads

        return loads(self.memory.get(key)["value"])


class Sqlalchemy(Engine):
    """Objects of a host's models (compare_models.py), a session for each call, as such hosts write it."""

    labels: ClassVar[dict[str, str]] = {
        "bulk": "ORM, one commit", "single": "ORM, add and commit", "remember": "ORM, add and commit",
        "recall": "ORM, filter and first",
    }  # fmt: skip

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        def arguments(row: list[Any]) -> dict[str, Any]:
            app, line, folder, start, duration, code = row
            return {
                "device_id": "laptop-123", "tool_name": app, "parameters": {"cmdline": line, "cwd": folder},
                "success": code == 0, "result": {"exit_code": code}, "duration_ms": int(duration * 1000),
                "executed_at": datetime.fromtimestamp(start, timezone.utc),
            }  # fmt: skip

        return [arguments(row) for row in rows]

    def open(self, path: str) -> None:
        import compare_models as models
        from sqlalchemy import create_engine, event
        from sqlalchemy.orm import sessionmaker

        self.engine = create_engine(f"sqlite:///{path}")

        @event.listens_for(self.engine, "connect")
        def settings(connection: Any, _: object) -> None:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

        models.Base.metadata.create_all(self.engine)
        self.session, self.models = sessionmaker(bind=self.engine), models
        with self.session() as session:
            session.add(models.Device(device_id="laptop-123", hostname="laptop", os_type="Linux"))
            session.commit()

    def close(self) -> None:
        self.engine.dispose()

    def bulk(self, rows: list[Any]) -> None:
        with self.session() as session:
            session.add_all([self.models.ToolExecution(**row) for row in rows])
            session.commit()

    def single(self, row: Any) -> None:
        with self.session() as session:
            session.add(self.models.ToolExecution(**row))
            session.commit()

    def remember(self, key: str, value: Any) -> None:
        with self.session() as session:
            session.add(self.models.ContextMemory(key=key, value=value, scope="global"))
            session.commit()

    def recall(self, key: str) -> Any:
        memory = self.models.ContextMemory
        with self.session() as session:
            return session.query(memory).filter(memory.key == key).first().value


class Mlflow(Engine):
    """A run logged through the client on an SQLite file: created, parameters and metrics in one batch, ended."""

    labels: ClassVar[dict[str, str]] = {"single": "create_run, log_batch, set_terminated"}

    def prepared(self, rows: list[list[Any]]) -> list[Any]:
        return [as_mapping(row) for row in rows]

    def open(self, path: str) -> None:
        import logging

        logging.disable(logging.INFO)
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self.client, self.metric, self.param = MlflowClient(f"sqlite:///{path}"), Metric, Param
        self.experiment = self.client.create_experiment("compare", artifact_location=f"{path}.artifacts")

    def single(self, row: Any) -> None:
        begin = row["started_at"] // 1000
        end = begin + row["duration"] // 1000
        run = self.client.create_run(self.experiment, start_time=begin, run_name=row["app"]).info.run_id
        parameters = [self.param("cmdline", row["cmdline"]), self.param("cwd", row["cwd"])]
        metrics = [self.metric("duration", row["duration"] / 1e6, end, 0)]
        metrics.append(self.metric("exit_code", row["exit_code"], end, 0))
        self.client.log_batch(run, params=parameters, metrics=metrics)
        self.client.set_terminated(run, "FAILED" if row["exit_code"] else "FINISHED", end_time=end)


ENGINES: dict[str, type[Engine]] = {
    "diskcache": Diskcache,
    "sqlite-utils": SqliteUtils,
    "sqlalchemy": Sqlalchemy,
    "mlflow": Mlflow,
}
