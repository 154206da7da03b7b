#include "base/pki/spiffe_id.h"

#include <algorithm>
#include <vector>

#include "base/crypto/sha256.h"

namespace veilsum {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::size_t kMaxUri = 2048;  // SPIFFE-ID.md section 2.3

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsDomain(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return IsLower(c) || IsDigit(c) || c == '.' || c == '-' || c == '_';
  });
}

bool IsTenant(std::string_view text) {
  return text.size() >= 3 && text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsSegment(std::string_view text) {
  return !text.empty() && text.size() <= 64 && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) {
           return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '.' || c == '-' || c == '_';
         });
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

// Peers choose these bytes and they end in logs: nothing unprintable, nothing long.
std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 120)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace

std::string_view RoleName(SpiffeRole role) {
  switch (role) {
    case SpiffeRole::kClient:
      return "client";
    case SpiffeRole::kCoordinator:
      return "coordinator";
    case SpiffeRole::kOperator:
      return "operator";
    case SpiffeRole::kTenantOperator:
      return "tenant operator";
    case SpiffeRole::kAuditor:
      return "auditor";
    case SpiffeRole::kWitness:
      return "witness";
  }
  return "unknown";
}

absl::StatusOr<SpiffeId> SpiffeId::Parse(std::string_view uri) {
  if (uri.size() > kMaxUri)
    return InvalidArgument("SPIFFE id has %d bytes, at most %d", uri.size(), kMaxUri);
  if (!uri.starts_with(kScheme)) return InvalidArgument("%s is not a spiffe:// id", Printable(uri));
  const std::vector<std::string_view> parts = Split(uri.substr(kScheme.size()), '/');
  if (parts.size() == 5 && parts[1] == "tenant") {
    if (parts[3] == "client") return Client(parts[0], parts[2], parts[4]);
    if (parts[3] == "operator") return TenantOperator(parts[0], parts[2], parts[4]);
  }
  if (parts.size() == 3) {
    for (const SpiffeRole role : {SpiffeRole::kCoordinator, SpiffeRole::kOperator,
                                  SpiffeRole::kAuditor, SpiffeRole::kWitness})
      if (parts[1] == RoleName(role)) return Of(role, parts[0], "", parts[2]);
  }
  return InvalidArgument("%s names no client, coordinator, operator or other party",
                         Printable(uri));
}

absl::StatusOr<SpiffeId> SpiffeId::Of(SpiffeRole role, std::string_view domain,
                                      std::string_view tenant, std::string_view name) {
  const bool of_tenant = role == SpiffeRole::kClient || role == SpiffeRole::kTenantOperator;
  if (!IsDomain(domain)) return InvalidArgument("trust domain %s is not legal", Printable(domain));
  if (of_tenant && !IsTenant(tenant))
    return InvalidArgument("tenant id %s is not [a-z0-9-]{3,40}", Printable(tenant));
  if (!IsSegment(name))
    return InvalidArgument("%s id %s is not legal", RoleName(role), Printable(name));
  SpiffeId id;
  id.role_ = role;
  id.domain_ = domain;
  id.tenant_ = tenant;
  id.name_ = name;
  id.uri_ = of_tenant ? absl::StrFormat("spiffe://%s/tenant/%s/%s/%s", domain, tenant,
                                        role == SpiffeRole::kClient ? "client" : "operator", name)
                      : absl::StrFormat("spiffe://%s/%s/%s", domain, RoleName(role), name);
  return id;
}

absl::StatusOr<SpiffeId> SpiffeId::Client(std::string_view domain, std::string_view tenant,
                                          std::string_view client) {
  return Of(SpiffeRole::kClient, domain, tenant, client);
}

absl::StatusOr<SpiffeId> SpiffeId::TenantOperator(std::string_view domain, std::string_view tenant,
                                                  std::string_view user) {
  return Of(SpiffeRole::kTenantOperator, domain, tenant, user);
}

absl::StatusOr<SpiffeId> SpiffeId::Coordinator(std::string_view domain, std::string_view node) {
  return Of(SpiffeRole::kCoordinator, domain, "", node);
}

absl::StatusOr<SpiffeId> SpiffeId::Operator(std::string_view domain, std::string_view user) {
  return Of(SpiffeRole::kOperator, domain, "", user);
}

std::string LegalTenantId(std::string_view folder) {
  std::string id;
  bool changed = false;
  for (const char c : folder) {
    if (IsLower(c) || IsDigit(c) || c == '-')
      id += c;
    else if (IsUpper(c))
      id += static_cast<char>(c - 'A' + 'a');
    else if (c == '_' || c == ' ' || c == '.')
      id += '-';
    else
      changed = true;
  }
  if (!changed && id.size() >= 3 && id.size() <= 40) return id;
  const std::string mark = HexEncode(ByteView(Sha256(folder)).first(4));
  id.resize(std::min<std::size_t>(id.size(), 31));
  return id.empty() ? "tenant-" + mark : id + "-" + mark;
}

}  // namespace veilsum
