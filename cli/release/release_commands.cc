#include "cli/release/release_commands.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/pki/credentials.h"
#include "cli/release/prune_run.h"
#include "cli/release/release_ledger.h"
#include "cli/release/release_of_run.h"
#include "client/enroll/operator_config.h"

namespace veilsum::cli {
namespace {

constexpr std::int64_t kDay = 86'400;

struct Arguments {
  std::string run_dir, run, out, key, package, config, digest, rollout, reason;
  release::Manifest facts;
  std::optional<double> keep;
  PruneRequest prune;
  std::uint64_t days = 90;
  bool json = false;
};

Outcome Findings(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status)
             ? Outcome(status, ExitCode::kFindings)
             : Outcome(status);
}

absl::Status Keygen(const std::string& out) {
  std::error_code error;
  if (std::filesystem::exists(out, error)) return AlreadyExists("%s is there already", out);
  VEILSUM_ASSIGN_OR_RETURN(const P256Signer signer, P256Signer::Generate());
  VEILSUM_ASSIGN_OR_RETURN(const SecretText pem, signer.PrivatePem());
  VEILSUM_RETURN_IF_ERROR(WriteFile(out, pem.Expose(), FileMode::kPrivate));
  return WriteFile(out + ".pub.pem", signer.public_key().pem());
}

absl::StatusOr<std::unique_ptr<client::AdminClient>> Connect(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(a.config));
  return client::AdminClient::Connect(config.link);
}

absl::StatusOr<release::ReleaseInput> InputOf(const Arguments& a, const std::string& builder) {
  if (!a.run_dir.empty()) return InputOfFolder(a.run_dir, a.facts, builder);
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(a));
  return InputOfCoordinator(*admin, a.run, a.facts, builder);
}

absl::Status Create(Arguments a, const std::string& version) {
  if (a.facts.created == 0)
    a.facts.created = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  a.facts.not_after = a.facts.created + static_cast<std::int64_t>(a.days) * kDay;
  a.facts.min_client = version;
  VEILSUM_ASSIGN_OR_RETURN(release::ReleaseInput input, InputOf(a, "veilsum " + version));
  if (a.keep) {
    a.prune.keep = *a.keep;
    VEILSUM_ASSIGN_OR_RETURN(const PruneReport pruned, PruneRun(a.prune, input));
    std::printf("%s\n", pruned.ToText().c_str());
  }
  VEILSUM_ASSIGN_OR_RETURN(const SecretText pem, ReadPrivateKey(a.key));
  VEILSUM_ASSIGN_OR_RETURN(const P256Signer signer, P256Signer::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(release::Files files, release::BuildPackage(input));
  VEILSUM_RETURN_IF_ERROR(release::SignPackage(files, signer));
  VEILSUM_RETURN_IF_ERROR(release::OpenPackage(files, signer.public_key()).status());
  VEILSUM_RETURN_IF_ERROR(release::WritePackage(files, a.out));
  std::printf("%s: %s %s, digest %s\n", a.out.c_str(), a.facts.model_id.c_str(),
              a.facts.version.c_str(), HexEncode(release::RootDigest(files)).c_str());
  return absl::OkStatus();
}

absl::StatusOr<release::Release> OpenNamed(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(a.key, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(a.package));
  return release::OpenPackage(files, key);
}

absl::Status Publish(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release r, OpenNamed(a));
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(a));
  VEILSUM_RETURN_IF_ERROR(RecordPublished(*admin, r));
  std::printf("%s\n", HexEncode(r.digest).c_str());
  return absl::OkStatus();
}

absl::Status ApproveAsOperator(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(a));
  VEILSUM_ASSIGN_OR_RETURN(const admin::v1::ApproveResponse response,
                           Approve(*admin, a.digest, a.rollout));
  std::printf("approved by %d of at least %u:\n", response.approvers_size(), response.needed());
  for (const std::string& who : response.approvers()) std::printf("%s\n", who.c_str());
  return absl::OkStatus();
}

absl::Status Revoke(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(a));
  return RecordRevoked(*admin, a.digest, a.reason);
}

absl::Status Verify(const Arguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release r, OpenNamed(a));
  const std::string digest = HexEncode(r.digest);
  if (a.json) {
    const nlohmann::ordered_json line = {{"model_id", r.manifest.model_id},
                                         {"version", r.manifest.version},
                                         {"release_counter", r.manifest.release_counter},
                                         {"sha256", digest},
                                         {"plan_sha256", r.manifest.plan_sha256},
                                         {"epsilon", r.privacy["epsilon"]},
                                         {"delta", r.privacy["delta"]}};
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("%s: %s %s is good, digest %s, (%s, %s)-differentially private\n",
                a.package.c_str(), r.manifest.model_id.c_str(), r.manifest.version.c_str(),
                digest.c_str(), r.privacy["epsilon"].get<std::string>().c_str(),
                r.privacy["delta"].get<std::string>().c_str());
  }
  return absl::OkStatus();
}

void AddCreate(CLI::App& parent, const std::string& version, Outcome& outcome) {
  CLI::App* c = parent.add_subcommand("create", "Make and sign a package of a run's model");
  auto a = std::make_shared<Arguments>();
  a->facts.license = "proprietary";
  CLI::Option_group* whose = c->add_option_group("of");
  whose->add_option("--run", a->run, "a finished run's id; with --config")->type_name("RUN");
  whose->add_option("--run-dir", a->run_dir, "what `veilsum demo --out` wrote; with --federation")
      ->type_name("DIR");
  whose->require_option(1);
  c->add_option("--config", a->config, "operator.toml: the run's coordinator")->type_name("FILE");
  c->add_option("--out", a->out, "folder to make")->type_name("PKG")->required();
  c->add_option("--key", a->key, "release key, P-256, PEM, 0600")->type_name("FILE")->required();
  c->add_option("--model-id", a->facts.model_id, "[a-z0-9-]")->required();
  c->add_option("--release-version", a->facts.version, "1.4.0")->required();
  c->add_option("--counter", a->facts.release_counter, "strictly increasing per model");
  c->add_option("--min-safe-counter", a->facts.min_safe_counter, "clients refuse what is below");
  c->add_option("--parent", a->facts.parents, "digest of the release it continues");
  c->add_option("--federation", a->facts.federation_id,
                "trust domain; of --run the run's contract says it");
  c->add_option("--created", a->facts.created, "seconds since 1970; default: now");
  c->add_option("--days", a->days, "until clients refuse it; default 90");
  c->add_option("--license", a->facts.license, "text");
  c->add_option("--intended-use", a->facts.intended_use, "text");
  c->add_option("--contact", a->facts.contacts, "text");
  CLI::Option* keep = c->add_option(
      "--keep-units", a->keep, "share of each hidden layer's units, the strongest; needs --data");
  CLI::Option* data = c->add_option("--data", a->prune.data,
                                    "merchants' folders; what pruning loses is measured on them")
                          ->type_name("DIR")
                          ->needs(keep);
  keep->needs(data);
  c->add_option("--max-auc-loss", a->prune.max_auc_loss,
                "refuse a pruned model that loses more ROC-AUC; default 0.002")
      ->needs(keep);
  c->callback([a, version, &outcome] {
    if (!a->run.empty() && a->config.empty())
      outcome = Outcome::Usage(InvalidArgument("--run needs --config"));
    else if (!a->run_dir.empty() && a->facts.federation_id.empty())
      outcome = Outcome::Usage(InvalidArgument("--run-dir needs --federation"));
    else
      outcome = Findings(Create(*a, version));
  });
}

void AddVerify(CLI::App& parent, Outcome& outcome) {
  CLI::App* c =
      parent.add_subcommand("verify", "Check a package as a client does; exit 2: refused");
  auto a = std::make_shared<Arguments>();
  c->add_option("PKG", a->package, "folder of the release")->required();
  c->add_option("--key", a->key, "release key, public, PEM")->type_name("FILE")->required();
  c->add_flag("--json", a->json, "One line of JSON on stdout");
  c->callback([a, &outcome] { outcome = Findings(Verify(*a)); });
}

// What becomes of releases, told to the coordinator as it serves.
void AddOperatorCommands(CLI::App& parent, Outcome& outcome) {
  const auto add = [&](const char* name, const char* help, absl::Status (*run)(const Arguments&)) {
    CLI::App* c = parent.add_subcommand(name, help);
    auto a = std::make_shared<Arguments>();
    c->add_option("--config", a->config, "operator.toml")->type_name("FILE")->required();
    c->callback([a, run, &outcome] { outcome = Findings(run(*a)); });
    return std::pair(c, a);
  };
  const auto [publish, p] = add("publish", "Write a release into the ledger", &Publish);
  publish->add_option("PKG", p->package, "folder of the release")->required();
  publish->add_option("--key", p->key, "release key, public, PEM")->type_name("FILE")->required();
  const auto [approve, a] =
      add("approve", "As an operator: let a release be revoked, or a rollout of it become stable",
          &ApproveAsOperator);
  approve->add_option("DIGEST", a->digest, "of the release")->required();
  approve->add_option("--stable-on", a->rollout, "a rollout; without one: the revocation")
      ->type_name("ROLLOUT");
  const auto [revoke, r] =
      add("revoke", "Write into the ledger that nobody is to use a release; two operators approve",
          &Revoke);
  revoke->add_option("DIGEST", r->digest, "of the release")->required();
  revoke->add_option("--reason", r->reason, "text")->required();
}

}  // namespace

void AddReleaseCommands(CLI::App& app, const std::string& version, Outcome& outcome) {
  CLI::App* release =
      app.add_subcommand("release", "Make, sign and check packages of trained models");
  release->require_subcommand(1);
  CLI::App* keygen =
      release->add_subcommand("keygen", "Make a release key: FILE (0600) and FILE.pub.pem");
  auto file = std::make_shared<std::string>();
  keygen->add_option("FILE", *file, "the private key")->required();
  keygen->callback([file, &outcome] { outcome = Outcome(Keygen(*file)); });
  AddCreate(*release, version, outcome);
  AddVerify(*release, outcome);
  AddOperatorCommands(*release, outcome);
}

}  // namespace veilsum::cli
