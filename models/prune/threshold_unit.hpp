#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gradpath {

// The hardware's units that choose the next step's threshold, bit for bit (docs/numerics.md,
// "Threshold units"; rtl/threshold_histogram.sv, rtl/threshold_log.sv). A target is the fraction of
// zeros in 65536ths. An answer is an fp32 bit pattern: a magnitude, 0 where the zeros there are
// reach the target.

/// Counts magnitudes by exponent and up to two mantissa bits, and solves for the threshold at which
/// the expected zeros are the target, values being taken as uniform inside their bucket.
class HistogramThreshold {
 public:
  struct Config {
    int mantissa_bits = 1;  ///< 0..2: 2^mantissa_bits buckets a binade
    int first_field = 80;   ///< fp32 exponent field of the lowest binade counted, >= 1
    int binades = 64;       ///< first_field + binades <= 254
  };
  static constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 28;

  /// std::invalid_argument if the configuration is outside the ranges above.
  explicit HistogramThreshold(const Config& config);

  /// std::length_error above kMaxElements in all.
  void add(std::span<const float> values);
  /// The threshold for what was added, as fp32 bits.
  [[nodiscard]] std::uint32_t solve(std::uint16_t target) const;
  /// The same for a number of zeros, in 65536ths of an element, below 65536 times the elements:
  /// what the hardware sums, which takes a target with each beat.
  [[nodiscard]] std::uint32_t solve_zeros(std::uint64_t wanted) const;
  void clear();

 private:
  [[nodiscard]] std::uint32_t bisect(std::size_t bucket, std::int64_t surplus,
                                     std::int64_t sum) const;

  Config config_;
  std::uint64_t elements_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint64_t below_ = 0;  ///< nonzero, under the first binade
  std::vector<std::uint32_t> counts_;
};

/// Sums log2|x| and its square over the normal finite nonzeros and takes the threshold of the
/// lognormal law of that mean and variance (arXiv 2006.08173) from a table.
class LogThreshold {
 public:
  static constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 28;

  // What is rounded to integers once and for all, so that no C library has a say in it.
  /// 256 log2(1 + (i + 1/2) / 64) and 1024 (2^((4 i + 3/2) / 256) - 1).
  static const std::array<int, 64> kLog2Table;
  static const std::array<int, 64> kExp2Table;
  /// 256 log2(threshold / median) where 2^(-t/2) are kept (2^(-1/32) in row 0) and log2|x| has the
  /// variance 2^(w/2 - 4).
  static const std::array<std::array<int, 25>, 13> kThresholdTable;

  /// std::length_error above kMaxElements in all.
  void add(std::span<const float> values);
  [[nodiscard]] std::uint32_t solve(std::uint16_t target) const;
  /// As HistogramThreshold::solve_zeros.
  [[nodiscard]] std::uint32_t solve_zeros(std::uint64_t wanted) const;
  void clear();

 private:
  __extension__ using Wide = unsigned __int128;
  [[nodiscard]] static int log2_of(Wide value);

  std::uint64_t elements_ = 0;
  std::uint64_t count_ = 0;       ///< normal finite nonzeros
  std::uint64_t sum_ = 0;         ///< of log2|x| + 127 in 32nds
  std::uint64_t square_sum_ = 0;  ///< of its square
};

}  // namespace gradpath
