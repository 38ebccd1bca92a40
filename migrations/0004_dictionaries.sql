-- Dictionaries, and chunks that hold many small contents: a piece is a stretch of a chunk, from `chunk_start` on.
-- An artifact of one piece, read at one moment, has it in its own row: `chunk_id` is NULL where it has none there.
ALTER TABLE artifacts ADD COLUMN chunk_id INTEGER REFERENCES chunks (id);
ALTER TABLE artifacts ADD COLUMN chunk_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE artifact_pieces ADD COLUMN chunk_start INTEGER NOT NULL DEFAULT 0;

CREATE INDEX artifacts_chunk ON artifacts (chunk_id) WHERE chunk_id IS NOT NULL;

-- All pieces, wherever they stand.
CREATE VIEW pieces AS
SELECT artifact_id, start, size, chunk_id, chunk_start, at, marks FROM artifact_pieces
UNION ALL
SELECT id, 0, size, chunk_id, chunk_start, created_at, NULL FROM artifacts WHERE chunk_id IS NOT NULL;

-- What zstd is told beforehand of small content, trained on content of this store as it is kept, that is: masked.
-- Of some contents kept out of the training: how many bytes they had (plain_size) and were packed into (packed_size).
CREATE TABLE dictionaries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    samples     INTEGER NOT NULL,
    plain_size  INTEGER NOT NULL,
    packed_size INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    data        BLOB    NOT NULL CHECK (length(data) BETWEEN 8 AND 1048576)
) STRICT;

CREATE INDEX chunks_dictionary ON chunks (dictionary_id) WHERE dictionary_id IS NOT NULL;
