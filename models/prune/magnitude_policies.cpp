#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "models/format/fp32.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/prune_kernels.hpp"
#include "models/prune/threshold.hpp"

namespace gradpath::policies {
namespace {

// The most zeros whose share of n does not exceed the target, compared as fractions: a target
// written as 29 of 100 means 29.
std::uint64_t most_zeros(std::uint64_t n, double target) {
  auto zeros = static_cast<std::uint64_t>(std::llround(target * static_cast<double>(n)));
  while (static_cast<double>(zeros) / static_cast<double>(n) > target) --zeros;
  return zeros;
}

// Of a slice: a finite nonzero magnitude by rank among them, without sorting, and the counts. Small
// slices are searched in memory: a table has more cells than they have elements.
class SliceRanks {
 public:
  explicit SliceRanks(const TensorSource& slice) {
    constexpr std::uint64_t kSmall = std::uint64_t{1} << 14;
    if (slice.numel() > kSmall) {
      table_.emplace(slice);
      counts_ = table_->counts();
      return;
    }
    counts_ = count_tensor(slice);
    slice.visit([&](std::uint64_t, std::span<const float> values) {
      for (const float x : values) {
        const std::uint32_t bits = fp32::magnitude(x);
        if (bits != 0 && bits < fp32::kInfinity) bits_.push_back(bits);
      }
    });
  }
  [[nodiscard]] const TensorCounts& counts() const { return counts_; }
  RankedMagnitude at_rank(std::uint64_t rank) {
    if (table_) return table_->at_rank(rank);
    const auto place = bits_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::ranges::nth_element(bits_, place);
    const auto below = std::count_if(bits_.begin(), place, [&](auto b) { return b < *place; });
    return {*place, static_cast<std::uint64_t>(below),
            static_cast<std::uint64_t>(std::ranges::count(bits_, *place))};
  }

 private:
  std::optional<MagnitudeTable> table_;
  std::vector<std::uint32_t> bits_;
  TensorCounts counts_;
};

struct SliceCut {
  MagnitudeCut cut;
  std::uint64_t zeros_after = 0;
};

// Keeps the largest n - most_zeros(n, target); infinities and NaNs are above all numbers. Ranks: a
// table of the slice, or SliceRanks. first: the slice's first element in the tensor.
template <class Ranks>
SliceCut cut_slice(Ranks& ranks, const TensorSource& slice, std::uint64_t first, double target) {
  const TensorCounts& counts = ranks.counts();
  constexpr std::uint64_t kAllTies = ~std::uint64_t{0};
  const std::uint64_t finite = counts.zeros + counts.nonzeros();
  const std::uint64_t pruned = std::min(most_zeros(counts.numel, target), finite);
  if (pruned <= counts.zeros) return {.cut = {}, .zeros_after = counts.zeros};
  if (pruned == finite) return {.cut = {fp32::kInfinity, kAllTies}, .zeros_after = finite};
  const RankedMagnitude least = ranks.at_rank(pruned - counts.zeros);
  SliceCut result{.cut = {least.bits, kAllTies}, .zeros_after = pruned};
  // Of those that equal it some may have to go: the last ones.
  std::uint64_t ties = least.below + least.count + counts.zeros - pruned;
  if (ties == least.count) return result;
  slice.visit([&](std::uint64_t at, std::span<const float> values) {
    for (std::size_t i = 0; ties > 0 && i < values.size(); ++i) {
      if (fp32::magnitude(values[i]) == least.bits && --ties == 0) {
        result.cut.ties_end = first + at + i + 1;
      }
    }
  });
  return result;
}

void apply_cut(const MagnitudeCut& cut, std::uint64_t first, std::span<const float> in,
               std::span<float> out) {
  if (cut.magnitude_bits == 0) {
    std::ranges::copy(in, out.begin());
    return;
  }
  const std::uint64_t before = cut.ties_end > first ? cut.ties_end - first : 0;
  const auto with_ties = static_cast<std::size_t>(std::min<std::uint64_t>(before, in.size()));
  kernels::keep_from(in.first(with_ties), cut.magnitude_bits, out.data());
  kernels::keep_from(in.subspan(with_ties), cut.magnitude_bits + 1, out.data() + with_ties);
}

// meProp (arXiv 1706.06197) and its kin: the largest magnitudes stay as they are.
class TopK : public PrunePolicy {
 public:
  explicit TopK(bool by_example) : by_example_(by_example) {}
  std::string name() const override { return by_example_ ? "topk:example" : "topk"; }
  bool is_random() const override { return false; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    // Raises the errors of targets; slices decide for themselves what is to be done.
    static_cast<void>(needs_pruning(by_example_ ? input.counts() : input.table().counts(),
                                    options.target_sparsity));
    PrunePlan plan{.alpha = std::numeric_limits<float>::quiet_NaN()};
    const std::uint64_t slices = by_example_ ? input.context().examples : 1;
    plan.slice = input.numel() / slices;
    std::uint64_t zeros = 0;
    for (std::uint64_t first = 0; plan.cuts.size() < slices; first += plan.slice) {
      SliceCut slice;
      if (slices == 1) {
        slice = cut_slice(input.table(), input.source(), 0, options.target_sparsity);
        plan.alpha = std::bit_cast<float>(slice.cut.magnitude_bits);
      } else {
        const TensorSource part = input.source().part(first, plan.slice);
        SliceRanks ranks(part);
        slice = cut_slice(ranks, part, first, options.target_sparsity);
      }
      plan.cuts.push_back(slice.cut);
      zeros += slice.zeros_after;
    }
    plan.predicted_sparsity = static_cast<double>(zeros) / static_cast<double>(input.numel());
    return plan;
  }

  void apply(const PrunePlan& plan, const PruneOptions& /*options*/, std::uint64_t first,
             std::span<const float> in, std::span<float> out) const override {
    for (std::size_t done = 0; done < in.size();) {
      const std::uint64_t at = first + done;
      const auto size =
          static_cast<std::size_t>(std::min(plan.slice - at % plan.slice, in.size() - done));
      apply_cut(plan.cuts[at / plan.slice], at, in.subspan(done, size), out.subspan(done, size));
      done += size;
    }
  }

 private:
  bool by_example_;
};

// SWAT (arXiv 2006.09769): weights are sparse forward and backward, activations backward, gradients
// stay dense.
class Swat final : public TopK {
 public:
  Swat() : TopK(false) {}
  std::string name() const override { return "swat"; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    const TensorKind kind = input.context().kind;
    if (kind == TensorKind::weight || kind == TensorKind::input) return TopK::plan(input, options);
    check_target(options.target_sparsity);
    const TensorCounts& counts = input.counts();
    return {
        .alpha = 0.0f,
        .predicted_sparsity = static_cast<double>(counts.zeros) / static_cast<double>(counts.numel),
        .cuts = {MagnitudeCut{}},
        .slice = counts.numel};
  }
};

// |x| < alpha becomes 0; alpha given, or the element of the rank that the target says.
class Hard final : public PrunePolicy {
 public:
  explicit Hard(std::optional<float> alpha) : alpha_(alpha) {}
  std::string name() const override { return alpha_ ? fmt::format("hard:{}", *alpha_) : "hard"; }
  bool takes_target() const override { return !alpha_; }
  bool is_random() const override { return false; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    const float alpha = alpha_ ? *alpha_ : quantile(input, options.target_sparsity);
    std::uint64_t zeros = 0;
    input.source().visit([&](std::uint64_t, std::span<const float> values) {
      for (const float x : values) zeros += x == 0.0f || std::fabs(x) < alpha ? 1u : 0u;
    });
    return {.alpha = alpha,
            .predicted_sparsity = static_cast<double>(zeros) / static_cast<double>(input.numel())};
  }

  void apply(const PrunePlan& plan, const PruneOptions& /*options*/, std::uint64_t /*first*/,
             std::span<const float> in, std::span<float> out) const override {
    const float alpha = plan.alpha;
    std::ranges::transform(in, out.begin(),
                           [alpha](float x) { return std::fabs(x) < alpha ? 0.0f : x; });
  }

 private:
  // The largest alpha that leaves no more zeros than asked for: with n of them wanted, the n-th
  // magnitude in ascending order, from 0.
  static float quantile(PruneInput& input, double target) {
    const TensorCounts& counts = input.table().counts();
    if (!needs_pruning(counts, target)) return 0.0f;
    const std::uint64_t wanted = most_zeros(counts.numel, target);
    if (wanted <= counts.zeros) return 0.0f;
    // The target is below the limit, so this is a finite element.
    return std::bit_cast<float>(input.table().at_rank(wanted - counts.zeros).bits);
  }

  std::optional<float> alpha_;
};

}  // namespace

PrunePolicyPtr make_topk(const Parameters& p) {
  return std::make_unique<TopK>(p.text(0) == "example");
}

PrunePolicyPtr make_swat(const Parameters& /*none*/) { return std::make_unique<Swat>(); }

PrunePolicyPtr make_hard(const Parameters& p) {
  return std::make_unique<Hard>(p.has(0) ? std::optional(static_cast<float>(p.real(0)))
                                         : std::nullopt);
}

}  // namespace gradpath::policies
