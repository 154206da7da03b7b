// The schema of the coordinator's database. Applied migrations are frozen: their text is
// checksummed, changes are new ones.
#pragma once

#include "base/sqlite/database.h"

namespace veilsum::coordinator {

inline constexpr sqlite::Migration kRunStoreMigrations[] = {{1, R"sql(
CREATE TABLE runs(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL,
  contract TEXT NOT NULL,
  seed INTEGER NOT NULL,
  initial_model BLOB NOT NULL CHECK(length(initial_model) = 32),
  state TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TABLE progress(
  run INTEGER PRIMARY KEY REFERENCES runs(id),
  step INTEGER NOT NULL,
  engine_state BLOB NOT NULL
) STRICT;
CREATE TABLE approvals(
  run INTEGER NOT NULL REFERENCES runs(id),
  member TEXT NOT NULL,
  signature BLOB NOT NULL CHECK(length(signature) = 64),
  certificate BLOB NOT NULL,
  PRIMARY KEY(run, member)
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks(
  run INTEGER NOT NULL REFERENCES runs(id),
  first INTEGER NOT NULL CHECK(first >= 1),
  last INTEGER NOT NULL CHECK(last >= first),
  session BLOB NOT NULL CHECK(length(session) = 16),
  batch INTEGER NOT NULL,
  sum_index INTEGER NOT NULL,
  setup_hash BLOB NOT NULL CHECK(length(setup_hash) = 32),
  members TEXT NOT NULL,
  PRIMARY KEY(run, first),
  UNIQUE(run, session, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE budgets(
  run INTEGER NOT NULL REFERENCES runs(id),
  member TEXT NOT NULL,
  attempts INTEGER NOT NULL CHECK(attempts >= 1),
  PRIMARY KEY(run, member)
) STRICT, WITHOUT ROWID;
CREATE TABLE rounds(
  run INTEGER NOT NULL,
  round INTEGER NOT NULL,
  block_first INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 3),
  survivors TEXT CHECK(state IN (0, 3) OR survivors IS NOT NULL),
  step INTEGER NOT NULL DEFAULT 0,
  sum_hash BLOB CHECK(state <> 2 OR length(sum_hash) = 32),
  model_hash BLOB,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(run, round),
  FOREIGN KEY(run, block_first) REFERENCES blocks(run, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE models(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES runs(id),
  hash BLOB NOT NULL CHECK(length(hash) = 32),
  step INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX models_by_hash ON models(run, hash);
)sql"},
                                                            {2, R"sql(
CREATE TABLE ledger(
  leaf_index INTEGER PRIMARY KEY CHECK(leaf_index >= 0),
  name TEXT NOT NULL,
  leaf BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_by_name ON ledger(name);
CREATE TABLE ledger_hashes(
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK(length(hash) = 32),
  PRIMARY KEY(level, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_blobs(
  sha256 BLOB PRIMARY KEY CHECK(length(sha256) = 32),
  text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_head(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  note TEXT NOT NULL
) STRICT;
CREATE TABLE ledger_cosignatures(
  witness TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;
)sql"}};

}  // namespace veilsum::coordinator
