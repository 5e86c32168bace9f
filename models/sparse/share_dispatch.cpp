#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

/// A window of L positions of k moves over the block, by at most A a cycle and not past a nonzero
/// that is left. In a cycle each row of the array takes the first of its own nonzeros in the
/// window; one that has none takes the first of the row of its group that has most left. Each
/// multiplier keeps a sum for every row of its group (akin to SparTen, MICRO 2019, which groups
/// filters by density offline).
class ShareDispatch : public Dispatch {
 public:
  ShareDispatch(std::uint32_t group, std::uint32_t window, std::uint32_t advance)
      : group_(group), window_(window), advance_(advance) {}
  [[nodiscard]] std::string name() const override {
    return fmt::format("share:{}:{}:{}", group_, window_, advance_);
  }
  [[nodiscard]] bool shares() const override { return group_ > 1; }
  [[nodiscard]] std::uint32_t drained_rows(std::uint32_t array_rows) const override {
    return shares() ? (array_rows + group_ - 1) / group_ : 1;
  }
  [[nodiscard]] Schedule schedule(const SparsePanel& block, const ArrayShape& array) const override;

 private:
  [[nodiscard]] std::vector<std::uint32_t> places(const SparsePanel& block,
                                                  const ArrayShape& array) const;

  std::uint32_t group_;
  std::uint32_t window_;
  std::uint32_t advance_;
};

/// The block's row at each row of the array, or kNoRow. Mixed: from the fullest row down they are
/// dealt out to the groups, there and back again, so that full and empty rows meet.
std::vector<std::uint32_t> ShareDispatch::places(const SparsePanel& block,
                                                 const ArrayShape& array) const {
  const auto rows = static_cast<std::uint32_t>(block.rows);
  std::vector<std::uint32_t> place(std::max(array.rows, rows), kNoRow);
  std::iota(place.begin(), place.begin() + rows, 0U);
  if (!array.mixes_rows) return place;
  const auto nonzeros = [&](std::uint32_t r) {
    return r == kNoRow ? 0 : block.row_begin[r + 1] - block.row_begin[r];
  };
  std::vector<std::uint32_t> by_count = place;
  std::ranges::stable_sort(by_count, std::greater<>(), nonzeros);
  const auto size = static_cast<std::uint32_t>(place.size());
  const std::uint32_t groups = (size + group_ - 1) / group_;
  std::vector<std::uint32_t> filled(groups, 0);
  std::uint32_t dealt = 0;
  for (std::uint32_t turn = 0; dealt < size; ++turn) {
    for (std::uint32_t i = 0; i < groups && dealt < size; ++i) {
      const std::uint32_t g = turn % 2 == 0 ? i : groups - 1 - i;
      if (filled[g] == std::min(group_, size - g * group_)) continue;
      place[g * group_ + filled[g]++] = by_count[dealt++];
    }
  }
  return place;
}

Schedule ShareDispatch::schedule(const SparsePanel& block, const ArrayShape& array) const {
  const std::vector<std::uint32_t> place = places(block, array);
  const auto size = static_cast<std::uint32_t>(place.size());
  std::vector<std::size_t> next(block.row_begin.begin(), block.row_begin.end() - 1);
  std::vector<std::size_t> seen = next;  // up to here a row's nonzeros are in the window
  std::vector<std::uint32_t> sum_of;     // of the nonzeros in the order taken: which sum they join
  std::vector<std::size_t> taken;        // and which they are
  sum_of.reserve(block.nonzeros());
  taken.reserve(block.nonzeros());
  const auto take = [&](std::uint32_t row, std::uint32_t partial) {
    sum_of.push_back(row * group_ + partial);
    taken.push_back(next[row]++);
  };

  Schedule schedule{.products = block.nonzeros(), .partials = group_};
  std::vector<std::uint32_t> idle;
  for (std::uint64_t base = 0; taken.size() < block.nonzeros(); ++schedule.cycles) {
    for (std::size_t r = 0; r < block.rows; ++r) {
      while (seen[r] < block.row_begin[r + 1] && block.offsets[seen[r]] < base + window_) ++seen[r];
    }
    idle.clear();
    for (std::uint32_t p = 0; p < size; ++p) {
      if (place[p] != kNoRow && next[place[p]] < seen[place[p]]) {
        take(place[p], 0);
      } else {
        idle.push_back(p);
      }
    }
    for (const std::uint32_t p : idle) {
      const std::uint32_t first = p / group_ * group_;
      const std::uint32_t members = std::min(group_, size - first);
      std::uint32_t fullest = p;
      std::size_t most = 0;
      for (std::uint32_t q = first; q < first + members; ++q) {
        if (place[q] == kNoRow || seen[place[q]] - next[place[q]] <= most) continue;
        most = seen[place[q]] - next[place[q]];
        fullest = q;
      }
      if (most > 0) take(place[fullest], (p + members - fullest) % members);
    }
    std::uint64_t left = block.extent;
    for (std::size_t r = 0; r < block.rows; ++r) {
      if (next[r] < block.row_begin[r + 1]) {
        left = std::min<std::uint64_t>(left, block.offsets[next[r]]);
      }
    }
    base = std::min(base + advance_, left);
  }
  schedule.cycles = std::max<std::uint64_t>(schedule.cycles, 1);
  if (group_ == 1) return schedule;

  // The nonzeros by the sum they join, in the order taken.
  SparsePanel& order = schedule.order;
  order = {.rows = block.rows * group_,
           .extent = block.extent,
           .row_begin = std::vector<std::size_t>(block.rows * group_ + 1, 0),
           .offsets = std::vector<std::uint32_t>(taken.size()),
           .values = std::vector<float>(taken.size())};
  for (const std::uint32_t sum : sum_of) ++order.row_begin[sum + 1];
  std::partial_sum(order.row_begin.begin(), order.row_begin.end(), order.row_begin.begin());
  std::vector<std::size_t> end(order.row_begin.begin(), order.row_begin.end() - 1);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const std::size_t at = end[sum_of[i]]++;
    order.offsets[at] = block.offsets[taken[i]];
    order.values[at] = block.values[taken[i]];
  }
  return schedule;
}

}  // namespace

DispatchPtr make_share_dispatch(const Parameters& parameters) {
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint32_t>(parameters.integer(i));
  };
  return std::make_shared<ShareDispatch>(number(0), number(1), number(2));
}

}  // namespace gradpath
