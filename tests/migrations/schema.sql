CREATE VIEW feature_adoption AS
SELECT category AS feature_category,
       feature AS feature_name,
       count(*) AS usage_count,
       count(DISTINCT session_id) AS unique_users,
       avg(CASE WHEN success = 1 THEN 1.0 ELSE 0.0 END) AS success_rate,
       avg(completed_at - started_at) / 1000000.0 AS avg_duration_seconds
FROM feature_usage
WHERE completed_at IS NOT NULL
GROUP BY 1, 2;

CREATE VIEW knowledge_growth AS
SELECT date(created_at / 1000000, 'unixepoch', 'localtime') AS date,
       type AS knowledge_type,
       count(*) AS items_created,
       avg(confidence) AS avg_confidence
FROM knowledge_items
GROUP BY 1, 2;

CREATE VIEW pieces AS
SELECT artifact_id, start, size, chunk_id, chunk_start, at, marks FROM artifact_pieces
UNION ALL
SELECT id, 0, size, chunk_id, chunk_start, created_at, NULL FROM artifacts WHERE chunk_id IS NOT NULL;

CREATE VIEW productivity_summary AS
SELECT date(created_at / 1000000, 'unixepoch', 'localtime') AS date,
       type AS event_type,
       count(*) AS event_count,
       avg(saved) / 1000000.0 AS avg_time_saved,
       avg(improvement) AS avg_improvement,
       sum(saved / 1000000.0) AS total_time_saved
FROM productivity_events
GROUP BY 1, 2;

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

CREATE TRIGGER file_cache_gone AFTER DELETE ON file_cache
BEGIN
    UPDATE cache_totals SET entries = entries - 1, size = size - OLD.size WHERE cache = 'file_cache';
END;

CREATE TRIGGER memory_keep_history AFTER UPDATE OF version ON memory WHEN OLD.version <> NEW.version
BEGIN
    INSERT INTO memory_history (memory_id, version, value, category, tags, held_from, held_until)
    VALUES (OLD.id, OLD.version, OLD.value, OLD.category, OLD.tags, coalesce(OLD.held_from, OLD.updated_at),
            max(coalesce(OLD.held_from, OLD.updated_at), min(NEW.updated_at, coalesce(OLD.expires_at, NEW.updated_at))));
    DELETE FROM memory_history WHERE memory_id = OLD.id AND version <= OLD.version - 100;
END;

CREATE TRIGGER response_cache_gone AFTER DELETE ON response_cache
BEGIN
    UPDATE cache_totals SET entries = entries - 1, size = size - OLD.size WHERE cache = 'response_cache';
END;

CREATE TABLE agents (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    key            TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    workspace_path TEXT,
    config         TEXT    NOT NULL DEFAULT '{}',
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

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
, chunk_id INTEGER REFERENCES chunks (id), chunk_start INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0, gap_at INTEGER, gap INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE audit_chain (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    first_id   INTEGER NOT NULL,
    last_id    INTEGER NOT NULL,
    last_hash  BLOB    NOT NULL CHECK (length(last_hash) = 32),
    started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    level   TEXT    NOT NULL CHECK (level = 'info' OR level = 'debug' OR level = 'warning' OR level = 'error'),
    run_id  INTEGER,
    scope   TEXT,
    event   TEXT    NOT NULL,
    message TEXT    NOT NULL DEFAULT '',
    data    TEXT
, hash BLOB CHECK (length(hash) = 32)) STRICT;

CREATE TABLE cache_totals (
    cache   TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    size    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    digest        BLOB    NOT NULL CHECK (length(digest) = 16),
    size          INTEGER NOT NULL CHECK (size BETWEEN 1 AND 1048576),
    codec         INTEGER NOT NULL,
    dictionary_id INTEGER,
    data          BLOB    NOT NULL CHECK (length(data) <= 1048576)
) STRICT;

CREATE TABLE config (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT    NOT NULL UNIQUE,
    value       TEXT,
    sealed      BLOB,
    description TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    CHECK ((value IS NULL) <> (sealed IS NULL))
) STRICT;

CREATE TABLE conversations (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    key               TEXT,
    session_id        INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    parent_id         INTEGER REFERENCES conversations (id) ON DELETE SET NULL,
    thread_id         INTEGER,
    depth             INTEGER NOT NULL DEFAULT 0,
    question          TEXT    NOT NULL,
    response          TEXT    NOT NULL,
    context_files     TEXT    NOT NULL DEFAULT '[]',
    context_databases TEXT    NOT NULL DEFAULT '[]',
    tokens            INTEGER CHECK (tokens >= 0),
    response_time     INTEGER CHECK (response_time >= 0),
    created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE database_connections (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT    NOT NULL UNIQUE,
    type              TEXT    NOT NULL CHECK (type = 'sqlite' OR type = 'postgresql' OR type = 'mysql'
                                              OR type = 'sqlserver'),
    host              TEXT,
    port              INTEGER CHECK (port BETWEEN 1 AND 65535),
    database          TEXT    NOT NULL,
    username          TEXT,
    sealed_password   BLOB,
    auth              TEXT    NOT NULL DEFAULT 'sql' CHECK (auth = 'sql' OR auth = 'windows' OR auth = 'certificate'),
    ssl               TEXT    NOT NULL DEFAULT '{}',
    options           TEXT    NOT NULL DEFAULT '{}',
    active            INTEGER NOT NULL DEFAULT 1 CHECK (active = 0 OR active = 1),
    last_connected_at INTEGER,
    last_error        TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE database_schemas (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    connection_id INTEGER NOT NULL REFERENCES database_connections (id) ON DELETE CASCADE,
    schema        TEXT    NOT NULL DEFAULT '',
    name          TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind = 'table' OR kind = 'view' OR kind = 'stored_procedure'),
    columns       TEXT    NOT NULL DEFAULT '[]',
    relationships TEXT    NOT NULL DEFAULT '[]',
    indexes       TEXT    NOT NULL DEFAULT '[]',
    row_count     INTEGER,
    updated_at    INTEGER NOT NULL,
    UNIQUE (connection_id, schema, name)
) STRICT;

CREATE TABLE device_presence (
    device_id    INTEGER PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    said         TEXT    NOT NULL DEFAULT 'online' CHECK (said = 'online' OR said = 'offline'),
    last_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE device_secrets (
    device_id INTEGER PRIMARY KEY REFERENCES devices (id) ON DELETE CASCADE,
    method    TEXT    NOT NULL,
    salt      BLOB    NOT NULL CHECK (length(salt) >= 16),
    hash      BLOB    NOT NULL CHECK (length(hash) >= 32),
    set_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE devices (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    key           TEXT    NOT NULL UNIQUE,
    hostname      TEXT,
    os_type       TEXT,
    os_version    TEXT,
    role          TEXT    NOT NULL CHECK (role = 'client' OR role = 'node' OR role = 'admin'),
    capabilities  TEXT    NOT NULL DEFAULT '{}',
    allowed_tools TEXT    NOT NULL DEFAULT '[]',
    allowed_paths TEXT    NOT NULL DEFAULT '[]',
    allowed_apps  TEXT    NOT NULL DEFAULT '[]',
    cpu           TEXT,
    memory        INTEGER CHECK (memory >= 0),
    disk          INTEGER CHECK (disk >= 0),
    metadata      TEXT    NOT NULL DEFAULT '{}',
    registered_at INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    approved_at   INTEGER,
    revoked_at    INTEGER
) STRICT;

CREATE TABLE dictionaries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    samples     INTEGER NOT NULL,
    plain_size  INTEGER NOT NULL,
    packed_size INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    data        BLOB    NOT NULL CHECK (length(data) BETWEEN 8 AND 1048576)
) STRICT;

CREATE TABLE events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id       INTEGER REFERENCES devices (id) ON DELETE CASCADE,
    type            TEXT    NOT NULL,
    severity        TEXT    NOT NULL CHECK (severity = 'info' OR severity = 'debug' OR severity = 'warning'
                                            OR severity = 'error' OR severity = 'critical'),
    data            TEXT,
    created_at      INTEGER NOT NULL,
    acknowledged_at INTEGER,
    resolved_at     INTEGER
) STRICT;

CREATE TABLE feature_usage (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id   INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    feature      TEXT    NOT NULL,
    category     TEXT    NOT NULL CHECK (category = 'core' OR category = 'database' OR category = 'files'
                                         OR category = 'advanced'),
    context      TEXT,
    started_at   INTEGER NOT NULL,
    completed_at INTEGER,
    success      INTEGER CHECK (success = 0 OR success = 1),
    error        TEXT
) STRICT;

CREATE TABLE file_cache (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    path           TEXT    NOT NULL,
    path_digest    BLOB    NOT NULL CHECK (length(path_digest) = 32),
    sha256         BLOB    NOT NULL CHECK (length(sha256) = 32),
    kind           TEXT    NOT NULL CHECK (kind = 'parse' OR kind = 'analyze' OR kind = 'extract_metadata'),
    options        TEXT    NOT NULL DEFAULT '{}',
    options_digest BLOB    NOT NULL CHECK (length(options_digest) = 32),
    result         TEXT    NOT NULL,
    size           INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    accessed_at    INTEGER NOT NULL,
    UNIQUE (path_digest, sha256, kind, options_digest)
) STRICT;

CREATE TABLE idempotency_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    digest      BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    method      TEXT    NOT NULL,
    device      TEXT    NOT NULL DEFAULT '',
    holder      INTEGER NOT NULL DEFAULT 1,
    held_until  INTEGER NOT NULL,
    result      TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE knowledge_items (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    key         TEXT,
    source_type TEXT    NOT NULL CHECK (source_type = 'file' OR source_type = 'conversation' OR source_type = 'database'
                                        OR source_type = 'other'),
    source_id   TEXT,
    type        TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    content     TEXT    NOT NULL,
    confidence  REAL    NOT NULL DEFAULT 0.5 CHECK (confidence BETWEEN 0 AND 1),
    tags        TEXT    NOT NULL DEFAULT '[]',
    metadata    TEXT    NOT NULL DEFAULT '{}',
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE knowledge_relationships (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    from_id    INTEGER NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,
    to_id      INTEGER NOT NULL REFERENCES knowledge_items (id) ON DELETE CASCADE,
    type       TEXT    NOT NULL CHECK (type = 'relates_to' OR type = 'contradicts' OR type = 'extends'
                                       OR type = 'implements'),
    strength   REAL    NOT NULL DEFAULT 0.5 CHECK (strength BETWEEN 0 AND 1),
    created_at INTEGER NOT NULL,
    UNIQUE (from_id, to_id, type),
    CHECK (from_id <> to_id)
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
    expires_at INTEGER, version INTEGER NOT NULL DEFAULT 1, held_from INTEGER,
    UNIQUE (scope, owner, key)
) STRICT;

CREATE TABLE memory_history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    memory_id  INTEGER NOT NULL REFERENCES memory (id) ON DELETE CASCADE,
    version    INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    category   TEXT,
    tags       TEXT    NOT NULL,
    held_from  INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    UNIQUE (memory_id, version)
) STRICT;

CREATE TABLE meta (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    app_version    TEXT    NOT NULL,
    store_id       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE nonces (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    device     TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE performance_metrics (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    operation    TEXT    NOT NULL,
    details      TEXT,
    started_at   INTEGER NOT NULL,
    duration     INTEGER NOT NULL CHECK (duration >= 0),
    success      INTEGER NOT NULL CHECK (success = 0 OR success = 1),
    error_type   TEXT,
    memory       INTEGER CHECK (memory >= 0),
    tokens       INTEGER CHECK (tokens >= 0),
    cache_hit    INTEGER NOT NULL DEFAULT 0 CHECK (cache_hit = 0 OR cache_hit = 1)
) STRICT;

CREATE TABLE preferences (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_hash  TEXT    NOT NULL DEFAULT '',
    category   TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    value      TEXT,
    sealed     BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (user_hash, category, key),
    CHECK ((value IS NULL) <> (sealed IS NULL))
) STRICT;

CREATE TABLE productivity_events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id   INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    type         TEXT    NOT NULL,
    estimate     INTEGER NOT NULL CHECK (estimate > 0),
    actual       INTEGER NOT NULL CHECK (actual >= 0),
    saved        INTEGER NOT NULL CHECK (saved = estimate - actual),
    improvement  REAL    NOT NULL,
    context      TEXT,
    satisfaction INTEGER CHECK (satisfaction BETWEEN 1 AND 5),
    created_at   INTEGER NOT NULL
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

CREATE TABLE response_cache (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    preview      TEXT    NOT NULL,
    response     TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    tokens       INTEGER CHECK (tokens >= 0),
    size         INTEGER NOT NULL,
    access_count INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    accessed_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE retention_policies (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    TEXT    NOT NULL UNIQUE,
    max_age    INTEGER CHECK (max_age > 0),
    max_count  INTEGER CHECK (max_count >= 0),
    max_bytes  INTEGER CHECK (max_bytes >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    looked_at  INTEGER
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
, message_count INTEGER NOT NULL DEFAULT 0, tool_execution_count INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE tool_executions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id  INTEGER REFERENCES sessions (id) ON DELETE CASCADE,
    device_id   INTEGER REFERENCES devices (id) ON DELETE CASCADE,
    tool        TEXT    NOT NULL,
    parameters  TEXT    NOT NULL,
    success     INTEGER NOT NULL CHECK (success = 0 OR success = 1),
    result      TEXT,
    error       TEXT,
    duration    INTEGER CHECK (duration >= 0),
    user_query  TEXT,
    reasoning   TEXT,
    executed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tracked_files (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    path        TEXT    NOT NULL UNIQUE,
    path_digest BLOB    NOT NULL CHECK (length(path_digest) = 32),
    name        TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    size        INTEGER NOT NULL CHECK (size >= 0),
    sha256      BLOB    NOT NULL CHECK (length(sha256) = 32),
    modified_at INTEGER NOT NULL,
    mtime_ns    INTEGER,
    ctime_ns    INTEGER,
    status      TEXT    NOT NULL DEFAULT 'pending' CHECK (status = 'pending' OR status = 'success' OR status = 'failed'),
    error       TEXT,
    parsed_at   INTEGER,
    missing_at  INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
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

CREATE INDEX conversations_created ON conversations (created_at);

CREATE UNIQUE INDEX conversations_key ON conversations (key) WHERE key IS NOT NULL;

CREATE INDEX conversations_parent ON conversations (parent_id) WHERE parent_id IS NOT NULL;

CREATE INDEX conversations_session ON conversations (session_id, created_at) WHERE session_id IS NOT NULL;

CREATE INDEX conversations_thread ON conversations (thread_id) WHERE thread_id IS NOT NULL;

CREATE INDEX database_schemas_name ON database_schemas (name);

CREATE INDEX events_created ON events (created_at);

CREATE INDEX events_device ON events (device_id, created_at) WHERE device_id IS NOT NULL;

CREATE INDEX events_resolved ON events (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE INDEX events_severity ON events (severity, created_at);

CREATE INDEX events_type ON events (type, created_at);

CREATE INDEX events_unresolved ON events (created_at) WHERE resolved_at IS NULL;

CREATE INDEX feature_usage_feature ON feature_usage (feature, started_at);

CREATE INDEX feature_usage_session ON feature_usage (session_id, feature) WHERE session_id IS NOT NULL;

CREATE INDEX feature_usage_started ON feature_usage (started_at);

CREATE INDEX file_cache_accessed ON file_cache (accessed_at, size);

CREATE INDEX file_cache_created ON file_cache (created_at);

CREATE INDEX file_cache_sha256 ON file_cache (sha256);

CREATE INDEX idempotency_keys_expires ON idempotency_keys (expires_at);

CREATE INDEX knowledge_items_confidence ON knowledge_items (confidence);

CREATE INDEX knowledge_items_created ON knowledge_items (created_at);

CREATE UNIQUE INDEX knowledge_items_key ON knowledge_items (key) WHERE key IS NOT NULL;

CREATE INDEX knowledge_items_source ON knowledge_items (source_type, source_id);

CREATE INDEX knowledge_items_type ON knowledge_items (type, created_at);

CREATE INDEX knowledge_items_type_confidence ON knowledge_items (type, confidence);

CREATE INDEX knowledge_relationships_from ON knowledge_relationships (from_id, strength, to_id, type);

CREATE INDEX knowledge_relationships_to ON knowledge_relationships (to_id, strength, from_id, type);

CREATE INDEX memory_category ON memory (category) WHERE category IS NOT NULL;

CREATE INDEX memory_expires ON memory (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX nonces_expires ON nonces (expires_at);

CREATE INDEX performance_metrics_failed ON performance_metrics (started_at) WHERE success = 0;

CREATE INDEX performance_metrics_operation ON performance_metrics (operation, started_at);

CREATE INDEX performance_metrics_started ON performance_metrics (started_at);

CREATE INDEX productivity_events_created ON productivity_events (created_at);

CREATE INDEX productivity_events_session ON productivity_events (session_id) WHERE session_id IS NOT NULL;

CREATE INDEX productivity_events_type ON productivity_events (type, created_at);

CREATE INDEX response_cache_accessed ON response_cache (accessed_at, size);

CREATE INDEX response_cache_created ON response_cache (created_at);

CREATE INDEX run_steps_run ON run_steps (run_id);

CREATE INDEX runs_app ON runs (app);

CREATE UNIQUE INDEX runs_key ON runs (key) WHERE key IS NOT NULL;

CREATE INDEX runs_running ON runs (id) WHERE status = 'running';

CREATE INDEX runs_session ON runs (session_id) WHERE session_id IS NOT NULL;

CREATE INDEX runs_started ON runs (started_at);

CREATE INDEX sessions_active ON sessions (id) WHERE ended_at IS NULL;

CREATE INDEX sessions_agent ON sessions (agent) WHERE agent IS NOT NULL;

CREATE INDEX sessions_channel ON sessions (channel) WHERE channel IS NOT NULL;

CREATE INDEX sessions_device ON sessions (device) WHERE device IS NOT NULL;

CREATE INDEX sessions_project ON sessions (project_id);

CREATE INDEX sessions_sender ON sessions (sender) WHERE sender IS NOT NULL;

CREATE INDEX sessions_started ON sessions (started_at);

CREATE INDEX tool_executions_device ON tool_executions (device_id, executed_at) WHERE device_id IS NOT NULL;

CREATE INDEX tool_executions_executed ON tool_executions (executed_at);

CREATE INDEX tool_executions_failed ON tool_executions (executed_at) WHERE success = 0;

CREATE INDEX tool_executions_session ON tool_executions (session_id, executed_at) WHERE session_id IS NOT NULL;

CREATE INDEX tool_executions_tool ON tool_executions (tool, executed_at, id, success, duration);

CREATE INDEX tracked_files_sha256 ON tracked_files (sha256);

CREATE INDEX tracked_files_status ON tracked_files (status);

CREATE INDEX tracked_files_type ON tracked_files (type);

CREATE INDEX wiki_refs_run ON wiki_refs (run_id) WHERE run_id IS NOT NULL;

CREATE INDEX wiki_refs_session ON wiki_refs (session_id) WHERE session_id IS NOT NULL;
