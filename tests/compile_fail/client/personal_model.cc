// A merchant's own model predicts, and nothing makes a release or a package of it.
#include "client/serve/predictor.h"

namespace veilsum::client {

absl::StatusOr<std::vector<float>> Predict(const Predictor& predictor,
                                           const model::Examples& rows) {
  return predictor.Outputs(rows);
}

#ifdef AS_A_RELEASE
release::Release AsARelease(const PersonalModel& personal) { return personal; }
#endif

#ifdef IN_A_PACKAGE
void InAPackage(const PersonalModel& personal, release::ReleaseInput& input) {
  input.model = personal;
}
#endif

#ifdef READING_ITS_NUMBERS
model::ModelVector ReadingItsNumbers(const PersonalModel& personal) { return personal.numbers_; }
#endif

#ifdef OF_A_PREDICTOR
const model::ModelVector& OfAPredictor(const Predictor& predictor) { return predictor.numbers(); }
#endif

}  // namespace veilsum::client
