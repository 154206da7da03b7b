#include "client/policy/block_store.h"

#include <array>
#include <charconv>
#include <vector>

namespace veilsum::client {

using sqlite::Statement;

namespace {

std::string TextOf(double value) {
  std::array<char, 64> text;
  return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

absl::StatusOr<double> RealOf(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return absl::DataLossError(absl::StrFormat("the odometer holds \"%s\", not a number", text));
  return value;
}

absl::StatusOr<dp::AttemptCharge> ChargeAt(const Statement& row, int column) {
  dp::AttemptCharge charge;
  VEILSUM_ASSIGN_OR_RETURN(charge.rdp, RealOf(row.Text(column)));
  VEILSUM_ASSIGN_OR_RETURN(charge.kl, RealOf(row.Text(column + 1)));
  VEILSUM_ASSIGN_OR_RETURN(charge.linear, RealOf(row.Text(column + 2)));
  return charge;
}

std::string NameOf(const Hash32& contract, std::string_view purpose) {
  return HexEncode(contract).substr(0, 16) + "/" + std::string(purpose);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> BlockStore::Names() {
  VEILSUM_ASSIGN_OR_RETURN(Statement rows, db_.Prepare("SELECT name FROM blocks ORDER BY name"));
  std::vector<std::string> names;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) return names;
    names.push_back(rows.Text(0));
  }
}

absl::StatusOr<dp::BlockBudget> BlockStore::Budget(std::string_view block) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select,
      db_.Prepare("SELECT epsilon, delta, renyi_order FROM blocks WHERE name = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, block).Step());
  if (!found) return NotFound("no contract has named block %s", block);
  dp::BlockBudget budget{};
  VEILSUM_ASSIGN_OR_RETURN(budget.epsilon, RealOf(select.Text(0)));
  VEILSUM_ASSIGN_OR_RETURN(budget.delta, RealOf(select.Text(1)));
  budget.order = static_cast<std::uint32_t>(select.Unsigned(2));
  return budget;
}

absl::Status BlockStore::Create(const BlockCharge& charge) {
  VEILSUM_RETURN_IF_ERROR(dp::BudgetFilter::Create(charge.budget).status());
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT INTO blocks(name, epsilon, delta, renyi_order) VALUES(?, ?, ?, ?)"));
  return insert.Bind(1, charge.block)
      .Bind(2, TextOf(charge.budget.epsilon))
      .Bind(3, TextOf(charge.budget.delta))
      .Bind(4, charge.budget.order)
      .Run();
}

absl::StatusOr<dp::BudgetFilter> BlockStore::Replay(std::string_view block) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::BlockBudget budget, Budget(block));
  VEILSUM_ASSIGN_OR_RETURN(
      Statement rows,
      db_.Prepare("SELECT contract, purpose, attempts, spent, closed, rdp, kl, linear "
                  "FROM reservations WHERE block = ? ORDER BY id"));
  rows.Bind(1, block);
  std::vector<dp::BudgetOperation> operations;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) break;
    const std::string name = HexEncode(rows.Blob(0)) + "/" + rows.Text(1);
    VEILSUM_ASSIGN_OR_RETURN(const dp::AttemptCharge charge, ChargeAt(rows, 5));
    operations.push_back(dp::Reserve{name, charge, rows.Unsigned(2)});
    operations.push_back(dp::SpendThrough{name, rows.Unsigned(3)});
    if (rows.Int(4) != 0) operations.push_back(dp::Close{name});
  }
  auto filter = dp::BudgetFilter::Replay(budget, operations);
  if (!filter.ok())
    return absl::DataLossError(
        absl::StrFormat("block %s was never admitted as the odometer has "
                        "it: %s",
                        block, std::string(filter.status().message())));
  return filter;
}

absl::Status BlockStore::Reserve(const Hash32& contract, const BlockCharge& charge,
                                 std::uint64_t first_round) {
  const absl::StatusOr<dp::BlockBudget> known = Budget(charge.block);
  if (absl::IsNotFound(known.status())) {
    VEILSUM_RETURN_IF_ERROR(Create(charge));
  } else {
    VEILSUM_RETURN_IF_ERROR(known.status());
    if (*known != charge.budget)
      return InvalidArgument(
          "block %s has a budget of epsilon %g at delta %g and order %d, fixed when it was made; "
          "not %g, %g, %d",
          charge.block, known->epsilon, known->delta, known->order, charge.budget.epsilon,
          charge.budget.delta, charge.budget.order);
  }
  VEILSUM_ASSIGN_OR_RETURN(dp::BudgetFilter filter, Replay(charge.block));
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT INTO reservations(contract, block, purpose, first_round, attempts, rdp, "
                  "kl, linear) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  for (const SumCharge& sum : charge.sums) {
    const absl::Status admitted =
        filter.Apply(dp::Reserve{NameOf(contract, sum.purpose), sum.per_attempt, sum.attempts});
    if (!admitted.ok())
      return Annotate(admitted, absl::StrFormat("block %s (epsilon %g at delta %g, %g spent)",
                                                charge.block, charge.budget.epsilon,
                                                charge.budget.delta, filter.EpsilonSpent()));
    insert.Bind(1, ByteView(contract)).Bind(2, charge.block).Bind(3, sum.purpose);
    insert.Bind(4, first_round).Bind(5, sum.attempts).Bind(6, TextOf(sum.per_attempt.rdp));
    insert.Bind(7, TextOf(sum.per_attempt.kl)).Bind(8, TextOf(sum.per_attempt.linear));
    VEILSUM_RETURN_IF_ERROR(insert.Run());
    first_round += sum.attempts;
  }
  return absl::OkStatus();
}

absl::Status BlockStore::Spend(const Hash32& contract, std::uint64_t first, std::uint64_t last) {
  // The overlap of [first, last] with each sum's rounds.
  VEILSUM_ASSIGN_OR_RETURN(
      Statement update,
      db_.Prepare("UPDATE reservations SET spent = spent + min(?2, first_round + attempts - 1) - "
                  "max(?1, first_round) + 1 WHERE contract = ?3 AND first_round <= ?2 AND "
                  "first_round + attempts - 1 >= ?1"));
  return update.Bind(1, first).Bind(2, last).Bind(3, ByteView(contract)).Run();
}

absl::Status BlockStore::Close(const Hash32& contract) {
  VEILSUM_ASSIGN_OR_RETURN(Statement update,
                           db_.Prepare("UPDATE reservations SET closed = 1 WHERE contract = ?"));
  return update.Bind(1, ByteView(contract)).Run();
}

absl::StatusOr<bool> BlockStore::IsReserved(const Hash32& contract,
                                            std::span<const BlockCharge> charges) {
  std::vector<std::pair<std::string_view, const SumCharge*>> sums;  // with their blocks
  for (const BlockCharge& charge : charges)
    for (const SumCharge& sum : charge.sums) sums.emplace_back(charge.block, &sum);
  VEILSUM_ASSIGN_OR_RETURN(Statement rows,
                           db_.Prepare("SELECT block, purpose, attempts, rdp, kl, linear FROM "
                                       "reservations WHERE contract = ? ORDER BY id"));
  rows.Bind(1, ByteView(contract));
  std::size_t at = 0;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) break;
    if (at == sums.size()) return false;
    const auto& [block, sum] = sums[at++];
    VEILSUM_ASSIGN_OR_RETURN(const dp::AttemptCharge held, ChargeAt(rows, 3));
    if (rows.Text(0) != block || rows.Text(1) != sum->purpose ||
        rows.Unsigned(2) != sum->attempts || held != sum->per_attempt)
      return false;
  }
  return at == sums.size();
}

absl::StatusOr<BlockTotals> BlockStore::Totals(std::string_view block) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::BudgetFilter filter, Replay(block));
  return BlockTotals{filter.budget(), dp::RenyiLimit(filter.budget()), filter.reserved().rdp,
                     filter.spent().rdp, filter.EpsilonSpent()};
}

}  // namespace veilsum::client
