#include "client/cli/state_command.h"

#include <cstdio>

#include "base/file.h"
#include "client/cli/config.h"
#include "client/witness/own_statement.h"
#include "model/ledger/time_text.h"

namespace veilsum::client {
namespace {

absl::StatusOr<std::string> OfPolicy(const ClientConfig& config, const Speaker& speaker) {
  VEILSUM_ASSIGN_OR_RETURN(const Policy policy, LoadPolicy(config.policy));
  VEILSUM_ASSIGN_OR_RETURN(const PolicyStatement stated, StatePolicy(policy));
  if (stated.leaves_block_out)
    std::fprintf(stderr,
                 "veilsum-client: %s states a block without block_order, which the first run will "
                 "choose: the statement has the caps only, and no auditor checks the block\n",
                 config.policy.c_str());
  return SignedFile(speaker, "policy.set", stated.body);
}

absl::StatusOr<std::map<std::string, Hash32>> Commit(const StateArguments& arguments,
                                                     const std::filesystem::path& store) {
  std::map<std::string, Hash32> hidden;
  if (arguments.manifest.empty()) return hidden;
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.manifest, 1 << 20));
  const Json manifest = Json::parse(text, nullptr, false);
  if (manifest.is_discarded()) return InvalidArgument("%s is not JSON", arguments.manifest);
  VEILSUM_ASSIGN_OR_RETURN(const auto disclosures, DisclosureStore::Open(store));
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(hidden["manifest"], disclosures->Hide("manifest", manifest, rng));
  std::printf("manifest %s\n", HexEncode(hidden["manifest"]).c_str());
  return hidden;
}

absl::StatusOr<std::string> OfData(const StateArguments& arguments,
                                   const std::filesystem::path& store, const Speaker& speaker) {
  const Json body = {{"unit", arguments.unit},
                     {"adjacency", "add_remove"},
                     {"contribution_bound", arguments.rows},
                     {"n_upper", arguments.persons},
                     {"overlap_bound", arguments.overlap}};
  VEILSUM_ASSIGN_OR_RETURN(const auto hidden, Commit(arguments, store));
  return SignedFile(speaker, "dataset.declared", body, hidden);
}

absl::Status Forget(const StateArguments& arguments, const std::filesystem::path& store,
                    const Speaker& speaker) {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(arguments.digest));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 digest, ParseFixed<32>("digest", ByteView(bytes)));
  VEILSUM_ASSIGN_OR_RETURN(const auto disclosures, DisclosureStore::Open(store));
  return EraseAndState(speaker, *disclosures, digest, arguments.out);
}

absl::Status State(const StateCommands& commands, const StateArguments& arguments,
                   const ClientConfig& config) {
  if (std::filesystem::exists(arguments.out))
    return AlreadyExists("%s is there already", arguments.out);
  const auto now = std::chrono::system_clock::now();
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys, ClientKeys::Load(config.keys, now));
  const std::filesystem::path store = config.odometer.parent_path() / "disclosures.sqlite";
  const Bytes certificate = keys.signing_chain().der();
  const Speaker speaker{config.federation, keys.id().ToString(), ledger::TimeText(now),
                        keys.signer(), ByteView(certificate)};
  if (!arguments.digest.empty()) return Forget(arguments, store, speaker);
  VEILSUM_ASSIGN_OR_RETURN(const std::string file,
                           commands.policy->parsed() ? OfPolicy(config, speaker)
                           : commands.data->parsed() ? OfData(arguments, store, speaker)
                                                     : SignedFile(speaker, "erasure.performed",
                                                                  {{"kind", arguments.kind}}));
  return WriteFile(arguments.out, file);
}

// A disclosure is of one hidden value; nothing else is.
void CheckErased(const StateArguments& arguments) {
  if ((arguments.kind == "disclosure") == arguments.digest.empty())
    throw CLI::ValidationError("--digest", "comes with --kind disclosure, and always");
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
  out.erased
      ->add_option("--digest", arguments.digest,
                   "hidden value whose salt and text are to be erased here, for good")
      ->type_name("HEX");
  out.erased->final_callback([&arguments] { CheckErased(arguments); });
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
