/**
 * The index's tables. Keys are TEXT with binary collation, which is the UTF-8 order S3 lists in.
 * `versions.seq` grows with every change of the endpoint and orders the versions of a key.
 * `live` holds the current versions that are objects (no delete markers): what listings walk.
 * A blob is an immutable run of bytes, in the table when small, else in a file of its own; extents
 * of versions and parts count as its references.
 */
export const schema: string = `
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), reserved INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 1);
CREATE TABLE IF NOT EXISTS buckets (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,
  versioning TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS bucket_documents (
  bucket INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (bucket, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
  id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB
);
CREATE TABLE IF NOT EXISTS versions (
  seq INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
  marker INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
  extents TEXT NOT NULL, meta TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS versions_by_key ON versions (bucket, key, seq DESC);
CREATE TABLE IF NOT EXISTS live (
  bucket INTEGER NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
  bucket INTEGER NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL, initiated INTEGER NOT NULL,
  meta TEXT NOT NULL, tags TEXT NOT NULL, algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL,
  PRIMARY KEY (bucket, key, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT NOT NULL, number INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
  mtime INTEGER NOT NULL, extents TEXT NOT NULL, checksum TEXT NOT NULL,
  PRIMARY KEY (upload, number)
) WITHOUT ROWID`;
