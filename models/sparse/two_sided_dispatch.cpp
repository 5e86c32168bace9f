#include <algorithm>
#include <bit>
#include <stdexcept>
#include <vector>

#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kWindow = 64;  // a machine word of nonzero bits

/// Each multiplier skips what is zero in its row of A or in its column of B, inside windows of 64
/// positions; a window takes as long as its fullest multiplier, and a cycle at least.
class TwoSidedDispatch : public Dispatch {
 public:
  [[nodiscard]] std::string name() const override { return "two-sided"; }
  [[nodiscard]] bool is_two_sided() const override { return true; }
  [[nodiscard]] std::uint32_t k_granule() const override { return kWindow; }
  [[nodiscard]] Schedule schedule(const SparsePanel& block,
                                  const ArrayShape& array) const override {
    if (array.operand == nullptr) throw std::invalid_argument("two-sided: no operand");
    const std::size_t windows = (block.extent + kWindow - 1) / kWindow;
    std::vector<std::uint64_t> a(block.rows * windows);
    for (std::size_t r = 0; r < block.rows; ++r) {
      for (std::size_t i = block.row_begin[r]; i < block.row_begin[r + 1]; ++i) {
        a[r * windows + block.offsets[i] / kWindow] |= std::uint64_t{1}
                                                       << (block.offsets[i] % kWindow);
      }
    }
    Schedule schedule;
    std::vector<std::uint64_t> b(array.columns);
    for (std::size_t w = 0; w < windows; ++w) {
      std::fill(b.begin(), b.end(), 0);
      const auto first = static_cast<std::uint32_t>(w * kWindow);
      for (std::uint32_t k = first; k < std::min(first + kWindow, block.extent); ++k) {
        const float* const row = array.operand + k * array.operand_stride;
        for (std::size_t c = 0; c < array.columns; ++c) {
          b[c] |= std::uint64_t{row[c] != 0.0f} << (k - first);
        }
      }
      int fullest = 1;
      for (std::size_t r = 0; r < block.rows; ++r) {
        const std::uint64_t bits = a[r * windows + w];
        for (std::size_t c = 0; bits != 0 && c < array.columns; ++c) {
          const int both = std::popcount(bits & b[c]);
          schedule.products += static_cast<std::uint64_t>(both);
          fullest = std::max(fullest, both);
        }
      }
      schedule.cycles += static_cast<std::uint64_t>(fullest);
    }
    return schedule;
  }
};

}  // namespace

DispatchPtr make_two_sided_dispatch(const Parameters& /*parameters*/) {
  return std::make_shared<TwoSidedDispatch>();
}

}  // namespace gradpath
