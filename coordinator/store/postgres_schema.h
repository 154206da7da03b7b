// The schema of a coordinator's tables in PostgreSQL: run_store_schema.h's, with the types that
// PostgreSQL has, and the cluster's term. Applied migrations are frozen: their text is checksummed,
// changes are new ones.
#pragma once

#include "base/sqlite/database.h"

namespace veilsum::coordinator {

inline constexpr sqlite::Migration kPostgresMigrations[] = {{1, R"sql(
CREATE TABLE cluster(
  id BIGINT PRIMARY KEY CHECK(id = 1),
  term BIGINT NOT NULL CHECK(term >= 0),
  holder TEXT NOT NULL
);
INSERT INTO cluster(id, term, holder) VALUES(1, 0, '');
CREATE TABLE runs(
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL,
  contract TEXT NOT NULL,
  seed BIGINT NOT NULL,
  initial_model BYTEA NOT NULL CHECK(length(initial_model) = 32),
  state TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE progress(
  run BIGINT PRIMARY KEY REFERENCES runs(id),
  step BIGINT NOT NULL,
  engine_state BYTEA NOT NULL
);
CREATE TABLE approvals(
  run BIGINT NOT NULL REFERENCES runs(id),
  member TEXT COLLATE "C" NOT NULL,
  signature BYTEA NOT NULL CHECK(length(signature) = 64),
  certificate BYTEA NOT NULL,
  PRIMARY KEY(run, member)
);
CREATE TABLE blocks(
  run BIGINT NOT NULL REFERENCES runs(id),
  first BIGINT NOT NULL CHECK(first >= 1),
  last BIGINT NOT NULL CHECK(last >= first),
  session BYTEA NOT NULL CHECK(length(session) = 16),
  batch BIGINT NOT NULL,
  sum_index BIGINT NOT NULL,
  setup_hash BYTEA NOT NULL CHECK(length(setup_hash) = 32),
  members JSON NOT NULL,
  PRIMARY KEY(run, first),
  UNIQUE(run, session, batch)
);
CREATE TABLE budgets(
  run BIGINT NOT NULL REFERENCES runs(id),
  member TEXT COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL CHECK(attempts >= 1),
  PRIMARY KEY(run, member)
);
CREATE TABLE rounds(
  run BIGINT NOT NULL,
  round BIGINT NOT NULL,
  block_first BIGINT NOT NULL,
  slot BIGINT NOT NULL,
  state BIGINT NOT NULL CHECK(state BETWEEN 0 AND 3),
  survivors JSON CHECK(state IN (0, 3) OR survivors IS NOT NULL),
  step BIGINT NOT NULL DEFAULT 0,
  sum_hash BYTEA CHECK(state <> 2 OR (sum_hash IS NOT NULL AND length(sum_hash) = 32)),
  model_hash BYTEA,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(run, round),
  FOREIGN KEY(run, block_first) REFERENCES blocks(run, first)
);
CREATE TABLE models(
  sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run BIGINT NOT NULL REFERENCES runs(id),
  hash BYTEA NOT NULL CHECK(length(hash) = 32),
  step BIGINT NOT NULL,
  bytes BYTEA NOT NULL
);
CREATE INDEX models_by_hash ON models(run, hash);
CREATE TABLE ledger(
  leaf_index BIGINT PRIMARY KEY CHECK(leaf_index >= 0),
  name TEXT NOT NULL,
  leaf BYTEA NOT NULL
);
CREATE INDEX ledger_by_name ON ledger(name);
CREATE TABLE ledger_hashes(
  level BIGINT NOT NULL,
  number BIGINT NOT NULL,
  hash BYTEA NOT NULL CHECK(length(hash) = 32),
  PRIMARY KEY(level, number)
);
CREATE TABLE ledger_blobs(
  sha256 BYTEA PRIMARY KEY CHECK(length(sha256) = 32),
  text TEXT NOT NULL
);
CREATE TABLE ledger_head(
  id BIGINT PRIMARY KEY CHECK(id = 1),
  note TEXT NOT NULL
);
CREATE TABLE ledger_cosignatures(
  witness TEXT COLLATE "C" PRIMARY KEY,
  size BIGINT NOT NULL,
  signature BYTEA NOT NULL
);
)sql"},
                                                            {2, R"sql(
CREATE TABLE tenants(
  tenant TEXT COLLATE "C" PRIMARY KEY,
  schema TEXT NOT NULL UNIQUE,
  version BIGINT NOT NULL CHECK(version >= 1)
);
)sql"}};

}  // namespace veilsum::coordinator
