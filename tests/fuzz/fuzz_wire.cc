// Every codec of the secure sum (SA-37): the first byte says which, the rest is the message. What a
// codec accepts, its encoder must give back, and be accepted again.
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"
#include "secure_agg/wire/upload_frame.h"
#include "tests/fuzz/recording.h"
#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

namespace sa = secure_agg;
namespace pb = secagg::v1;
const sa::WireLimits kLimits{kMembers, kFuzzSlots};

template <class Wire, class Parse, class Encode>
void Try(const std::string& bytes, Parse parse, Encode encode) {
  Wire wire;
  if (!wire.ParseFromString(bytes)) return;
  const auto parsed = parse(wire);
  if (!parsed.ok()) {
    Require(!parsed.status().message().empty(), "a refusal says why");
    return;
  }
  const Wire again = encode(*parsed);
  const auto reparsed = parse(again);
  Require(reparsed.ok(), "what was accepted is accepted again");
  Require(encode(*reparsed).SerializeAsString() == again.SerializeAsString(),
          "one value has one encoding");
}

// One frame in pieces, the first byte says how long: what is read from it is what the message says.
void TryFrame(const std::string& bytes) {
  if (bytes.empty()) return;
  const std::string wire = bytes.substr(1);
  google::protobuf::io::ArrayInputStream stream(wire.data(), static_cast<int>(wire.size()),
                                                1 + static_cast<std::uint8_t>(bytes[0]));
  sa::UploadFrameReader frame(&stream);
  if (!frame.ReadHead().ok() || frame.size() > 4096) return;
  Bytes words(frame.size());
  if (!frame.ReadWords(words).ok()) return;
  pb::UploadFrame message;
  Require(message.ParseFromString(wire), "what the reader takes is a message");
  Require(message.round() == frame.round() && message.words() == AsText(words), "and the same one");
}

// Frames one after another, each with a byte for its length.
void TryUpload(const std::string& bytes) {
  sa::UploadAssembly assembly(64);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = static_cast<std::uint8_t>(bytes[at]);
    pb::UploadFrame frame;
    if (!frame.ParseFromString(bytes.substr(at + 1, length))) return;
    (void)sa::ParseUploadRound(frame).ok();
    if (!assembly.Add(frame).ok()) return;
    at += 1 + length;
  }
  const bool complete = assembly.complete();
  const auto words = std::move(assembly).Take();
  Require(words.ok() == complete && (!words.ok() || words->size() == 64), "SA-20: exact length");
}

}  // namespace

std::vector<std::string> Seeds() {
  const Recording& r = TheRecording();
  std::vector<std::string> seeds;
  const auto add = [&](char codec, const auto& wire) {
    seeds.push_back(std::string(1, codec) + wire.SerializeAsString());
  };
  add(0, r.to_first[0].batch());
  add(1, r.from[0][0].advert());
  add(2, r.to_first[1].roster());
  add(3, r.from[0][1].shares());
  add(4, r.to_first[2].delivery());
  add(5, r.from[0][2].report());
  add(6, r.to_first[3].active());
  add(7, r.from[0][3].setup_signature());
  add(8, r.to_first[4].setup_certificate());
  add(9, r.to_first[5].start());
  add(10, r.to_first[6].commit());
  add(11, r.from[0][5].commit_signature());
  add(12, r.to_first[7].commit_certificate());
  add(13, r.from[0][6].reveal());
  add(14, r.to_first[8].closed());
  std::string frames(1, '\x0f');
  for (int i = 0; i < 2; ++i) {
    pb::UploadFrame frame;
    if (i == 0) frame.set_round(1);
    frame.set_words(std::string(32, 'w'));
    const std::string bytes = frame.SerializeAsString();
    frames += static_cast<char>(bytes.size()) + bytes;
  }
  seeds.push_back(frames);
  seeds.push_back("\x10\x07" + frames.substr(2, static_cast<std::uint8_t>(frames[1])));
  return seeds;
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto with_limits = [](auto parse) {
    return [parse](const auto& wire) { return parse(wire, kLimits); };
  };
  switch (data[0]) {
    case 0:
      Try<pb::BatchOffer>(rest, sa::ParseBatchOffer, sa::EncodeBatchOffer);
      break;
    case 1:
      Try<pb::Advert>(
          rest, [](const auto& w) { return sa::ParseAdvert(w, kFuzzSlots); }, sa::EncodeAdvert);
      break;
    case 2:
      Try<pb::Roster>(
          rest, [](const auto& w) { return sa::ParseRoster(w, kMembers, kFuzzSlots); },
          sa::EncodeRoster);
      break;
    case 3:
      Try<pb::ShareUpload>(rest, with_limits(sa::ParseShareUpload), sa::EncodeShareUpload);
      break;
    case 4:
      Try<pb::ShareDelivery>(rest, with_limits(sa::ParseShareDelivery), sa::EncodeShareDelivery);
      break;
    case 5:
      Try<pb::ShareReport>(rest, with_limits(sa::ParseShareReport), sa::EncodeShareReport);
      break;
    case 6:
      Try<pb::ActiveSet>(rest, with_limits(sa::ParseActiveSet), sa::EncodeActiveSet);
      break;
    case 7:
      Try<pb::SetupSignature>(rest, sa::ParseSetupSignature, sa::EncodeSetupSignature);
      break;
    case 8:
      Try<pb::Certificate>(rest, with_limits(sa::ParseCertificate), sa::EncodeCertificate);
      break;
    case 9:
      Try<pb::RoundStart>(rest, with_limits(sa::ParseRoundStart), sa::EncodeRoundStart);
      break;
    case 10:
      Try<pb::CommitRequest>(rest, with_limits(sa::ParseCommitRequest), sa::EncodeCommitRequest);
      break;
    case 11:
      Try<pb::CommitSignature>(rest, sa::ParseCommitSignature, sa::EncodeCommitSignature);
      break;
    case 12:
      Try<pb::CommitCertificate>(rest, with_limits(sa::ParseCommitCertificate),
                                 sa::EncodeCommitCertificate);
      break;
    case 13:
      Try<pb::Reveal>(rest, with_limits(sa::ParseReveal), sa::EncodeReveal);
      break;
    case 14:
      Try<pb::RoundClosed>(rest, sa::ParseRoundClosed, sa::EncodeRoundClosed);
      break;
    case 15:
      TryUpload(rest);
      break;
    case 16:
      TryFrame(rest);
      break;
    default:
      break;
  }
  return 0;
}
