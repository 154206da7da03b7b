// `veilsum federation init`, `veilsum federation operator` and `veilsum federation issuer`.
#include <cstdio>
#include <memory>

#include "cli/operate/federation_layout.h"
#include "cli/operate/operate_commands.h"

namespace veilsum::cli {
namespace {

void AddInit(CLI::App& parent, Outcome& outcome) {
  CLI::App* init = parent.add_subcommand(
      "init", "Make a federation: offline root, online issuer, coordinator, first operator");
  auto plan = std::make_shared<FederationPlan>();
  plan->listen = "127.0.0.1:7443";
  plan->enroll_listen = "127.0.0.1:7444";
  init->add_option("--name", plan->name, "Trust domain, as fed.example")
      ->type_name("NAME")
      ->required();
  init->add_option("--out", plan->out, "Folder, made if it is not there")
      ->type_name("DIR")
      ->required();
  init->add_option("--listen", plan->listen, "Where the coordinator will listen")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  init->add_option("--enroll-listen", plan->enroll_listen, "Where join tokens are redeemed")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  init->add_option("--root-passphrase-file", plan->root_passphrase, "Encrypts the root's key")
      ->type_name("FILE");
  init->add_option("--passphrase-file", plan->passphrase, "Encrypts every other key")
      ->type_name("FILE");
  init->callback([plan, &outcome] {
    outcome = LayOutFederation(*plan);
    if (!outcome.status.ok()) return;
    std::printf("%s\n", (plan->out / "coordinator/coordinator.toml").c_str());
    std::fprintf(stderr,
                 "veilsum: the root's key is in %s: keep it off this machine, it is needed again "
                 "within a year\n",
                 (plan->out / "root").c_str());
  });
}

void AddOperator(CLI::App& parent, Outcome& outcome) {
  CLI::App* one = parent.add_subcommand(
      "operator", "One more operator: some decisions on releases need two of them");
  auto plan = std::make_shared<OperatorPlan>();
  one->add_option("name", plan->name, "Of its SPIFFE id and its folder, such as ann")
      ->type_name("NAME")
      ->required();
  one->add_option("--federation", plan->federation,
                  "What `federation init` made; gets a folder NAME")
      ->type_name("DIR")
      ->required();
  one->add_option("--passphrase-file", plan->passphrase,
                  "Opens the issuer's key and encrypts the operator's")
      ->type_name("FILE");
  one->callback([plan, &outcome] {
    outcome = MakeOperator(*plan);
    if (outcome.status.ok())
      std::printf("%s\n", (plan->federation / plan->name / "operator.toml").c_str());
  });
}

void AddIssuer(CLI::App& parent, Outcome& outcome) {
  CLI::App* issuer = parent.add_subcommand(
      "issuer", "Have the root sign an issuer: the next one, or one that a tenant keeps itself");
  auto plan = std::make_shared<IssuerPlan>();
  issuer->add_option("--root", plan->root, "Folder of ca.pem and ca.key")
      ->type_name("DIR")
      ->required();
  issuer->add_option("--out", plan->out, "Gets issuer.pem and issuer.key")
      ->type_name("DIR")
      ->required();
  issuer->add_option("--tenant", plan->tenant, "It will speak for this tenant alone")
      ->type_name("TENANT");
  issuer
      ->add_option("--request", plan->request,
                   "PKCS#10 in DER, ECDSA P-256: the tenant keeps its key")
      ->type_name("FILE");
  issuer->add_option("--root-passphrase-file", plan->root_passphrase, "Opens the root's key")
      ->type_name("FILE");
  issuer->add_option("--passphrase-file", plan->passphrase, "Encrypts the issuer's key")
      ->type_name("FILE");
  issuer->callback([plan, &outcome] {
    outcome = MakeIssuer(*plan);
    if (outcome.status.ok()) std::printf("%s\n", (plan->out / "issuer.pem").c_str());
  });
}

}  // namespace

void AddFederationCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* federation =
      app.add_subcommand("federation", "Found a federation of merchants, and keep its authority");
  federation->require_subcommand(1);
  federation->footer("Example:\n  veilsum federation init --name fed.example --out federation");
  AddInit(*federation, outcome);
  AddOperator(*federation, outcome);
  AddIssuer(*federation, outcome);
}

}  // namespace veilsum::cli
