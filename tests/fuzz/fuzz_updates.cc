// What clients ask for and say about releases: the first byte says which, the rest is a path, or
// the bytes of a report, or a kept file of one. A report that is taken is written and read again.
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/veto_vote.h"
#include "model/rollout/metadata.h"
#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

using coordinator::ClientReport;
using coordinator::VetoVote;

const char kCaller[] = "spiffe://fed.test/tenant/acme/client/a";

void TryPath(const std::string& path) {
  if (!rollout::IsRepositoryPath(path)) return;
  Require(path.find("/.") == std::string::npos && path[0] != '/' && path[0] != '.',
          "a path stays in its folder");
  Require(path.find('\0') == std::string::npos, "a path is a C string");
  const bool known = path.starts_with("metadata/") || path.starts_with("director/") ||
                     path.starts_with("packages/");
  Require(known, "nothing but the repository is handed out");
  Require(std::filesystem::path(path).lexically_normal() == path, "one file has one path");
}

// Fields out of the bytes: a length each, then as many of them.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  std::string Text() {
    const std::uint64_t wanted = Number() % 80;
    const std::size_t length = std::min<std::size_t>(wanted, bytes_.size());
    std::string out(bytes_.substr(0, length));
    bytes_.remove_prefix(length);
    return out;
  }
  std::uint64_t Number() {
    if (bytes_.empty()) return 0;
    const auto out = static_cast<std::uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    // Above 200 the largest numbers that there are.
    return out > 200 ? ~std::uint64_t{0} >> (out - 201) : out;
  }
  bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

void TryReport(std::string_view bytes) {
  Fields fields(bytes);
  ClientReport report;
  report.client = kCaller;
  const std::uint64_t result = fields.Number();
  report.result = result == 0   ? "installed"
                  : result == 1 ? "up_to_date"
                  : result == 2 ? "refused"
                                : fields.Text();
  report.code = fields.Text();
  report.digest = fields.Text();
  report.wanted = fields.Text();
  report.shadow = fields.Text();
  report.client_version = fields.Text();
  report.requests = fields.Number();
  report.errors = fields.Number();
  while (!fields.empty()) report.latency.push_back(fields.Number());
  if (!CheckReport(report).ok()) return;
  const absl::StatusOr<ClientReport> again = coordinator::ParseReport(ReportToJson(report));
  Require(again.ok() && ReportToJson(*again) == ReportToJson(report), "what is taken can be read");
  const auto counters = coordinator::CountersOf({{kCaller, report}}, {kCaller}, report.digest);
  Require(counters.errors <= counters.requests, "no more errors than requests");
}

void TryVote(std::string_view bytes) {
  Fields fields(bytes);
  VetoVote vote;
  vote.client = kCaller;
  vote.epsilon_millis = static_cast<std::uint32_t>(fields.Number() * 50);
  vote.veto = fields.Number() % 2 != 0;
  vote.stage = fields.Number() == 0 ? "canary" : fields.Text();
  vote.release = fields.Text();
  if (!CheckVote(vote).ok()) return;
  Require(vote.release.find('/') == std::string::npos && vote.release != "..",
          "a vote stays in its folder");
  const absl::StatusOr<VetoVote> again = coordinator::ParseVote(VoteToJson(vote));
  Require(again.ok() && VoteToJson(*again) == VoteToJson(vote), "what is taken can be read");
  const auto gate =
      coordinator::VetoGate(coordinator::CountsOf({{kCaller, vote}}, {kCaller}), {}, 1);
  Require(gate.low >= 0 && gate.low <= gate.high && gate.high <= 1, "bounds of a share");
}

void TryFile(std::string_view text) {
  if (const auto report = coordinator::ParseReport(text); report.ok())
    Require(ReportToJson(*report) == text, "one report has one form");
  if (const auto vote = coordinator::ParseVote(text); vote.ok())
    Require(VoteToJson(*vote) == text, "one vote has one form");
}

ClientReport SomeReport() {
  ClientReport report;
  report.client = kCaller;
  report.result = "installed";
  report.digest = report.wanted = std::string(64, 'a');
  report.client_version = "0.1.0";
  report.requests = 60;
  report.errors = 1;
  report.latency = {0, 59};
  return report;
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string digest(64, 'a'), field = '\x40' + digest;
  const std::string nothing(1, '\0');
  return {'\0' + rollout::MetadataPath(rollout::Role::kTargets, 3),
          '\0' + rollout::MetadataPath(rollout::Role::kTimestamp, 1),
          '\0' + rollout::DirectorPath(kCaller),
          '\0' + rollout::PackagePath(digest, "model.safetensors"),
          '\x01' + nothing + nothing + field + field + nothing + "\x05" + "0.1.0" + "\x3c\x01\x3b",
          std::string("\x01\x02\x04") + "M501" + nothing + field + nothing + "\x05" + "0.1.0",
          '\x02' + ReportToJson(SomeReport()),
          '\x02' + coordinator::VoteToJson({kCaller, digest, "canary", true, 1000, 1}),
          std::string("\x03\x14\x01") + nothing + field,
          '\x03' + nothing + nothing + nothing + field};
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  if (size == 0) return 0;
  const std::string_view rest = veilsum::AsText(veilsum::ByteView(data + 1, size - 1));
  switch (data[0]) {
    case 0:
      TryPath(std::string(rest));
      break;
    case 1:
      TryReport(rest);
      break;
    case 2:
      TryFile(rest);
      break;
    case 3:
      TryVote(rest);
      break;
    default:
      break;
  }
  return 0;
}
