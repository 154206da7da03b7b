// A text as hashed n-grams of its words: counts by bucket, scaled to length 1, so that no text is
// longer than another and the bound is public (hashing trick: Weinberger et al. 2009, arXiv
// 0902.2206).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/examples.h"
#include "model/plan/plan.h"

namespace veilsum::client {

// Appends feature.max_terms slots to `to`: the buckets FNV-1a 64 of "column=gram" modulo buckets of
// all 1- to n-grams of each text (none reaches from one text into the next; words of a gram are
// joined by one blank), in the order in which they first occur, with their counts over the L2 norm
// of the counts. Buckets beyond max_terms are left out before the norm is taken.
void AppendText(const model::Feature& feature, std::span<const std::string_view> texts,
                model::IdList& to);

}  // namespace veilsum::client
