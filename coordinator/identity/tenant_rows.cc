#include "coordinator/identity/tenant_rows.h"

#include <algorithm>

#include "base/pki/spiffe_id.h"
#include "coordinator/authz/deny_list.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kHashBytes = 32, kMostShown = 120, kMostReason = 400;
constexpr std::int64_t kMostWrong = 5;
constexpr const char* kAnotherToken = "nobody can redeem it as it was made: make another token";
constexpr const char* kRestoreRecords =
    "put these records back from a backup, or revoke by name whom the row was about";

// Lower-case hex of whole bytes; `bytes`: how many, 0 for any number but none.
bool IsHex(std::string_view text, std::size_t bytes = 0) {
  if (text.empty() || text.size() % 2 != 0 || (bytes != 0 && text.size() != 2 * bytes))
    return false;
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// For a terminal: at most kMostShown characters, none of which does anything.
std::string Shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMostShown)) {
    const bool plain = c >= ' ' && c <= '~';
    if (plain) out += c;
    if (!plain) absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

absl::Status TenantRows::Check() {
  VEILSUM_RETURN_IF_ERROR(CheckTokens());
  VEILSUM_RETURN_IF_ERROR(CheckLeaves());
  return CheckDenied();
}

void TenantRows::Fault(std::string_view table, std::string_view row, std::string_view wrong,
                       std::string_view to_do) {
  if (out_.faults.size() < kMostTenantFaults)
    out_.faults.push_back(absl::StrFormat("tenant %s: %s %s: %s; %s", Shown(tenant_), table,
                                          Shown(row), wrong, to_do));
}

absl::Status TenantRows::Each(const char* columns, const char* table, const char* order,
                              const std::function<void(const SqlStatement&)>& check) {
  const std::string from = schema_.empty() ? table : absl::StrFormat("%s.%s", schema_, table);
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement rows,
      db_.Prepare(absl::StrFormat("SELECT %s FROM %s ORDER BY %s", columns, from, order)));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    check(rows);
  }
}

bool TenantRows::IsOurs(const std::string& uri) const {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(uri);
  return id.ok() && id->tenant() == tenant_;
}

absl::Status TenantRows::CheckTokens() {
  constexpr const char* kColumns = "id, text_sha256, subject, expires, wrong, keys_sha256";
  return Each(kColumns, "tokens", "id", [this](const SqlStatement& row) {
    ++out_.tokens;
    const std::string id = row.Text(0), subject = row.Text(2);
    const auto fault = [&](const std::string& wrong) { Fault("tokens", id, wrong, kAnotherToken); };
    if (const std::size_t size = row.Blob(1).size(); size != kHashBytes)
      fault(absl::StrFormat("text_sha256 has %d bytes, must be %d", size, kHashBytes));
    if (!IsOurs(subject))
      fault(absl::StrFormat("subject %s is nobody of this tenant", Shown(subject)));
    if (row.Int(3) <= 0) fault(absl::StrFormat("expires is %d, before any was made", row.Int(3)));
    if (row.Int(4) < 0 || row.Int(4) > kMostWrong)
      fault(absl::StrFormat("wrong is %d, must be 0 to %d", row.Int(4), kMostWrong));
    if (const std::size_t size = row.Blob(5).size(); !row.IsNull(5) && size != kHashBytes)
      fault(absl::StrFormat("keys_sha256 has %d bytes, must be %d", size, kHashBytes));
  });
}

absl::Status TenantRows::CheckLeaves() {
  return Each("serial, uri, key, expires", "leaves", "serial", [this](const SqlStatement& row) {
    ++out_.leaves;
    const std::string serial = row.Text(0), uri = row.Text(1), key = row.Text(2);
    serials_.insert(serial);
    keys_.insert(key);
    const auto fault = [&](const std::string& wrong) {
      Fault("leaves", serial, wrong,
            "the certificate cannot be revoked by this row: revoke its name, then enrol anew");
    };
    if (!IsHex(serial)) fault("serial is not lower-case hex");
    if (!IsOurs(uri)) fault(absl::StrFormat("uri %s is nobody of this tenant", Shown(uri)));
    if (!IsHex(key, kHashBytes))
      fault(absl::StrFormat("key of %d characters, must be %d of lower-case hex", key.size(),
                            2 * kHashBytes));
    if (row.Int(3) <= 0) fault(absl::StrFormat("expires is %d, before any was issued", row.Int(3)));
  });
}

absl::Status TenantRows::CheckDenied() {
  return Each("kind, value, reason, at", "denied", "kind, value", [this](const SqlStatement& row) {
    ++out_.denied;
    const std::string value = row.Text(1);
    CheckDeniedValue(row.Int(0), value);
    const auto fault = [&](const std::string& wrong) {
      Fault("denied", value, wrong, "what is revoked stays so: put the row right, or leave it");
    };
    if (row.Text(2).size() > kMostReason)
      fault(absl::StrFormat("reason of %d bytes, at most %d", row.Text(2).size(), kMostReason));
    if (row.Int(3) <= 0) fault(absl::StrFormat("at is %d, before any was revoked", row.Int(3)));
  });
}

// A row that the office would not have written denies somebody else, or nobody.
void TenantRows::CheckDeniedValue(std::int64_t kind, const std::string& value) {
  const auto fault = [&](const std::string& wrong) {
    Fault("denied", value, wrong, kRestoreRecords);
  };
  switch (static_cast<DeniedKind>(kind)) {
    case DeniedKind::kSerial:
      if (!serials_.contains(value)) fault("no leaf of this tenant has this serial");
      return;
    case DeniedKind::kKey:
      if (!keys_.contains(value)) fault("no leaf of this tenant has this key");
      return;
    case DeniedKind::kName:
      if (!IsOurs(value)) fault("the name is nobody of this tenant");
      return;
    case DeniedKind::kTenant:
      if (value != tenant_) fault("it revokes another tenant than its own");
      return;
  }
  fault(absl::StrFormat("kind is %d, must be 0 to 3", kind));
}

}  // namespace veilsum::coordinator
