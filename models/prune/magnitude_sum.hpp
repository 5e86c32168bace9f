#pragma once

#include <cstdint>

namespace gradpath {

/// Sum of fp32 magnitudes that depends on the multiset of them alone: exact integers inside a
/// binade, the binades joined in ascending order in twice double's precision. Whoever adds the same
/// magnitudes, one by one or by the bucket, gets the same bits.
class MagnitudeSum {
 public:
  /// Adds elements of one binade. field: their exponent field, not below that of earlier calls.
  /// significands: sum of their 24-bit significands (implicit bit set where field > 0), each worth
  /// 2^(max(field, 1) - 150). Fewer than 2^40 elements in all.
  void add(std::uint32_t field, std::uint64_t significands) {
    if (field != field_) close();
    field_ = field;
    open_ += significands;
  }

  /// Relative error about 2^-53.
  [[nodiscard]] double value() const;
  /// count * x - value(), without the cancellation of the two: what `count` elements whose sum this
  /// is lack to being x each. count below 2^53.
  [[nodiscard]] double shortfall(std::uint64_t count, double x) const;

 private:
  void close();

  std::uint32_t field_ = 0;
  std::uint64_t open_ = 0;  ///< significands of the binade field_
  double high_ = 0.0;
  double low_ = 0.0;
};

}  // namespace gradpath
