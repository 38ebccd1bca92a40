-- Passes of masking anew over what is stored: by which rules and values, how far each has come, whose it is while it runs.
-- `named` is a slow, salted and cut hash of the values (docs/file-format.md), never a value. `places`: {table: last id done};
-- `left_out`: ids of artifacts to look at again. A pass that was not finished is gone on with by whoever has the same masker.
CREATE TABLE remaskings (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    rules       TEXT    NOT NULL,
    salt        BLOB    NOT NULL,
    named       BLOB    NOT NULL,
    owner       TEXT,
    places      TEXT    NOT NULL DEFAULT '{}',
    left_out    TEXT    NOT NULL DEFAULT '[]',
    replaced    INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
