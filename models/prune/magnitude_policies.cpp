#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "models/prune/policy.hpp"
#include "models/prune/threshold.hpp"

namespace gradpath::policies {
namespace {

constexpr std::uint32_t kMagnitudeMask = 0x7fffffff;
constexpr std::uint32_t kInfinity = 0x7f800000;

std::uint32_t magnitude_bits(float x) { return std::bit_cast<std::uint32_t>(x) & kMagnitudeMask; }

std::vector<std::uint32_t> magnitudes(std::span<const float> values) {
  std::vector<std::uint32_t> bits(values.size());
  std::ranges::transform(values, bits.begin(), magnitude_bits);
  return bits;
}

// The most zeros whose share of n does not exceed the target, compared as fractions: a target
// written as 29 of 100 means 29.
std::uint64_t most_zeros(std::uint64_t n, double target) {
  auto zeros = static_cast<std::uint64_t>(std::llround(target * static_cast<double>(n)));
  while (static_cast<double>(zeros) / static_cast<double>(n) > target) --zeros;
  return zeros;
}

struct SliceCut {
  MagnitudeCut cut;
  std::uint64_t zeros_after = 0;
};

// Keeps the largest n - most_zeros(n, target); quickselect on the bits, infinities and NaNs above
// all numbers.
SliceCut cut_slice(std::span<const float> slice, double target) {
  std::vector<std::uint32_t> bits = magnitudes(slice);
  const auto zeros = static_cast<std::uint64_t>(std::ranges::count(bits, 0u));
  const auto finite = static_cast<std::uint64_t>(
      std::ranges::count_if(bits, [](std::uint32_t b) { return b < kInfinity; }));
  if (slice.empty()) return {};
  const std::uint64_t pruned = std::min(most_zeros(slice.size(), target), finite);
  if (pruned <= zeros) return {.cut = {}, .zeros_after = zeros};
  if (pruned == finite) return {.cut = {kInfinity, slice.size()}, .zeros_after = finite};
  const auto kept_least = bits.begin() + static_cast<std::ptrdiff_t>(pruned);
  std::ranges::nth_element(bits, kept_least);
  // What follows the element is at or above it: as many of it are kept as stand there.
  const auto ties = std::count(kept_least, bits.end(), *kept_least);
  return {.cut = {*kept_least, static_cast<std::uint64_t>(ties)}, .zeros_after = pruned};
}

void apply_cut(MagnitudeCut cut, std::span<const float> in, std::span<float> out) {
  if (cut.magnitude_bits == 0) {
    std::ranges::copy(in, out.begin());
    return;
  }
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint32_t bits = magnitude_bits(in[i]);
    bool keep = bits > cut.magnitude_bits;
    if (bits == cut.magnitude_bits && cut.ties > 0) {
      keep = true;
      --cut.ties;
    }
    out[i] = keep ? in[i] : 0.0f;
  }
}

// meProp (arXiv 1706.06197) and its kin: the largest magnitudes stay as they are.
class TopK : public PrunePolicy {
 public:
  explicit TopK(bool by_example) : by_example_(by_example) {}
  std::string name() const override { return by_example_ ? "topk:example" : "topk"; }
  bool is_random() const override { return false; }

  PrunePlan plan(PruneInput& input, const PruneOptions& options) const override {
    // Raises the errors of targets; slices decide for themselves what is to be done.
    static_cast<void>(needs_pruning(input.table().counts(), options.target_sparsity));
    const std::span<const float> values = input.values();
    const std::uint64_t slices = by_example_ ? input.context().examples : 1;
    const std::size_t size = values.size() / slices;
    PrunePlan plan;
    std::uint64_t zeros = 0;
    for (std::size_t begin = 0; plan.cuts.size() < slices; begin += size) {
      const SliceCut slice = cut_slice(values.subspan(begin, size), options.target_sparsity);
      plan.cuts.push_back(slice.cut);
      zeros += slice.zeros_after;
    }
    plan.alpha = slices == 1 ? std::bit_cast<float>(plan.cuts.front().magnitude_bits)
                             : std::numeric_limits<float>::quiet_NaN();
    plan.predicted_sparsity = static_cast<double>(zeros) / static_cast<double>(values.size());
    return plan;
  }

  void apply(const PrunePlan& plan, const PruneInput& input, const PruneOptions& /*options*/,
             std::span<float> out) const override {
    const std::size_t size = out.size() / plan.cuts.size();
    for (std::size_t i = 0; i < plan.cuts.size(); ++i) {
      apply_cut(plan.cuts[i], input.values().subspan(i * size, size), out.subspan(i * size, size));
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
    const TensorCounts& counts = input.table().counts();
    return {
        .alpha = 0.0f,
        .predicted_sparsity = static_cast<double>(counts.zeros) / static_cast<double>(counts.numel),
        .cuts = {MagnitudeCut{}}};
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
    const auto zeros = std::ranges::count_if(
        input.values(), [&](float x) { return x == 0.0f || std::fabs(x) < alpha; });
    return {.alpha = alpha,
            .predicted_sparsity =
                static_cast<double>(zeros) / static_cast<double>(input.values().size())};
  }

  void apply(const PrunePlan& plan, const PruneInput& input, const PruneOptions& /*options*/,
             std::span<float> out) const override {
    const float alpha = plan.alpha;
    std::ranges::transform(input.values(), out.begin(),
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
    std::vector<std::uint32_t> bits = magnitudes(input.values());
    // The target is below the limit, so this is a finite element.
    const auto least = bits.begin() + static_cast<std::ptrdiff_t>(wanted);
    std::ranges::nth_element(bits, least);
    return std::bit_cast<float>(*least);
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
