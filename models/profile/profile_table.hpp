#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/format/codec.hpp"
#include "models/format/format.hpp"
#include "models/profile/cast_measures.hpp"
#include "models/profile/profile.hpp"

namespace gradpath {

/// A profile prepared for questions: running sums over the buckets of each sign and binade. Made
/// once a tensor, asked thousands of times; an answer takes a few microseconds.
class ProfileTable {
 public:
  /// Elements of one sign in one binade that the sums hold; above it every question is refused.
  static constexpr std::uint64_t kMostInABinade = std::uint64_t{1} << 36;

  explicit ProfileTable(const Profile& profile);

  /// An answer, or why the profile has none (`refusal` is not empty then): the buckets are too
  /// coarse for the format, or fp32 rounds where this does not.
  struct MeasuredAnswer {
    CastMeasures measures;
    std::string_view refusal = {};
  };
  struct Answer {
    CastSums sums;  ///< to be added to those of other tensors, e.g. other classes of blocks
    std::string_view refusal = {};
  };

  /// The measures of casting the tensor with the scale 2^scale_exponent, equal to brute force:
  /// counts exactly, mse, cosine and bias to 1e-12, mean relative error to 1e-7
  /// (docs/profile.md, "Exactness"). `sr` and `sru` give expectations over the random words.
  /// options.nan has no effect: NaNs are excluded.
  [[nodiscard]] MeasuredAnswer measure(const Format& format, const CastOptions& options,
                                       int scale_exponent) const;
  /// The sums that the measures are made of.
  [[nodiscard]] Answer sums(const Format& format, const CastOptions& options,
                            int scale_exponent) const;

  /// Mean and standard deviation of ln|x| over finite nonzeros, to 1e-8; NaN if there are none.
  struct LogMoments {
    double mu_ln;
    double sigma_ln;
  };
  [[nodiscard]] LogMoments log_moments() const;
  /// Mean of log2|x| over finite nonzeros, exact where all are powers of two; 0 if there are none.
  [[nodiscard]] double mean_log2() const { return mean_log2_; }
  /// The scale policy's estimate, exp(mu + sigma sqrt(2 ln n)); NaN if there is no finite nonzero.
  [[nodiscard]] double expected_max() const;

 private:
  /// Sums over the buckets of a binade before a given one, in units of 2^-16 bucket.
  struct Sums {
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    Uint128 squares = 0;
    double reciprocals = 0;
  };
  /// A run of buckets with one sign inside one binade. Bucket b covers magnitudes from b to b + 1
  /// times 2^bucket_exponent.
  struct Binade {
    bool negative = false;
    int exponent = 0;         ///< of its values: all are in [2^exponent, 2^(exponent + 1))
    int bucket_exponent = 0;  ///< exponent - 7, or -133 for fp32's subnormals
    int first = 0;            ///< buckets [first, last)
    int last = 0;
    bool has_interior = false;        ///< some element is not on its bucket's lower edge
    bool is_coarse = false;           ///< buckets too wide for 1 / |x| (subnormals below 2^-127)
    std::vector<Sums> before;         ///< last - first + 1
    std::vector<std::uint64_t> ties;  ///< last - first

    [[nodiscard]] Sums between(int from, int to) const;
    [[nodiscard]] Sums tie(int bucket) const;
  };
  class Evaluation;

  std::vector<Binade> binades_;
  bool has_too_many_ = false;
  std::uint64_t numel_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint64_t infs_ = 0;
  std::uint64_t nonzeros_ = 0;
  double abs_min_ = 0;
  double abs_max_ = 0;
  LogMoments log_moments_ = {};
  double mean_log2_ = 0;
};

}  // namespace gradpath
