// RoundStart, CommitRequest, CommitSignature, CommitCertificate, Reveal, RoundClosed and uploads in
// frames.
#include "secure_agg/wire/round_codec.h"

#include "secure_agg/wire/upload_codec.h"
#include "tests/unit/secure_agg/wire/codec_fixture.h"

namespace veilsum::secure_agg {
namespace {

TEST(RoundStartCodec, RefusesEverySpoiledField) {
  pb::RoundStart good;
  good.set_setup_hash(std::string(32, 's'));
  good.set_slot(1);
  good.set_round(5);
  good.set_model_hash(std::string(32, 'm'));
  good.set_step_config("{}");
  good.set_sum(1);
  good.set_step(4);
  CheckCodec<pb::RoundStart>(
      good, [](const auto& wire) { return ParseRoundStart(wire, kLimits); }, &EncodeRoundStart,
      {{"SetupHashShort", [](pb::RoundStart& w) { w.mutable_setup_hash()->pop_back(); },
        "setup_hash"},
       {"SlotBeyondBatch", [](pb::RoundStart& w) { w.set_slot(2); }, "slot"},
       {"SlotBeyond16Bits", [](pb::RoundStart& w) { w.set_slot(65536); }, "slot"},
       {"NoRound", [](pb::RoundStart& w) { w.set_round(0); }, "round"},
       {"ModelHashLong", [](pb::RoundStart& w) { w.mutable_model_hash()->push_back('x'); },
        "model_hash"},
       {"SumBeyondAll", [](pb::RoundStart& w) { w.set_sum(16); }, "sum"},
       {"ConfigHuge", [](pb::RoundStart& w) { w.set_step_config(std::string(4097, ' ')); },
        "step_config"}});
}

TEST(CommitRequestCodec, RefusesEverySpoiledField) {
  pb::CommitRequest good;
  good.set_round(5);
  good.set_members(kSet);
  CheckCodec<pb::CommitRequest>(
      good, [](const auto& wire) { return ParseCommitRequest(wire, kLimits); },
      &EncodeCommitRequest,
      {{"NoRound", [](pb::CommitRequest& w) { w.set_round(0); }, "round"},
       {"Padding", [](pb::CommitRequest& w) { w.set_members(kPadded); }, "members"},
       {"Short", [](pb::CommitRequest& w) { w.mutable_members()->pop_back(); }, "members"}});
}

TEST(CommitSignatureCodec, RefusesEverySpoiledField) {
  pb::CommitSignature good;
  good.set_round(5);
  good.set_signature(std::string(64, 'x'));
  CheckCodec<pb::CommitSignature>(
      good, [](const auto& wire) { return ParseCommitSignature(wire); }, &EncodeCommitSignature,
      {{"NoRound", [](pb::CommitSignature& w) { w.set_round(0); }, "round"},
       {"Short", [](pb::CommitSignature& w) { w.mutable_signature()->pop_back(); }, "signature"}});
}

TEST(CommitCertificateCodec, RefusesEverySpoiledField) {
  pb::CommitCertificate good;
  good.set_round(5);
  good.set_members(kSet);
  pb::Certificate::Entry* const entry = good.mutable_certificate()->add_entries();
  entry->set_signer(2);
  entry->set_signature(std::string(64, 'x'));
  CheckCodec<pb::CommitCertificate>(
      good, [](const auto& wire) { return ParseCommitCertificate(wire, kLimits); },
      &EncodeCommitCertificate,
      {{"NoRound", [](pb::CommitCertificate& w) { w.set_round(0); }, "round"},
       {"NoSurvivors", [](pb::CommitCertificate& w) { w.clear_members(); }, "members"},
       {"SignerOutside",
        [](pb::CommitCertificate& w) {
          w.mutable_certificate()->mutable_entries(0)->set_signer(10);
        },
        "signer"},
       {"CertificateWithMore",
        [](pb::CommitCertificate& w) { AddUnknownField(*w.mutable_certificate()); }, "SA-37"}});
}

TEST(RevealCodec, RefusesEverySpoiledField) {
  pb::Reveal good;
  good.set_round(5);
  good.set_held(std::string{'\x05', '\x02'});
  for (int i = 0; i < 3; ++i) good.add_shares(std::string(32, 'h'));
  CheckCodec<pb::Reveal>(
      good, [](const auto& wire) { return ParseReveal(wire, kLimits); }, &EncodeReveal,
      {{"NoRound", [](pb::Reveal& w) { w.set_round(0); }, "round"},
       {"Padding", [](pb::Reveal& w) { w.set_held(kPadded); }, "held"},
       {"OneShareMore", [](pb::Reveal& w) { w.add_shares(std::string(32, 'h')); }, "shares"},
       {"OneShareLess", [](pb::Reveal& w) { w.mutable_shares()->RemoveLast(); }, "shares"},
       {"ShareShort", [](pb::Reveal& w) { w.mutable_shares(1)->pop_back(); }, "shares"}});
}

TEST(RoundClosedCodec, RefusesRoundZeroAndMore) {
  EXPECT_EQ(ParseRoundClosed(EncodeRoundClosed(RoundId(5))).value(), RoundId(5));
  EXPECT_THAT(ParseRoundClosed(pb::RoundClosed()),
              StatusIs(absl::StatusCode::kInvalidArgument, "round"));
  pb::RoundClosed more = EncodeRoundClosed(RoundId(5));
  AddUnknownField(more);
  EXPECT_THAT(ParseRoundClosed(more), StatusIs(absl::StatusCode::kInvalidArgument, "SA-37"));
}

MaskedUpload UploadOf(std::size_t size) {
  auto words = std::make_shared<Bytes>(size);
  for (std::size_t i = 0; i < size; ++i) (*words)[i] = static_cast<std::uint8_t>(i * 7);
  return {RoundId(5), words};
}

TEST(UploadCodec, FramesComeTogetherAgain) {
  for (const std::size_t size :
       {std::size_t{4}, kMaxFrameBytes, kMaxFrameBytes + 4, 3 * kMaxFrameBytes - 8}) {
    const MaskedUpload upload = UploadOf(size);
    UploadAssembly assembly(size);
    for (std::size_t at = 0; at < size; at += kMaxFrameBytes) {
      const pb::UploadFrame frame = EncodeUploadFrame(upload, at);
      if (at == 0) {
        EXPECT_EQ(ParseUploadRound(frame).value(), RoundId(5));
      }
      EXPECT_OK(assembly.Add(frame));
    }
    EXPECT_TRUE(assembly.complete());
    EXPECT_EQ(std::move(assembly).Take().value(), *upload.words);
  }
}

TEST(UploadCodec, SA20_RefusesTooMuchAndTooLittle) {
  UploadAssembly assembly(8);
  pb::UploadFrame frame;
  EXPECT_THAT(assembly.Add(frame), StatusIs(absl::StatusCode::kInvalidArgument, "words"));
  frame.set_words(std::string(9, 'x'));
  EXPECT_THAT(assembly.Add(frame), StatusIs(absl::StatusCode::kInvalidArgument, "SA-20"));
  frame.set_words(std::string(4, 'x'));
  EXPECT_OK(assembly.Add(frame));
  frame.set_round(6);
  EXPECT_THAT(assembly.Add(frame), StatusIs(absl::StatusCode::kInvalidArgument, "round"));
  EXPECT_THAT(std::move(assembly).Take(), StatusIs(absl::StatusCode::kInvalidArgument, "SA-20"));
  UploadAssembly wide(std::size_t{1} << 20);
  frame.clear_round();
  frame.set_words(std::string(kMaxFrameBytes + 1, 'x'));
  EXPECT_THAT(wide.Add(frame), StatusIs(absl::StatusCode::kInvalidArgument, "words"));
  EXPECT_THAT(ParseUploadRound(frame), StatusIs(absl::StatusCode::kInvalidArgument, "round"));
}

}  // namespace
}  // namespace veilsum::secure_agg
