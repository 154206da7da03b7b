#include "base/tlog/inclusion_file.h"

#include "base/base64.h"
#include "base/tlog/decimal.h"

namespace veilsum::tlog {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1", kExtra = "extra ",
                           kIndex = "index ";
constexpr std::size_t kMaxHashes = 63;

// The next line, or nothing where no newline ends it.
absl::StatusOr<std::string_view> TakeLine(std::string_view& text) {
  const std::size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return InvalidArgument("proof: it is cut off");
  const std::string_view line = text.substr(0, newline);
  text.remove_prefix(newline + 1);
  return line;
}

}  // namespace

absl::StatusOr<InclusionFile> InclusionFile::Parse(std::string_view text) {
  InclusionFile out;
  VEILSUM_ASSIGN_OR_RETURN(std::string_view line, TakeLine(text));
  if (line != kFirstLine) return InvalidArgument("proof: the first line is another one");
  VEILSUM_ASSIGN_OR_RETURN(line, TakeLine(text));
  if (line.starts_with(kExtra)) {
    VEILSUM_ASSIGN_OR_RETURN(out.extra, Base64Decode(line.substr(kExtra.size())));
    VEILSUM_ASSIGN_OR_RETURN(line, TakeLine(text));
  }
  if (!line.starts_with(kIndex)) return InvalidArgument("proof: the index is missing");
  VEILSUM_ASSIGN_OR_RETURN(out.index, ParseDecimal(line.substr(kIndex.size())));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(line, TakeLine(text));
    if (line.empty()) break;
    if (out.proof.size() == kMaxHashes)
      return InvalidArgument("proof: more than %d hashes", kMaxHashes);
    VEILSUM_ASSIGN_OR_RETURN(const Bytes hash, Base64Decode(line));
    VEILSUM_ASSIGN_OR_RETURN(out.proof.emplace_back(), ParseFixed<32>("proof: hash", hash));
  }
  VEILSUM_ASSIGN_OR_RETURN(out.checkpoint, Note::Parse(text));
  return out;
}

std::string InclusionFile::ToString() const {
  std::string out = absl::StrFormat("%s\n", kFirstLine);
  if (!extra.empty()) absl::StrAppendFormat(&out, "%s%s\n", kExtra, Base64Encode(extra));
  out += absl::StrFormat("%s%d\n", kIndex, index);
  for (const Hash32& hash : proof) out += Base64Encode(hash) + "\n";
  return out + "\n" + checkpoint.ToString();
}

absl::StatusOr<Checkpoint> InclusionFile::Verify(ByteView entry, const TrustPolicy& policy) const {
  VEILSUM_ASSIGN_OR_RETURN(Checkpoint head, policy.Open(checkpoint));
  VEILSUM_RETURN_IF_ERROR(VerifyInclusion(LeafHash(entry), index, head.size, head.root, proof));
  return head;
}

}  // namespace veilsum::tlog
