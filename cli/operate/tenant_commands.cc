// `veilsum tenant`, `veilsum client` and `veilsum token`: who takes part, and who no more.
#include <cstdio>
#include <memory>

#include "base/canonical_json.h"
#include "base/file.h"
#include "cli/operate/operate_commands.h"
#include "client/enroll/operator_config.h"
#include "client/rpc/tenancy_client.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

struct TenantArguments {
  std::string config, tenant, name, role = "client", reason, serial, key;
  fs::path kit;
  std::uint32_t ttl = 3600;
};
using Action = absl::Status (*)(const TenantArguments&, const client::LinkConfig&,
                                client::TenancyClient&);

absl::Status Perform(const TenantArguments& arguments, Action action) {
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(arguments.config));
  VEILSUM_ASSIGN_OR_RETURN(const auto tenancy, client::TenancyClient::Connect(config.link));
  return action(arguments, config.link, *tenancy);
}

// What a merchant is handed: public, every byte of it.
absl::Status WriteKit(const TenantArguments& arguments, const client::LinkConfig& link) {
  std::error_code error;
  fs::create_directories(arguments.kit, error);
  const Certificate& root = link.tls->root;
  const Json kit = {{"coordinator", link.coordinator_id},
                    {"coordinator_address", link.target},
                    {"federation", link.tls->id.domain()},
                    {"root_sha256", HexEncode(root.Fingerprint())},
                    {"tenant", arguments.tenant}};
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(kit));
  VEILSUM_RETURN_IF_ERROR(WriteFile(arguments.kit / "kit.json", text + "\n"));
  return WriteFile(arguments.kit / "root.pem", root.ToPem());
}

absl::Status Create(const TenantArguments& arguments, const client::LinkConfig& link,
                    client::TenancyClient& tenancy) {
  VEILSUM_RETURN_IF_ERROR(tenancy.CreateTenant(arguments.tenant));
  return arguments.kit.empty() ? absl::OkStatus() : WriteKit(arguments, link);
}

absl::Status List(const TenantArguments&, const client::LinkConfig&,
                  client::TenancyClient& tenancy) {
  VEILSUM_ASSIGN_OR_RETURN(const auto response, tenancy.ListTenants());
  for (const auto& tenant : response.tenants())
    std::printf("%s%s\n", tenant.tenant().c_str(), tenant.revoked() ? "  revoked" : "");
  return absl::OkStatus();
}

absl::Status RevokeTenant(const TenantArguments& arguments, const client::LinkConfig&,
                          client::TenancyClient& tenancy) {
  return tenancy.RevokeTenant(arguments.tenant, arguments.reason);
}

absl::Status ListClients(const TenantArguments& arguments, const client::LinkConfig&,
                         client::TenancyClient& tenancy) {
  VEILSUM_ASSIGN_OR_RETURN(const auto response, tenancy.ListClients(arguments.tenant));
  for (const auto& leaf : response.leaves())
    std::printf("%s  serial %s  key %s  expires %lld%s\n", leaf.spiffe_id().c_str(),
                leaf.serial().c_str(), leaf.key_sha256().c_str(),
                static_cast<long long>(leaf.expires()), leaf.revoked() ? "  revoked" : "");
  return absl::OkStatus();
}

absl::Status RevokeClient(const TenantArguments& arguments, const client::LinkConfig&,
                          client::TenancyClient& tenancy) {
  tenancy::v1::RevokeClientRequest request;
  request.set_tenant(arguments.tenant);
  request.set_reason(arguments.reason);
  if (!arguments.name.empty()) request.set_name(arguments.name);
  if (!arguments.serial.empty()) request.set_serial(arguments.serial);
  if (!arguments.key.empty()) request.set_key_sha256(arguments.key);
  return tenancy.RevokeClient(request);
}

absl::Status CreateToken(const TenantArguments& arguments, const client::LinkConfig&,
                         client::TenancyClient& tenancy) {
  tenancy::v1::CreateJoinTokenRequest request;
  request.set_tenant(arguments.tenant);
  request.set_name(arguments.name);
  request.set_role(arguments.role);
  request.set_ttl_seconds(arguments.ttl);
  VEILSUM_ASSIGN_OR_RETURN(const auto response, tenancy.CreateJoinToken(request));
  std::printf("%s\n", response.token().c_str());
  return absl::OkStatus();
}

CLI::App* AddCommand(CLI::App& parent, const char* name, const char* about, Action action,
                     const std::shared_ptr<TenantArguments>& arguments, Outcome& outcome) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->add_option("--config", arguments->config, "operator.toml")
      ->type_name("FILE")
      ->required();
  command->callback([arguments, action, &outcome] { outcome = Perform(*arguments, action); });
  return command;
}

void AddTenantName(CLI::App& command, TenantArguments& arguments) {
  command.add_option("TENANT", arguments.tenant, "[a-z0-9-]{3,40}")->required();
}

void AddReason(CLI::App& command, TenantArguments& arguments) {
  command.add_option("--reason", arguments.reason, "Kept beside the revocation")->type_name("TEXT");
}

void AddTenant(CLI::App& app, Outcome& outcome) {
  CLI::App* tenant = app.add_subcommand("tenant", "Merchants of this federation");
  tenant->require_subcommand(1);
  const auto arguments = std::make_shared<TenantArguments>();
  CLI::App* create =
      AddCommand(*tenant, "create", "Let a merchant in", &Create, arguments, outcome);
  AddTenantName(*create, *arguments);
  create->add_option("--kit", arguments->kit, "Folder for what the merchant is handed; no keys")
      ->type_name("DIR");
  AddCommand(*tenant, "list", "All that were ever let in", &List, arguments, outcome);
  CLI::App* revoke = AddCommand(*tenant, "revoke", "Put a merchant out, for good and at once",
                                &RevokeTenant, arguments, outcome);
  AddTenantName(*revoke, *arguments);
  AddReason(*revoke, *arguments);
}

void AddClient(CLI::App& app, Outcome& outcome) {
  CLI::App* client = app.add_subcommand("client", "Nodes of a merchant");
  client->require_subcommand(1);
  const auto arguments = std::make_shared<TenantArguments>();
  CLI::App* list = AddCommand(*client, "list", "Certificates issued; for the merchant's own staff",
                              &ListClients, arguments, outcome);
  AddTenantName(*list, *arguments);
  CLI::App* revoke =
      AddCommand(*client, "revoke", "Refuse a node, a certificate or a key from now on",
                 &RevokeClient, arguments, outcome);
  AddTenantName(*revoke, *arguments);
  CLI::Option_group* what = revoke->add_option_group("what");
  what->add_option("--name", arguments->name, "Every certificate of this node")->type_name("NAME");
  what->add_option("--serial", arguments->serial, "One certificate")->type_name("HEX");
  what->add_option("--key", arguments->key, "Every certificate of this key")->type_name("SHA256");
  what->require_option(1);
  AddReason(*revoke, *arguments);
}

void AddToken(CLI::App& app, Outcome& outcome) {
  CLI::App* token = app.add_subcommand("token", "Join tokens: what a new node is told");
  token->require_subcommand(1);
  const auto arguments = std::make_shared<TenantArguments>();
  CLI::App* create = AddCommand(*token, "create", "Print a token: for one node, once, for an hour",
                                &CreateToken, arguments, outcome);
  AddTenantName(*create, *arguments);
  create->add_option("NAME", arguments->name, "Of the node, as node-1")->required();
  create->add_option("--role", arguments->role, "client, or operator for the merchant's staff")
      ->capture_default_str();
  create->add_option("--ttl", arguments->ttl, "Seconds, at most 3600")->capture_default_str();
}

}  // namespace

void AddTenantCommands(CLI::App& app, Outcome& outcome) {
  AddTenant(app, outcome);
  AddClient(app, outcome);
  AddToken(app, outcome);
}

}  // namespace veilsum::cli
