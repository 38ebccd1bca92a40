CREATE VIEW pieces AS
SELECT artifact_id, start, size, chunk_id, chunk_start, at, marks FROM artifact_pieces
UNION ALL
SELECT id, 0, size, chunk_id, chunk_start, created_at, NULL FROM artifacts WHERE chunk_id IS NOT NULL;

CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;

CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;

CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;

CREATE TABLE artifact_pieces (
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    start       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    chunk_id    INTEGER NOT NULL REFERENCES chunks (id),
    at          INTEGER NOT NULL,
    marks       BLOB, chunk_start INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (artifact_id, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifacts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind        TEXT    NOT NULL CHECK (kind = 'log' OR kind = 'file' OR kind = 'note'),
    name        TEXT,
    path        TEXT,
    size        INTEGER NOT NULL DEFAULT 0,
    source_size INTEGER NOT NULL DEFAULT 0,
    masked      TEXT    NOT NULL DEFAULT '{}',
    complete    INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)),
    created_at  INTEGER NOT NULL
, chunk_id INTEGER REFERENCES chunks (id), chunk_start INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE audit_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    level   TEXT    NOT NULL CHECK (level = 'info' OR level = 'debug' OR level = 'warning' OR level = 'error'),
    run_id  INTEGER,
    scope   TEXT,
    event   TEXT    NOT NULL,
    message TEXT    NOT NULL DEFAULT '',
    data    TEXT
) STRICT;

CREATE TABLE chunks (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    digest        BLOB    NOT NULL CHECK (length(digest) = 16),
    size          INTEGER NOT NULL CHECK (size BETWEEN 1 AND 1048576),
    codec         INTEGER NOT NULL,
    dictionary_id INTEGER,
    data          BLOB    NOT NULL CHECK (length(data) <= 1048576)
) STRICT;

CREATE TABLE dictionaries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    samples     INTEGER NOT NULL,
    plain_size  INTEGER NOT NULL,
    packed_size INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    data        BLOB    NOT NULL CHECK (length(data) BETWEEN 8 AND 1048576)
) STRICT;

CREATE TABLE memory (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    scope      TEXT    NOT NULL CHECK (scope = 'global' OR scope = 'device' OR scope = 'session' OR scope = 'project'),
    owner      TEXT    NOT NULL DEFAULT '',
    key        TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    category   TEXT,
    tags       TEXT    NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (scope, owner, key)
) STRICT;

CREATE TABLE meta (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    app_version    TEXT    NOT NULL,
    store_id       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    root       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

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

CREATE TABLE run_steps (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status = 'ok' OR status = 'failed' OR status = 'running' OR status = 'skipped'),
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    stats       TEXT
) STRICT;

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT,
    project_id  INTEGER NOT NULL REFERENCES projects (id),
    session_id  INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    name        TEXT,
    app         TEXT    NOT NULL,
    cmdline     TEXT    NOT NULL,
    argv        TEXT,
    cwd         TEXT,
    git_sha     TEXT,
    config_hash TEXT,
    pid         INTEGER,
    owner       TEXT,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    duration    INTEGER,
    exit_code   INTEGER,
    signal      INTEGER,
    status      TEXT    NOT NULL CHECK (status = 'ok' OR status = 'failed' OR status = 'running' OR status = 'killed' OR status = 'lost')
) STRICT;

CREATE TABLE schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key            TEXT    NOT NULL UNIQUE,
    project_id     INTEGER NOT NULL REFERENCES projects (id),
    profile        TEXT    NOT NULL CHECK (profile IN ('permissive', 'restricted')),
    context_dir    TEXT,
    device         TEXT,
    agent          TEXT,
    sender         TEXT,
    channel        TEXT,
    context        TEXT    NOT NULL DEFAULT '{}',
    started_at     INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    ended_at       INTEGER
) STRICT;

CREATE TABLE wiki_refs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    run_id     INTEGER REFERENCES runs (id) ON DELETE SET NULL,
    title      TEXT    NOT NULL,
    selection  TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX artifact_pieces_chunk ON artifact_pieces (chunk_id);

CREATE INDEX artifacts_chunk ON artifacts (chunk_id) WHERE chunk_id IS NOT NULL;

CREATE INDEX artifacts_run ON artifacts (run_id);

CREATE INDEX audit_log_at ON audit_log (at);

CREATE INDEX audit_log_run ON audit_log (run_id) WHERE run_id IS NOT NULL;

CREATE INDEX chunks_dictionary ON chunks (dictionary_id) WHERE dictionary_id IS NOT NULL;

CREATE INDEX chunks_digest ON chunks (digest);

CREATE INDEX memory_category ON memory (category) WHERE category IS NOT NULL;

CREATE INDEX memory_expires ON memory (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX run_steps_run ON run_steps (run_id);

CREATE INDEX runs_app ON runs (app);

CREATE UNIQUE INDEX runs_key ON runs (key) WHERE key IS NOT NULL;

CREATE INDEX runs_running ON runs (id) WHERE status = 'running';

CREATE INDEX runs_session ON runs (session_id) WHERE session_id IS NOT NULL;

CREATE INDEX runs_started ON runs (started_at);

CREATE INDEX sessions_agent ON sessions (agent) WHERE agent IS NOT NULL;

CREATE INDEX sessions_device ON sessions (device) WHERE device IS NOT NULL;

CREATE INDEX sessions_project ON sessions (project_id);

CREATE INDEX sessions_sender ON sessions (sender) WHERE sender IS NOT NULL;

CREATE INDEX wiki_refs_run ON wiki_refs (run_id) WHERE run_id IS NOT NULL;

CREATE INDEX wiki_refs_session ON wiki_refs (session_id) WHERE session_id IS NOT NULL;
