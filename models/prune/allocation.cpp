#include "models/prune/allocation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "models/prune/threshold.hpp"
#include "models/prune/threshold_walk.hpp"
#include "models/stats/sum.hpp"

namespace gradpath {
namespace {

// What a position in the ascending magnitudes has below it: count, sum and sum of squares.
class SquareWalk {
 public:
  void add(const MagnitudeBucket& bucket) {
    walk_.add(bucket);
    squares_.add(squares_of(bucket));
  }
  void add(std::uint32_t bits, std::uint32_t count) {
    walk_.add(bits, count);
    const double x = std::bit_cast<float>(bits);
    squares_.add(x * x * count);
  }
  [[nodiscard]] const ThresholdWalk& walk() const { return walk_; }
  [[nodiscard]] double squares() const { return squares_.value(); }
  /// Sum of (alpha |x| - x^2): what pruning at alpha adds to the expected sum of squares.
  [[nodiscard]] double added(double alpha) const {
    return std::max(0.0, alpha * walk_.sum() - squares());
  }

 private:
  static double squares_of(const MagnitudeBucket& bucket) {
    const std::uint32_t field = bucket.key >> 7;
    const std::uint32_t hidden = field == 0 ? 0 : 0x80;
    const double base = (hidden | (bucket.key & 0x7f)) << 16;
    const double squares = base * base * static_cast<double>(bucket.count) +
                           2 * base * static_cast<double>(bucket.low_sum) +
                           static_cast<double>(bucket.low_square_sum);
    return std::ldexp(squares, 2 * (std::max(static_cast<int>(field), 1) - 150));
  }

  ThresholdWalk walk_;
  CompensatedSum squares_;
};

double sum_of_squares(const MagnitudeTable& table) {
  SquareWalk all;
  for (const MagnitudeBucket& bucket : table.buckets()) all.add(bucket);
  return all.squares();
}

double share_of_zeros(const TensorCounts& counts) {
  return static_cast<double>(counts.zeros) / static_cast<double>(counts.numel);
}

// Between two magnitudes `added` is a line in alpha, continuous and increasing over all of them.
// excess: the value that it is to have, relative to the sum of squares: 1 / cosine^2 - 1.
double sparsity_at_excess(MagnitudeTable& table, double squares, double excess) {
  const double wanted = excess * squares;
  SquareWalk below;
  const auto finish = [&] {
    const double alpha = (wanted + below.squares()) / below.walk().sum();
    const double zeros =
        static_cast<double>(table.counts().zeros) + below.walk().expected_zeros(alpha);
    const double most = std::nextafter(1.0, 0.0);
    return std::min(zeros / static_cast<double>(table.counts().numel), most);
  };
  for (const MagnitudeBucket& bucket : table.buckets()) {
    SquareWalk next = below;
    next.add(bucket);
    if (next.added(upper_edge(bucket.key)) <= wanted * (1 - 1e-9)) {
      below = next;
      continue;
    }
    for (const LowCount& entry : table.lows(bucket)) {
      const std::uint32_t bits = bucket.key << 16 | entry.low;
      if (below.added(std::bit_cast<float>(bits)) > wanted) return finish();
      below.add(bits, entry.count);
    }
  }
  return finish();
}

}  // namespace

double expected_pruning_cosine(MagnitudeTable& table, double alpha) {
  table.add_squares();
  const double squares = sum_of_squares(table);
  SquareWalk below;
  for (const MagnitudeBucket& bucket : table.buckets()) {
    if (upper_edge(bucket.key) < alpha) {
      below.add(bucket);
      continue;
    }
    if (lower_edge(bucket.key) < alpha) {
      for (const LowCount& entry : table.lows(bucket)) {
        const std::uint32_t bits = bucket.key << 16 | entry.low;
        if (std::bit_cast<float>(bits) < alpha) below.add(bits, entry.count);
      }
    }
    break;
  }
  return std::sqrt(squares / (squares + below.added(alpha)));
}

double sparsity_at_cosine(MagnitudeTable& table, double cosine) {
  if (table.buckets().empty() || cosine >= 1.0) return share_of_zeros(table.counts());
  table.add_squares();
  const double excess = (1 - cosine) * (1 + cosine) / (cosine * cosine);
  return sparsity_at_excess(table, sum_of_squares(table), excess);
}

Allocation allocate_shared_cosine(std::span<MagnitudeTable> layers, double sparsity,
                                  const ForEach& for_each) {
  TensorCounts all;
  for (const MagnitudeTable& layer : layers) {
    all.numel += layer.counts().numel;
    all.zeros += layer.counts().zeros;
    all.infs += layer.counts().infs;
    all.nans += layer.counts().nans;
  }
  Allocation result{.sparsities = std::vector<double>(layers.size()), .reached = 0.0};
  const auto total = [&] {
    CompensatedSum zeros;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i].counts().numel == 0) continue;
      zeros.add(result.sparsities[i] * static_cast<double>(layers[i].counts().numel));
    }
    return zeros.value() / static_cast<double>(all.numel);
  };
  if (!needs_pruning(all, sparsity)) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const TensorCounts& counts = layers[i].counts();
      result.sparsities[i] = counts.numel == 0 ? 0.0 : share_of_zeros(counts);
    }
    result.reached = total();
    return result;
  }
  std::vector<double> squares(layers.size());
  for_each(layers.size(), [&](std::size_t i) {
    layers[i].add_squares();
    squares[i] = sum_of_squares(layers[i]);
  });
  const auto total_at = [&](double log_excess) {
    for_each(layers.size(), [&](std::size_t i) {
      const TensorCounts& counts = layers[i].counts();
      result.sparsities[i] = counts.numel == 0 ? 0.0
                             : layers[i].buckets().empty()
                                 ? share_of_zeros(counts)
                                 : sparsity_at_excess(layers[i], squares[i], std::exp(log_excess));
    });
    return total();
  };
  // exp(+-90) is beyond what a sparsity in double can tell from none and all.
  double low = -90.0;
  double high = 90.0;
  for (;;) {
    const double middle = 0.5 * (low + high);
    result.reached = total_at(middle);
    if (result.reached == sparsity || middle == low || middle == high) return result;
    (result.reached < sparsity ? low : high) = middle;
  }
}

Allocation allocate_as_authors(std::span<const BlockedLayer> layers, double sparsity) {
  check_target(sparsity);
  constexpr int kDeep = kDeepBlockSparsities.size();
  double numel = 0.0;
  double deep_zeros = 0.0;
  double others = 0.0;
  Allocation result{.sparsities = std::vector<double>(layers.size()), .reached = 0.0};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto size = static_cast<double>(layers[i].numel);
    const int after = layers[i].blocks_after;
    numel += size;
    if (after < 0 || after >= kDeep) {
      others += size;
      continue;
    }
    result.sparsities[i] = kDeepBlockSparsities[static_cast<std::size_t>(kDeep - 1 - after)];
    deep_zeros += size * result.sparsities[i];
  }
  const double left = sparsity * numel - deep_zeros;
  const double share = others == 0.0 ? 0.0 : std::clamp(left / others, 0.0, kMostOtherSparsity);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const int after = layers[i].blocks_after;
    if (after < 0 || after >= kDeep) result.sparsities[i] = share;
  }
  result.reached = (deep_zeros + share * others) / numel;
  return result;
}

}  // namespace gradpath
