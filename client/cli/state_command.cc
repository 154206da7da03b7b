#include "client/cli/state_command.h"

#include <cstdio>

#include "base/file.h"
#include "client/cli/config.h"
#include "client/policy/policy.h"
#include "client/witness/disclosure_store.h"
#include "model/ledger/statement_file.h"
#include "model/ledger/time_text.h"
#include "model/release/manifest.h"

namespace veilsum::client {
namespace {

constexpr std::uint64_t kLargestOrder = 256;  // that a ledger's block budget may have

absl::StatusOr<Json> PolicyBody(const ClientConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(const Policy policy, LoadPolicy(config.policy));
  Json body = {{"epsilon_cap", release::DecimalOf(policy.epsilon_cap)},
               {"delta_cap", release::DecimalOf(policy.delta_cap)}};
  // Without an order the odometer chooses one with the first run: then there is none to state yet.
  if (policy.block_epsilon != 0 && policy.block_order != 0 && policy.block_order <= kLargestOrder)
    body["block"] = {{"epsilon", release::DecimalOf(policy.block_epsilon)},
                     {"delta", release::DecimalOf(policy.block_delta)},
                     {"order", policy.block_order}};
  return body;
}

absl::Status Commit(const StateArguments& arguments, const std::filesystem::path& store,
                    ledger::TenantStatement& statement) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.manifest, 1 << 20));
  const Json manifest = Json::parse(text, nullptr, false);
  if (manifest.is_discarded()) return InvalidArgument("%s is not JSON", arguments.manifest);
  VEILSUM_ASSIGN_OR_RETURN(const auto disclosures, DisclosureStore::Open(store));
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(statement.hidden["manifest"],
                           disclosures->Hide("manifest", manifest, rng));
  std::printf("manifest %s\n", HexEncode(statement.hidden["manifest"]).c_str());
  return absl::OkStatus();
}

absl::Status Forget(const StateArguments& arguments, const std::filesystem::path& store) {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(arguments.digest));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 digest, ParseFixed<32>("digest", ByteView(bytes)));
  VEILSUM_ASSIGN_OR_RETURN(const auto disclosures, DisclosureStore::Open(store));
  return disclosures->Erase(digest);
}

absl::Status State(const StateCommands& commands, const StateArguments& arguments,
                   const ClientConfig& config) {
  if (std::filesystem::exists(arguments.out))
    return AlreadyExists("%s is there already", arguments.out);
  const auto now = std::chrono::system_clock::now();
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys, ClientKeys::Load(config.keys, now));
  const std::filesystem::path store = config.odometer.parent_path() / "disclosures.sqlite";
  ledger::TenantStatement statement;
  statement.federation = config.federation;
  statement.seat = keys.id().ToString();
  statement.issued = ledger::TimeText(now);
  if (commands.policy->parsed()) {
    statement.type = "policy.set";
    VEILSUM_ASSIGN_OR_RETURN(statement.body, PolicyBody(config));
  } else if (commands.data->parsed()) {
    statement.type = "dataset.declared";
    statement.body = {{"unit", arguments.unit},
                      {"adjacency", "add_remove"},
                      {"contribution_bound", arguments.rows},
                      {"n_upper", arguments.persons},
                      {"overlap_bound", arguments.overlap}};
    if (!arguments.manifest.empty()) VEILSUM_RETURN_IF_ERROR(Commit(arguments, store, statement));
  } else {
    statement.type = "erasure.performed";
    statement.body = {{"kind", arguments.kind}};
    if (!arguments.digest.empty()) VEILSUM_RETURN_IF_ERROR(Forget(arguments, store));
  }
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signed_bytes,
                           ledger::SignStatement(statement, keys.signer()));
  VEILSUM_ASSIGN_OR_RETURN(
      const std::string text,
      ledger::WriteStatementFile(signed_bytes, ByteView(keys.signing_chain().der())));
  return WriteFile(arguments.out, text);
}

}  // namespace

StateCommands AddStateCommands(CLI::App& app, StateArguments& arguments) {
  CLI::App* state = app.add_subcommand(
      "state",
      "Sign what this merchant states in the ledger; the coordinator's operator records "
      "it (veilsum-coordinator record)");
  state->require_subcommand(1);
  StateCommands out{};
  out.policy = state->add_subcommand("policy", "The caps and the block budget of its policy file");
  out.data = state->add_subcommand("data", "What its data are, without saying who is in them");
  out.data->add_option("--unit", arguments.unit, "who is protected, as \"customer\"")->required();
  out.data
      ->add_option("--persons-at-most", arguments.persons,
                   "a public bound: delta must be below its inverse")
      ->required()
      ->check(CLI::PositiveNumber);
  out.data
      ->add_option("--overlap-bound", arguments.overlap,
                   "merchants of the federation at which one person may be")
      ->required()
      ->check(CLI::Range(1, 1000));
  out.data->add_option("--rows-at-most", arguments.rows, "of one person; default 1")
      ->check(CLI::PositiveNumber);
  out.data
      ->add_option("--manifest", arguments.manifest,
                   "JSON of which the ledger gets a salted digest and nothing else")
      ->type_name("FILE");
  out.erased = state->add_subcommand(
      "erased",
      "That customers objected or were erased: their rows count from the next run on no "
      "more; what was released stays accounted");
  out.erased->add_option("--kind", arguments.kind, "objection | erasure | disclosure")
      ->required()
      ->check(CLI::IsMember({"objection", "erasure", "disclosure"}));
  out.erased->add_option("--digest", arguments.digest,
                         "hidden value whose salt and text are to be erased here, for good");
  for (CLI::App* command : {out.policy, out.data, out.erased}) {
    command->add_option("--config", arguments.config, "client.toml")->type_name("FILE")->required();
    command->add_option("--out", arguments.out, "file to write")->type_name("FILE")->required();
  }
  return out;
}

ExitCode RunState(const StateCommands& commands, const StateArguments& arguments) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(arguments.config);
  const absl::Status status = config.ok() ? State(commands, arguments, *config) : config.status();
  if (status.ok()) return ExitCode::kDone;
  std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  if (!config.ok()) return ExitCode::kConfiguration;
  return absl::IsInvalidArgument(status) ? ExitCode::kUsage : ExitCodeOf(status);
}

}  // namespace veilsum::client
