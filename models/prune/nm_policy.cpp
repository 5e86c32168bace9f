#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/fp32.hpp"
#include "models/prune/nm_block.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/prune_kernels.hpp"

namespace gradpath {
namespace {

bool all_finite(std::span<const float> block) {
  return std::ranges::all_of(block, [](float x) { return std::isfinite(x); });
}

std::size_t nonzeros(std::span<const float> block) {
  return static_cast<std::size_t>(std::ranges::count_if(block, [](float x) { return x != 0.0f; }));
}

}  // namespace

NmInclusion nm_inclusion(std::span<const float> block, std::size_t n) {
  NmInclusion result;
  if (nonzeros(block) <= n) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (block[i] != 0.0f) result.sure |= 1u << i;
    }
    return result;
  }
  // The largest are sure first; each lowers the level of the rest, so they are found one by one.
  result.drawn = n;
  for (;;) {
    double rest = 0.0;
    for (std::size_t i = 0; i < block.size(); ++i) {
      if ((result.sure >> i & 1u) == 0) rest += std::fabs(block[i]);
    }
    result.level = rest / static_cast<double>(result.drawn);
    const std::uint32_t before = result.sure;
    for (std::size_t i = 0; i < block.size() && result.drawn > 1; ++i) {
      if ((result.sure >> i & 1u) != 0 || std::fabs(block[i]) < result.level) continue;
      result.sure |= 1u << i;
      --result.drawn;
      break;
    }
    if (result.sure == before) return result;
  }
}

void nm_prune_block(std::span<const float> block, std::size_t n, std::uint32_t word,
                    std::span<float> out) {
  if (!all_finite(block) || nonzeros(block) <= n) {
    std::ranges::copy(block, out.begin());
    return;
  }
  const NmInclusion inclusion = nm_inclusion(block, n);
  const auto most = static_cast<double>(std::numeric_limits<float>::max());
  const auto level = static_cast<float>(std::min(inclusion.level, most));
  std::size_t last = 0;  // the last element that may be drawn: it takes a point lost to rounding
  for (std::size_t i = 0; i < block.size(); ++i) {
    if ((inclusion.sure >> i & 1u) == 0 && block[i] != 0.0f) last = i;
  }
  double point = (word + 0.5) * 0x1p-32;
  double place = 0.0;
  std::size_t left = inclusion.drawn;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const float x = block[i];
    if ((inclusion.sure >> i & 1u) != 0 || x == 0.0f) {
      out[i] = x == 0.0f ? 0.0f : x;
      continue;
    }
    place += std::fabs(x) / inclusion.level;
    const bool stays = left > 0 && (point < place || i == last);
    if (stays) {
      point += 1.0;
      --left;
    }
    out[i] = stays ? std::copysign(level, x) : 0.0f;
  }
}

namespace policies {
namespace {

// Blocks of M elements side by side in memory, the last one shorter where M does not divide their
// number; a block's word is that of its first element.
class Nm final : public PrunePolicy {
 public:
  Nm(std::size_t n, std::size_t m) : n_(n), m_(m) {}
  std::string name() const override { return fmt::format("nm:{}:{}", n_, m_); }
  bool takes_target() const override { return false; }
  bool is_random() const override { return true; }

  PrunePlan plan(PruneInput& input, const PruneOptions& /*options*/) const override {
    PrunePlan plan{.alpha = std::numeric_limits<float>::quiet_NaN(), .granule = m_};
    std::uint64_t kept = 0;
    input.source().visit(
        [&](std::uint64_t, std::span<const float> piece) { kept += kept_of(piece); },
        piece_size(plan));
    plan.predicted_sparsity =
        static_cast<double>(input.numel() - kept) / static_cast<double>(input.numel());
    return plan;
  }

  void apply(const PrunePlan& /*plan*/, const PruneOptions& options, std::uint64_t first,
             std::span<const float> in, std::span<float> out) const override {
    kernels::nm_prune({in, out.data(), CounterRandom(options.seed), first}, n_, m_);
  }

 private:
  [[nodiscard]] std::uint64_t kept_of(std::span<const float> piece) const {
    const bool plain = std::ranges::all_of(piece, [](float x) {  // finite and no zero
      return fp32::magnitude(x) - 1 < fp32::kInfinity - 1;
    });
    if (plain) return piece.size() / m_ * n_ + std::min(piece.size() % m_, n_);
    std::uint64_t kept = 0;
    for (std::size_t begin = 0; begin < piece.size(); begin += m_) {
      const auto block = piece.subspan(begin, std::min(m_, piece.size() - begin));
      const std::size_t present = nonzeros(block);
      kept += all_finite(block) ? std::min(n_, present) : present;
    }
    return kept;
  }

  std::size_t n_;
  std::size_t m_;
};

}  // namespace

PrunePolicyPtr make_nm(const Parameters& p) {
  if (p.integer(0) < p.integer(1)) {
    return std::make_unique<Nm>(static_cast<std::size_t>(p.integer(0)),
                                static_cast<std::size_t>(p.integer(1)));
  }
  throw UserError(fmt::format("pruning policy 'nm:{}:{}' prunes nothing; expected N < M",
                              p.integer(0), p.integer(1)));
}

}  // namespace policies
}  // namespace gradpath
