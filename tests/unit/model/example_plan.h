// The plan of the product's description, which every key of the schema's first version comes from.
#pragma once

#include <string>

namespace veilsum::model {

inline const std::string kExamplePlan = R"(name = "purchase-intent"
task = "binary"

[unit]
column = "user_id"
max_rows = 1

[holdout]
hash = "fnv1a64"
mod = 5
equals = 0

[[table]]
name = "browsing"
file = "browsing.csv"
join = "user_id"

[[table]]
name = "reviews"
file = "reviews.csv"

[[table]]
name = "labels"
file = "labels.csv"
join = "user_id"

[[feature]]
column = "browsing.ProductRelated_Duration"
kind = "numeric"
lo = 0
hi = 64800
log = true

[[feature]]
column = "browsing.Month"
kind = "categorical"
buckets = 16

[[feature]]
column = "reviews.text"
kind = "text"
buckets = 16384
ngrams = 2
width = 16

[label]
column = "labels.label"
kind = "binary"

[model]
hidden = [128, 64, 32]
activation = "relu"
dropout = "0"

[training]
mode = "distributed"
steps = 600
attempts_max = 640
sampling_rate = "1/10"
expected_batch = 1024
clip_norm = "1"
optimizer = "adam"
learning_rate = "0.005"

[nonprivate]
clip_norm = "10"
steps = 200
learning_rate = "0.002"

[privacy]
epsilon = "3"
delta = "1e-5"
accountant = "pld"
statistics_share = "0.2"

[aggregation]
min_survivors = 8
colluders = 1
key_batch = 16
ring_bits = 32
scale_log2 = 20

[rounds]
tick_ms = 20
deadline_ms = 5000
)";

}  // namespace veilsum::model
