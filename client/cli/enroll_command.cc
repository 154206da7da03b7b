#include "client/cli/enroll_command.h"

#include <cstdio>

#include "base/file.h"
#include "client/enroll/enrol.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kMaxTokenFile = 4096;

absl::StatusOr<std::string> TokenOf(const EnrollArguments& arguments) {
  if (!arguments.token.empty()) return arguments.token;
  VEILSUM_ASSIGN_OR_RETURN(std::string text, ReadFile(arguments.token_file, kMaxTokenFile));
  text.erase(text.find_last_not_of(" \r\n\t") + 1);
  return text;
}

}  // namespace

CLI::App* AddEnrollCommand(CLI::App& app, EnrollArguments& arguments) {
  CLI::App* enroll = app.add_subcommand(
      "enroll", "Make this node's keys here and have them certified, by a join token");
  CLI::Option_group* token = enroll->add_option_group("token");
  token->add_option("--token", arguments.token, "vsj1..., as the operator gave it")
      ->type_name("TOKEN");
  token->add_option("--token-file", arguments.token_file, "The same from a file")
      ->type_name("FILE");
  token->require_option(1);
  enroll->add_option("--out", arguments.out, "Folder of this node, made if it is not there")
      ->type_name("DIR")
      ->required();
  enroll->add_option("--data", arguments.data, "Folder with this merchant's tables")
      ->type_name("DIR");
  enroll
      ->add_option("--policy", arguments.policy,
                   "What it may approve by itself; without one it approves nothing")
      ->type_name("FILE");
  enroll
      ->add_option("--passphrase-file", arguments.passphrase_file,
                   "Encrypts the private keys at rest")
      ->type_name("FILE");
  return enroll;
}

absl::Status RunEnroll(const EnrollArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(std::string token, TokenOf(arguments));
  Enrolment enrolment{
      std::move(token), arguments.out, {}, arguments.policy, arguments.passphrase_file};
  for (const std::string& folder : arguments.data) enrolment.data.emplace_back(folder);
  VEILSUM_ASSIGN_OR_RETURN(const Enrolled enrolled, Enrol(enrolment));
  std::fprintf(stderr, "veilsum-client: enrolled as %s\n", enrolled.id.ToString().c_str());
  std::printf("%s\n", enrolled.config.c_str());
  return absl::OkStatus();
}

}  // namespace veilsum::client
