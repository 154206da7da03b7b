// Notes, checkpoints, policies and envelopes: published examples, round trips, and what is refused.
#include "base/tlog/note.h"

#include "base/base64.h"
#include "base/tlog/dsse.h"
#include "base/tlog/inclusion_file.h"
#include "base/tlog/witness.h"
#include "tests/unit/base/tlog/tree.h"

namespace veilsum::tlog {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

// The example of c2sp.org/signed-note.
constexpr const char* kExampleKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const std::string kExampleNote =
    "This is an example message.\n\n\xE2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    "\n";

TEST(Note, ThePublishedExampleVerifies) {
  ASSERT_OK_AND_ASSIGN(const VerifierKey key, VerifierKey::Parse(kExampleKey));
  EXPECT_EQ(key.ToString(), kExampleKey);
  EXPECT_EQ(key.id(), 0x530d903au);
  ASSERT_OK_AND_ASSIGN(Note note, Note::Parse(kExampleNote));
  EXPECT_OK(VerifyNote(note, key));
  EXPECT_EQ(note.ToString(), kExampleNote);
  note.text[0] = 't';
  EXPECT_THAT(VerifyNote(note, key), StatusIs(StatusCode::kDataLoss, "example.com/foo is wrong"));
}

TEST(Note, RefusesWhatIsNotOne) {
  const std::string line = kExampleNote.substr(kExampleNote.find("\n\n") + 2);
  for (const std::string& text : std::vector<std::string>{
           "", "\n\n", "text\n", "text\n\n", "text\n" + line, "text\n\n" + line.substr(3),
           "te\txt\n\n" + line, "te\xFFxt\n\n" + line, "text\n\n" + line + "junk\n",
           "text\n\n" + line.substr(0, line.size() - 1), "text\n\n\xE2\x80\x94 name !!!!\n",
           "text\n\n\xE2\x80\x94 name AAAA\n", std::string(70'000, 'a') + "\n\n" + line})
    EXPECT_THAT(Note::Parse(text), StatusIs(StatusCode::kInvalidArgument, "note")) << text;
  std::string many = "text\n\n";
  for (int i = 0; i < 101; ++i) many += line;
  EXPECT_THAT(Note::Parse(many), StatusIs(StatusCode::kInvalidArgument, "100 signatures"));
}

TEST(VerifierKeys, RefusesWhatIsNotOne) {
  const std::string good = kExampleKey;
  const std::string key = good.substr(good.rfind('+'));
  for (const std::string& text : std::vector<std::string>{
           "", "example.com/foo", "example.com/foo+530d903a", "+530d903a" + key,
           "example.com/foo+530d903b" + key, "example.com/foo+530D903A" + key,
           "example com/foo+530d903a" + key, good + "=", good.substr(0, good.size() - 4)})
    EXPECT_FALSE(VerifierKey::Parse(text).ok()) << text;
}

struct Signer {
  Signer(const std::string& name, KeyType type, std::uint8_t seed)
      : pair(std::make_shared<const Ed25519Signer>(Seed(seed))),
        key(VerifierKey::Create(name, type, pair->public_key()).value()) {}
  static Secret<32> Seed(std::uint8_t value) {
    ByteArray<32> seed{value};
    return Secret<32>(std::span(seed));
  }
  std::shared_ptr<const Ed25519Signer> pair;
  VerifierKey key;
};

class Log : public testing::Test {
 protected:
  Note Head(std::uint64_t size) {
    return SignCheckpoint({log_.key.name(), size, tree_.Root(size)}, log_.key, *log_.pair);
  }
  std::string PolicyText(const std::string& rest) const {
    std::string text = "log " + log_.key.ToString() + "\n";
    for (const Signer* one : {&acme_, &bolt_, &cara_, &audit_})
      text += "witness " + one->key.name() + "  " + one->key.ToString() + "\n";
    return text + rest;
  }
  void AddCosignature(Note& note, const Signer& by, int seconds = 1000) {
    note.signatures.push_back(
        Cosign(note.text, UnixTime(std::chrono::seconds(seconds)), by.key, *by.pair));
  }

  Signer log_{"fed.example/ledger/f1", KeyType::kEd25519, 1};
  Signer acme_{"acme", KeyType::kCosignature, 2}, bolt_{"bolt", KeyType::kCosignature, 3},
      cara_{"cara", KeyType::kCosignature, 4}, audit_{"audit1", KeyType::kCosignature, 5};
  Tree tree_{20};
};

TEST_F(Log, ACheckpointComesBack) {
  const Note note = Head(7);
  ASSERT_OK_AND_ASSIGN(const Note again, Note::Parse(note.ToString()));
  ASSERT_OK_AND_ASSIGN(const Checkpoint head, OpenCheckpoint(again, log_.key));
  EXPECT_EQ(head, (Checkpoint{"fed.example/ledger/f1", 7, tree_.Root(7)}));
  const Signer other("fed.example/ledger/f2", KeyType::kEd25519, 9);
  EXPECT_THAT(OpenCheckpoint(note, other.key), StatusIs(StatusCode::kNotFound, "f2"));
  EXPECT_FALSE(OpenCheckpoint(note, acme_.key).ok());
}

TEST_F(Log, CheckpointTextHasOneForm) {
  const std::string good = Head(7).text;
  for (const std::string& text :
       std::vector<std::string>{"", "o\n7\n", good + "extension\n", good.substr(0, good.size() - 1),
                                "o\n07\nAAAA\n", "o\n-7\nAAAA\n", "o\n9223372036854775808\nAAAA\n",
                                "o\n7\nAAAA\n", "\n7\n" + Base64Encode(tree_.Root(7)) + "\n"})
    EXPECT_FALSE(Checkpoint::Parse(text).ok()) << text;
  EXPECT_OK(Checkpoint::Parse(good));
}

TEST_F(Log, CosignaturesCarryTheirTime) {
  Note note = Head(7);
  EXPECT_THAT(VerifyCosignature(note, acme_.key), StatusIs(StatusCode::kNotFound, "acme"));
  AddCosignature(note, acme_, 1'679'315'147);
  AddCosignature(note, acme_, 1'500'000'000);
  ASSERT_OK_AND_ASSIGN(const UnixTime time, VerifyCosignature(note, acme_.key));
  EXPECT_EQ(time.time_since_epoch().count(), 1'679'315'147);
  note.signatures.back().signature[7] ^= 1;  // its time
  EXPECT_THAT(VerifyCosignature(note, acme_.key), StatusIs(StatusCode::kDataLoss, "acme"));
}

TEST_F(Log, APolicyCountsWitnesses) {
  ASSERT_OK_AND_ASSIGN(const TrustPolicy policy,
                       TrustPolicy::Parse(PolicyText("# who must have seen it\n"
                                                     "group tenants 2 acme bolt cara\n"
                                                     "group auditors any audit1\n\n"
                                                     "group all-parties all tenants auditors\n"
                                                     "quorum all-parties\n")));
  Note note = Head(9);
  AddCosignature(note, acme_);
  AddCosignature(note, acme_);
  AddCosignature(note, audit_);
  EXPECT_THAT(policy.Open(note), StatusIs(StatusCode::kFailedPrecondition, "of bolt cara"))
      << "twice the same witness is one";
  AddCosignature(note, cara_);
  ASSERT_OK_AND_ASSIGN(const Checkpoint head, policy.Open(note));
  EXPECT_EQ(head.size, 9u);
  AddCosignature(note, bolt_);
  note.signatures.back().signature[20] ^= 1;
  EXPECT_THAT(policy.Open(note), StatusIs(StatusCode::kDataLoss, "bolt"))
      << "a wrong signature of a known key is never passed over";
  Note stranger = Head(9);
  stranger.signatures.front().name = "somebody";
  EXPECT_THAT(policy.Open(stranger), StatusIs(StatusCode::kNotFound, "not signed by a log"));
}

TEST_F(Log, PoliciesThatAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "quorum line is missing"},
      {"quorum nobody\n", "line 6: nobody is not defined above"},
      {"quorum acme\nquorum bolt\n", "line 7: a second quorum"},
      {"group g 3 acme bolt\nquorum g\n", "threshold 3 of 2"},
      {"group g 0 acme bolt\nquorum g\n", "threshold 0 of 2"},
      {"group g 01 acme bolt\nquorum g\n", "not a decimal"},
      {"group g any acme acme\nquorum g\n", "acme is a member twice"},
      {"group g any acme\ngroup h any acme\nquorum h\n", "acme is a member twice"},
      {"group g any g\nquorum g\n", "g is not defined above"},
      {"group acme any bolt\nquorum acme\n", "acme is defined twice"},
      {"group none any bolt\nquorum none\n", "none is not a name"},
      {"group g any none\nquorum g\n", "none is not defined"},
      {"quorum acme", "must end with a newline"},
      {"quorum acme\r\n", "control characters"},
      {"allow everybody\n", "not a log, witness, group or quorum line"}};
  for (const auto& [rest, why] : cases)
    EXPECT_THAT(TrustPolicy::Parse(PolicyText(rest)), StatusIs(StatusCode::kInvalidArgument, why))
        << rest;
  const std::string twice = "witness again " + acme_.key.ToString() + "\nquorum again\n";
  EXPECT_THAT(TrustPolicy::Parse(PolicyText(twice)),
              StatusIs(StatusCode::kInvalidArgument, "there twice"));
  const std::string wrong = "witness w " + log_.key.ToString() + "\nquorum w\n";
  EXPECT_THAT(TrustPolicy::Parse(PolicyText(wrong)),
              StatusIs(StatusCode::kInvalidArgument, "wrong type"));
  ASSERT_OK_AND_ASSIGN(const TrustPolicy none, TrustPolicy::Parse(PolicyText("quorum none\n")));
  EXPECT_OK(none.Open(Head(3)));
}

TEST_F(Log, AnInclusionFileIsCheckedWithoutTheLog) {
  ASSERT_OK_AND_ASSIGN(const TrustPolicy policy, TrustPolicy::Parse(PolicyText("quorum audit1\n")));
  InclusionFile file;
  file.index = 5;
  file.proof = ProveInclusion(tree_, 5, 20).value();
  file.checkpoint = Head(20);
  AddCosignature(file.checkpoint, audit_);
  file.extra = {1, 2, 3};
  ASSERT_OK_AND_ASSIGN(const InclusionFile again, InclusionFile::Parse(file.ToString()));
  EXPECT_EQ(again.ToString(), file.ToString());
  ASSERT_OK_AND_ASSIGN(const Checkpoint head, again.Verify(tree_.entries[5], policy));
  EXPECT_EQ(head.size, 20u);
  EXPECT_THAT(again.Verify(tree_.entries[6], policy), StatusIs(StatusCode::kDataLoss, "inclusion"));
  const std::string text = file.ToString();
  for (std::size_t cut = 0; cut < text.size(); cut += 7)
    EXPECT_FALSE(InclusionFile::Parse(text.substr(0, cut)).ok()) << cut;
}

// A memory that forgets nothing, and can be made to fail.
class Memory final : public WitnessMemory {
 public:
  absl::StatusOr<SeenHead> Load(const std::string& origin) override { return heads[origin]; }
  absl::Status Advance(const std::string& origin, const SeenHead& old,
                       const SeenHead& seen) override {
    VEILSUM_RETURN_IF_ERROR(failure);
    if (heads[origin] != old) return Aborted("somebody was faster");
    heads[origin] = seen;
    return absl::OkStatus();
  }
  std::map<std::string, SeenHead> heads;
  absl::Status failure;
};

class WitnessTest : public Log {
 protected:
  absl::StatusOr<NoteSignature> Show(Tree& tree, std::uint64_t old_size, std::uint64_t size) {
    const Note note =
        SignCheckpoint({log_.key.name(), size, tree.Root(size)}, log_.key, *log_.pair);
    return witness_.Check(note, log_.key, old_size, ProveConsistency(tree, old_size, size).value(),
                          UnixTime(std::chrono::seconds(5)));
  }
  Memory memory_;
  Witness witness_{acme_.key, acme_.pair, memory_};
};

TEST_F(WitnessTest, FollowsALogThatGrows) {
  for (const auto& [old_size, size] : {std::pair(0, 0), {0, 3}, {3, 3}, {3, 20}})
    ASSERT_OK(Show(tree_, static_cast<std::uint64_t>(old_size), static_cast<std::uint64_t>(size)));
  EXPECT_EQ(witness_.LastSize(log_.key.name()).value(), 20u);
  Note note = Head(20);
  ASSERT_OK_AND_ASSIGN(NoteSignature by, Show(tree_, 20, 20));
  note.signatures.push_back(std::move(by));
  EXPECT_OK(VerifyCosignature(note, acme_.key));
}

TEST_F(WitnessTest, RefusesASplitViewAndARollback) {
  ASSERT_OK(Show(tree_, 0, 10));
  Tree fork(9);
  for (int i = 0; i < 8; ++i) fork.Append(AsBytes("not what the others saw"));
  EXPECT_THAT(Show(fork, 10, 10), StatusIs(StatusCode::kDataLoss, "size 10"));
  EXPECT_THAT(Show(fork, 10, 17), StatusIs(StatusCode::kDataLoss, "size 17"));
  EXPECT_THAT(Show(tree_, 0, 9), StatusIs(StatusCode::kDataLoss, "shows size 9"));
  EXPECT_THAT(Show(tree_, 0, 12), StatusIs(StatusCode::kFailedPrecondition, "must be from 10"));
  EXPECT_EQ(memory_.heads[log_.key.name()], (SeenHead{10, tree_.Root(10)}));
  EXPECT_OK(Show(tree_, 10, 12));
}

TEST_F(WitnessTest, SignsNothingThatItCouldNotRemember) {
  memory_.failure = Unavailable("the disk is full");
  EXPECT_THAT(Show(tree_, 0, 10), StatusIs(StatusCode::kUnavailable, "disk"));
}

TEST(Dsse, TheProtocolsOwnExample) {
  EXPECT_EQ(PreAuthenticationEncoding("http://example.com/HelloWorld", AsBytes("hello world")),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PreAuthenticationEncoding("", {}), "DSSEv1 0  0 ");
}

TEST(Dsse, AnEnvelopeComesBackAndHasOneForm) {
  const Signer signer("k", KeyType::kEd25519, 3), other("k", KeyType::kEd25519, 4);
  Envelope envelope;
  envelope.payload_type = "application/vnd.in-toto+json";
  envelope.payload = {1, 2, 3};
  envelope.Sign("key one", *signer.pair);
  const std::string json = envelope.ToJson();
  ASSERT_OK_AND_ASSIGN(Envelope again, Envelope::Parse(json));
  EXPECT_TRUE(again.IsSignedBy(signer.key.key()));
  EXPECT_FALSE(again.IsSignedBy(other.key.key()));
  again.payload_type += "x";
  EXPECT_FALSE(again.IsSignedBy(signer.key.key())) << "the type is signed too";
  for (const std::string& text : std::vector<std::string>{
           "", "{}", "[]", json + " ", " " + json, json.substr(1),
           R"({"payload":"AQID","payloadType":"t","signatures":[]})",
           R"({"payload":"AQID","payloadType":"t","signatures":[1]})",
           R"({"payload":7,"payloadType":"t","signatures":[{"keyid":"","sig":""}]})",
           R"({"a":1,)" + json.substr(1)})
    EXPECT_THAT(Envelope::Parse(text), StatusIs(StatusCode::kInvalidArgument, "")) << text;
  // The same bytes in base64 that nobody writes: blanks, other padding, bits that are left over.
  const std::string front = R"({"payload":")", rest = json.substr(front.size() + 4);
  ASSERT_OK(Envelope::Parse(front + "AQIDBA==" + rest));
  for (const char* payload :
       {"AQID BA==", " AQIDBA==", "AQIDBA== ", "AQID\tBA==", "AQIDBA", "AQIDBA=", "AQIDBA..",
        "AQIDBA===", "AQIDBB==", "AQIDBA==AQID", "A", "AQID-_==", "AQID=", "====", "AQ\\u0049D"})
    EXPECT_THAT(Envelope::Parse(front + payload + rest), StatusIs(StatusCode::kInvalidArgument, ""))
        << payload;
}

}  // namespace
}  // namespace veilsum::tlog
