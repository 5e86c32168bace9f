#include "models/profile/block_profile.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "models/format/fp32.hpp"
#include "models/scale/scale_rule.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kFlush = std::size_t{1} << 20;

// floor(log2) of a finite magnitude's bits.
int class_of(std::uint32_t bits) {
  if (bits == 0) return BlockProfile::kZeroBlocks;
  const int field = static_cast<int>(bits >> 23);
  return field > 0 ? field - 127 : static_cast<int>(std::bit_width(bits)) - 150;
}

}  // namespace

BlockProfile::BlockProfile(std::map<int, Profile> classes) : classes_(std::move(classes)) {
  for (const auto& [exponent, profile] : classes_) {
    if (exponent < kZeroBlocks || exponent > kMaxClass || profile.numel() == 0) {
      throw std::invalid_argument("a class of blocks is empty or out of range");
    }
    if (class_of(profile.abs_max_bits()) != exponent) {
      throw std::invalid_argument("the largest magnitude is not of the class of its blocks");
    }
  }
}

Profile BlockProfile::whole() const {
  Profile all;
  for (const auto& [exponent, profile] : classes_) all.merge(profile);
  return all;
}

void BlockProfile::merge(const BlockProfile& other) {
  for (const auto& [exponent, profile] : other.classes_) classes_[exponent].merge(profile);
}

BlockProfileBuilder::BlockProfileBuilder()
    : waiting_(BlockProfile::kMaxClass - BlockProfile::kZeroBlocks + 1) {}

void BlockProfileBuilder::add(std::span<const float> values, const BlockLayout& layout,
                              GroupRange groups) {
  const std::uint64_t begin = layout.group_begin(groups.first);
  const std::uint64_t inner = layout.inner;
  amax_.resize(inner);
  for (std::uint64_t g = groups.first; g < groups.first + groups.count; ++g) {
    const std::uint64_t at = layout.group_begin(g) - begin;
    const auto group = values.subspan(at, layout.group_begin(g + 1) - begin - at);
    std::ranges::fill(amax_, 0u);
    for (std::size_t row = 0; row < group.size(); row += inner) {
      for (std::size_t i = 0; i < inner; ++i) {
        const std::uint32_t bits = fp32::magnitude(group[row + i]);
        amax_[i] = std::max(amax_[i], bits < fp32::kInfinity ? bits : 0u);
      }
    }
    for (std::size_t i = 0; i < inner; ++i) {
      auto& list =
          waiting_[static_cast<std::size_t>(class_of(amax_[i]) - BlockProfile::kZeroBlocks)];
      for (std::size_t e = i; e < group.size(); e += inner) list.push_back(group[e]);
    }
    pending_ += group.size();
    if (pending_ >= kFlush) flush();
  }
}

void BlockProfileBuilder::flush() {
  for (std::size_t c = 0; c < waiting_.size(); ++c) {
    if (waiting_[c].empty()) continue;
    builder_.add(waiting_[c]);
    classes_[static_cast<int>(c) + BlockProfile::kZeroBlocks].merge(builder_.take());
    waiting_[c].clear();
  }
  pending_ = 0;
}

BlockProfile BlockProfileBuilder::take() {
  flush();
  return BlockProfile(std::exchange(classes_, {}));
}

BlockProfileTable::BlockProfileTable(const BlockProfile& profile) {
  for (const auto& [exponent, part] : profile.classes()) classes_.emplace(exponent, part);
}

ProfileTable::MeasuredAnswer BlockProfileTable::measure(const Format& format,
                                                        const CastOptions& options) const {
  const SharedExponent shared(format, ScaleRule::floor);
  CastOptions saturating = options;
  saturating.overflow = Overflow::saturate;  // finite elements do, whatever the overflow rule
  CastSums sums;
  for (const auto& [exponent, table] : classes_) {
    const float amax = exponent == BlockProfile::kZeroBlocks ? 0.0f : std::ldexp(1.0f, exponent);
    const int scale_exponent =
        SharedExponent::kBias - int{shared.code(std::bit_cast<std::uint32_t>(amax))};
    const auto answer = table.sums(format, saturating, scale_exponent);
    if (!answer.refusal.empty()) return {{}, answer.refusal};
    sums.add(answer.sums);
  }
  return {measures_of(sums), {}};
}

}  // namespace gradpath
