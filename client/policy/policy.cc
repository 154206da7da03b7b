#include "client/policy/policy.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "dp/ledger/budget_filter.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kMaxPolicyFile = 1 << 20;

// Reads one table, key by key, so that what is left over is a key that nobody knows.
class Reader {
 public:
  Reader(const toml::table& table, std::string_view source) : table_(table), source_(source) {}

  absl::Status Error(const toml::node& node, std::string_view key,
                     std::string_view complaint) const {
    return InvalidArgument("%s:%d: %s %s", source_, node.source().begin.line, key, complaint);
  }
  absl::Status Number(std::string_view key, bool required, double& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr)
      return required ? InvalidArgument("%s: %s is missing", source_, key) : absl::OkStatus();
    const auto value = node->is_number() ? node->value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value) || *value < 0)
      return Error(*node, key, "must be a number of at least 0");
    out = *value;
    return absl::OkStatus();
  }
  absl::Status Flag(std::string_view key, bool& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return absl::OkStatus();
    if (!node->is_boolean()) return Error(*node, key, "must be true or false");
    out = node->as_boolean()->get();
    return absl::OkStatus();
  }
  absl::Status Count(std::string_view key, std::uint64_t& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return absl::OkStatus();
    if (!node->is_integer() || node->as_integer()->get() < 0)
      return Error(*node, key, "must be a whole number of at least 0");
    out = static_cast<std::uint64_t>(node->as_integer()->get());
    return absl::OkStatus();
  }
  absl::Status Texts(std::string_view key, std::vector<std::string>& out) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return absl::OkStatus();
    if (!node->is_array()) return Error(*node, key, "must be a list of strings");
    for (const toml::node& entry : *node->as_array()) {
      if (!entry.is_string()) return Error(entry, key, "must be a list of strings");
      out.push_back(entry.as_string()->get());
    }
    return absl::OkStatus();
  }
  absl::Status OnlyKnown(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table_)
      if (std::ranges::find(known, key.str()) == known.end())
        return Error(node, key.str(), "is not a key of a policy");
    return absl::OkStatus();
  }

 private:
  const toml::table& table_;
  std::string_view source_;
};

absl::StatusOr<toml::table> ParseToml(std::string_view text, std::string_view source) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return InvalidArgument("%s:%d: %s", source, error.source().begin.line, error.description());
  }
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::ranges::find(list, text) != list.end();
}

absl::Status ReadBlock(const Reader& reader, std::string_view source, Policy& policy) {
  VEILSUM_RETURN_IF_ERROR(reader.Number("block_epsilon", false, policy.block_epsilon));
  VEILSUM_RETURN_IF_ERROR(reader.Number("block_delta", false, policy.block_delta));
  VEILSUM_RETURN_IF_ERROR(reader.Count("block_order", policy.block_order));
  if ((policy.block_epsilon == 0) != (policy.block_delta == 0))
    return InvalidArgument("%s: block_epsilon and block_delta must be stated together", source);
  if (policy.block_delta >= 1) return InvalidArgument("%s: block_delta must be below 1", source);
  if (policy.block_order != 0 && (policy.block_epsilon == 0 || policy.block_order < 2 ||
                                  policy.block_order > dp::kLargestBlockOrder))
    return InvalidArgument("%s: block_order must be 2 to %d, and comes with block_epsilon", source,
                           dp::kLargestBlockOrder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Policy> ParsePolicy(std::string_view toml, std::string_view source_name) {
  VEILSUM_ASSIGN_OR_RETURN(const toml::table table, ParseToml(toml, source_name));
  const Reader reader(table, source_name);
  VEILSUM_RETURN_IF_ERROR(reader.OnlyKnown(
      {"epsilon_cap", "delta_cap", "allowed_plans", "allowed_plan_sha256", "allow_no_privacy",
       "minimum_customers", "block_epsilon", "block_delta", "block_order"}));
  Policy policy;
  VEILSUM_RETURN_IF_ERROR(reader.Flag("allow_no_privacy", policy.allow_no_privacy));
  VEILSUM_RETURN_IF_ERROR(
      reader.Number("epsilon_cap", !policy.allow_no_privacy, policy.epsilon_cap));
  VEILSUM_RETURN_IF_ERROR(reader.Number("delta_cap", !policy.allow_no_privacy, policy.delta_cap));
  VEILSUM_RETURN_IF_ERROR(reader.Texts("allowed_plans", policy.allowed_plans));
  VEILSUM_RETURN_IF_ERROR(reader.Texts("allowed_plan_sha256", policy.allowed_plan_sha256));
  VEILSUM_RETURN_IF_ERROR(reader.Count("minimum_customers", policy.minimum_customers));
  VEILSUM_RETURN_IF_ERROR(ReadBlock(reader, source_name, policy));
  if (policy.delta_cap >= 1) return InvalidArgument("%s: delta_cap must be below 1", source_name);
  for (const std::string& hash : policy.allowed_plan_sha256)
    if (!IsSha256(hash))
      return InvalidArgument("%s: allowed_plan_sha256 holds %s, not 64 lower-case hex digits",
                             source_name, hash);
  return policy;
}

absl::StatusOr<Policy> LoadPolicy(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxPolicyFile));
  return ParsePolicy(text, file.string());
}

absl::Status CheckPolicy(const Policy& policy, const PlanFacts& facts) {
  const bool any_plan = policy.allowed_plans.empty() && policy.allowed_plan_sha256.empty();
  if (!any_plan && !Contains(policy.allowed_plans, facts.plan_name) &&
      !Contains(policy.allowed_plan_sha256, facts.plan_sha256))
    return PermissionDenied("POLICY_PLAN: plan %s (%s) is not in the merchant's list",
                            facts.plan_name, facts.plan_sha256);
  if (facts.has_beacon && !Contains(policy.allowed_plan_sha256, facts.plan_sha256))
    return PermissionDenied(
        "POLICY_BEACON: plan %s (%s) draws its cohorts by a beacon and is not in the merchant's "
        "allowed_plan_sha256",
        facts.plan_name, facts.plan_sha256);
  if (facts.customers < policy.minimum_customers)
    return PermissionDenied("POLICY_CUSTOMERS: fewer than %d customers to train on",
                            policy.minimum_customers);
  if (!facts.is_private) {
    if (policy.allow_no_privacy) return absl::OkStatus();
    return PermissionDenied(
        "POLICY_NO_PRIVACY: plan %s adds no noise and the merchant has not opted in (SE-12)",
        facts.plan_name);
  }
  // Written so that a NaN is refused.
  if (!(facts.epsilon <= policy.epsilon_cap))
    return PermissionDenied("POLICY_EPSILON: epsilon is %g, the merchant's cap is %g",
                            facts.epsilon, policy.epsilon_cap);
  if (!(facts.delta <= policy.delta_cap))
    return PermissionDenied("POLICY_DELTA: delta is %g, the merchant's cap is %g", facts.delta,
                            policy.delta_cap);
  return absl::OkStatus();
}

}  // namespace veilsum::client
