#!/bin/sh
# Takes the protocol's checks out one at a time and shows that a named test notices.
#
#   mutants.sh BUILD_DIR NINJA [MODEL_RUNS [NAME...]]
#
# Needs attack_test built in BUILD_DIR. A mutant is one source file, changed by sed in a temporary
# copy, compiled with the file's own command line and linked in front of the library; nothing of the
# source tree or of BUILD_DIR changes. With MODEL_RUNS above 0 the random model (HostileScheduler)
# runs against each mutant too, so many schedules a population, and what it found is printed.
# Exit status: 0 every mutant was found, 1 one was not, or does not apply or compile.
set -u
build=$1 ninja=$2 model_runs=${3:-0}
shift 2
[ $# -gt 0 ] && shift
wanted=" $* " program=tests/attack/attack_test
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/tests/support/mutants.sh"

lib=secure_agg/CMakeFiles/veilsum_secure_agg.dir
params="secure_agg/params.cc $lib/params.cc.o"
roster="secure_agg/roster/roster.cc $lib/roster/roster.cc.o"
setup="secure_agg/client/setup.cc $lib/client/setup.cc.o"
session="secure_agg/client/session.cc $lib/client/session.cc.o"
batch="secure_agg/client/batch.cc $lib/client/batch.cc.o"
slot="secure_agg/client/slot.cc $lib/client/slot.cc.o"
fields="secure_agg/wire/fields.cc secure_agg/CMakeFiles/veilsum_secure_agg_wire.dir/wire/fields.cc.o"
driver="client/round/secure_sum.cc client/round/CMakeFiles/veilsum_client_secure_sum.dir/secure_sum.cc.o"

mutant SA-02 $params '*SA02_TheQuorumComesFromTheContractsColluders' \
  's/out\.colluders = params\.colluders\(\)/out.colluders = n \/ 5 > 1 ? n \/ 5 : 1/' \
  's/\(n \+ params\.colluders\(\)\)/(n + out.colluders)/'
mutant SA-02-claim $roster 'LyingRoster.SA02*' 's/claim\.colluders != params\.colluders\(\)/false/'
mutant SA-04 $roster 'LyingRoster.SA04*' 's/!Ed25519Verify\(identity->key, statement\.bytes\(\), advert\.signature\)/false/'
mutant SA-05 $setup 'LyingRoster.SA05*' 's/roster\.advert\(\*self\) != advert_/false/'
mutant SA-06 $roster 'LyingRoster.SA06*' 's/VEILSUM_RETURN_IF_ERROR\(CheckDistinct\(adverts\)\);//'
mutant SA-07-fresh $setup '*SA07_KeysAreFreshForEveryAdvert' '/rng\.Fill\(own\.bytes\(\)\);/d'
mutant SA-07-one-roster $setup '*SA07_AnAdvertsKeysAreDealtUnderOneRosterOnly' \
  's/session = std::move\(session_\)/session = session_/'
mutant SA-11-self $setup 'LyingActiveSet.SA11_WithoutTheSigner' \
  's/!active\.members\.Contains\(secrets->self\(\)\)/false/'
mutant SA-11-floor $setup '*SA11_Below*' 's/active\.members\.size\(\) < roster\.thresholds\(\)\.floor/false/'
mutant SA-11-possession $setup '*SA11_AMemberWhoDealtUnderAnotherRoster' \
  's/!active\.members\.IsSubsetOf\(report_\.held\)/false/'
mutant SA-12 $setup 'LyingActiveSets.SA12*' '/session\.TakeSetupSignature\(secrets->id\(\)\)/d'
mutant SA-13 $setup 'LyingSetupCertificate.SA13*' \
  's/VerifyCertificate\("SA-13", roster, secrets->active\(\), statement\.bytes\(\), certificate\)/absl::OkStatus()/'
mutant SA-15-batch $batch 'LyingRound.SA15_AnotherBatchsSetup' \
  's/start\.setup_hash != secrets_->setup_hash\(\)/false/'
mutant SA-15-slot $batch 'LyingRound.SA15_TheSameSlotForAnotherRound' \
  's/start\.slot < secrets_->next_slot\(\) \|\| //'
mutant SA-15-round $batch 'LyingRound.SA15_TheSameRoundInAnotherSlot' \
  's/start\.round <= session\.last_round_/false/'
mutant SA-23-subset $slot 'LyingRounds.SA23_SurvivorsOutsideTheActiveSet' \
  's/!survivors\.IsSubsetOf\(secrets_->active\(\)\)/false/'
mutant SA-23-floor $slot '*SA23_SurvivorsBelow*' 's/survivors\.size\(\) < thresholds\.floor/false/'
mutant SA-25 $slot 'LyingRound.SA25*' 's/!uploaded && survivors\.Contains/false \&\& survivors.Contains/'
mutant SA-26 $slot 'LyingRound.SA26_ASecondSetOfSurvivors' \
  's/if \(request\.members == signed_\) return signature_;/return core_.Sign(request, true);/'
mutant SA-28 $slot 'LyingRound.SA28*' \
  's/VerifyCertificate\("SA-28".*/(true) ? absl::OkStatus() : VerifyCertificate("SA-28", secrets_->roster(), active,/'
mutant SA-29 $slot 'LyingRound.SA29_OfEachDealerOneKindOfShare' \
  's/= signed_set\.Contains\(dealer\)/= !signed_set.Contains(dealer)/'
mutant SA-30 $slot 'LyingRound.SA30_ACertificateOverAnotherSet' 's/certificate\.members != signed_set/false/'
mutant SA-31-deadline $driver 'LyingRound.SA31_TheClientsOwnDeadlineErasesTheSlot' \
  's/now < slot_deadline_ \|\| !OpenRound\(\)/true/'
mutant SA-33 $session 'LyingOffer.SA33*' 's/offer\.batch <= last_batch_->batch/false/'
mutant SA-37 $fields 'LyingRoster.SA37*' 's/count != 0/false/'
mutant SA-43 $session 'LyingRound.SA2*' 's/if \(alarmed_\)/if (false)/'

check_unchanged 'Lying*:Messages*'
exit $status
