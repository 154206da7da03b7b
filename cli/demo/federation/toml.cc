// The text of the configurations that LayOut writes.
#include "base/config/toml_config.h"
#include "cli/demo/federation/federation.h"

namespace veilsum::cli {
namespace {

std::string Path(const std::filesystem::path& path) { return TomlString(path.string()); }

}  // namespace

std::string TomlString(std::string_view text) { return TomlQuote(text); }

std::string CoordinatorToml(const Federation& f, const std::string& listen) {
  const std::filesystem::path folder = f.spec.root / "coordinator";
  std::string text = absl::StrFormat(
      "[federation]\nname = %s\n\n"
      "[listen]\naddress = %s\nport_file = %s\n\n"
      "[tls]\ncertificate = %s\nkey = %s\nroot = %s\n\n"
      "[store]\npath = %s\n",
      TomlString(f.spec.domain), TomlString(listen), Path(f.port_file), Path(folder / "tls.pem"),
      Path(folder / "tls.key"), Path(f.spec.root / "ca/ca.pem"),
      Path(folder / "coordinator.sqlite"));
  if (f.spec.releases)
    text += absl::StrFormat("\n[transfer]\npackages = %s\nrelease_key = %s\n",
                            Path(f.spec.root / "releases"),
                            Path(f.spec.root / "releases/release.pub.pem"));
  return text;
}

std::string ClientToml(const Federation& f, std::size_t index, const std::string& address) {
  const SeatFiles& seat = f.seats[index];
  const std::filesystem::path folder = seat.config.parent_path();
  std::string data = "folder = " + Path(seat.folders.front());
  if (seat.folders.size() > 1) {
    data = "folders = [";
    for (const auto& part : seat.folders)
      data += (&part == &seat.folders.front() ? "" : ", ") + Path(part);
    data += "]";
  }
  std::string text = absl::StrFormat(
      "[federation]\nname = %s\n\n"
      "[coordinator]\naddress = %s\nspiffe_id = %s\n\n"
      "[tls]\ncertificate = %s\nkey = %s\nroot = %s\n\n"
      "[signing]\ncertificate = %s\nkey = %s\n\n"
      "[data]\n%s\n\n"
      "[store]\nodometer = %s\n\n"
      "[policy]\nfile = %s\n\n"
      "[plan]\nfile = %s\n",
      TomlString(f.spec.domain), TomlString(address), TomlString(f.coordinator_uri),
      Path(folder / "tls.pem"), Path(folder / "tls.key"), Path(f.spec.root / "ca/ca.pem"),
      Path(folder / "signing.pem"), Path(folder / "signing.key"), data,
      Path(folder / "odometer.sqlite"), Path(folder / "policy.toml"),
      Path(f.spec.root / "plan.json"));
  if (f.spec.drop_fraction != "0")
    text += absl::StrFormat("\n[demo]\ndrop_fraction = %s\ndrop_seed = %d\n",
                            TomlString(f.spec.drop_fraction), f.spec.drop_seed);
  return text;
}

std::string PolicyToml(const FederationSpec& spec) {
  std::string text = absl::StrFormat("allowed_plan_sha256 = [%s]\n", TomlString(spec.plan_sha256));
  if (spec.no_privacy) return text + "allow_no_privacy = true\n";
  return text + absl::StrFormat("epsilon_cap = %.17e\ndelta_cap = %.17e\n", spec.epsilon_cap,
                                spec.delta_cap);
}

}  // namespace veilsum::cli
