#include "models/schemes/code_book.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/schemes/kernel.hpp"
#include "models/schemes/schemes.hpp"

namespace gradpath::schemes {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The smallest fp32 that goes to `above`, the entry at an even place or not, rather than to
// `below`.
float first_up(float below, float above, bool above_is_even) {
  // below + above = sum + lost exactly (Knuth's two-sum): their halves are the middle.
  const double a = double{below};
  const double b = double{above};
  const double sum = a + b;
  const double b_seen = sum - a;
  const double lost = (a - (sum - b_seen)) + (b - b_seen);
  const double middle = 0.5 * sum;
  const auto nearest = static_cast<float>(middle);
  const bool is_middle = double{nearest} == middle && lost == 0.0;
  if (is_middle) return above_is_even ? nearest : std::nextafter(nearest, kInfinity);
  const bool is_above = double{nearest} > middle || (double{nearest} == middle && lost < 0.0);
  return is_above ? nearest : std::nextafter(nearest, kInfinity);
}

struct NearestKernel {
  static constexpr bool kUsesWords = false;

  NearestEntry nearest;
  std::vector<float> values;

  [[nodiscard]] std::int32_t code(float x, std::uint32_t /*word*/) const {
    return nearest.place(x);
  }
  [[nodiscard]] float value(std::int32_t code) const {
    return values[static_cast<std::size_t>(code)];
  }
};

// The values of a file, as they are or stretched so that the largest magnitude meets the tensor's.
class CodeBook final : public Scheme {
 public:
  CodeBook(std::string path, bool is_scaled) : path_(std::move(path)), is_scaled_(is_scaled) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("codebook:{}{}", is_scaled_ ? "amax:" : "", path_);
  }
  void load(const ReadText& read) override { entries_ = parse_code_book(read(path_), path_); }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    std::vector<float> entries = entries_;
    const double largest =
        std::max(std::abs(double{entries.front()}), std::abs(double{entries.back()}));
    if (is_scaled_ && statistics.amax() > 0) {
      for (float& entry : entries) {
        entry = static_cast<float>(double{entry} * statistics.amax() / largest);
      }
    }
    return make_nearest(std::move(entries), bits_for(entries_.size()), context);
  }

 private:
  std::string path_;
  bool is_scaled_;
  std::vector<float> entries_;
};

// A book of the same values with +0 for -0: one zero.
float without_negative_zero(float x) { return x == 0.0f ? 0.0f : x; }

}  // namespace

NearestEntry::NearestEntry(std::span<const float> entries)
    : half_(std::bit_ceil(entries.size()) / 2) {
  thresholds_.assign(std::bit_ceil(entries.size()) - 1, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    const float first = first_up(entries[i], entries[i + 1], (i + 1) % 2 == 0);
    // Equal entries would break the order by one fp32 step; which of them is taken is no matter.
    thresholds_[i] = i == 0 ? first : std::max(first, thresholds_[i - 1]);
  }
}

std::unique_ptr<PreparedScheme> make_nearest(std::vector<float> ascending, int bits,
                                             const SchemeContext& context) {
  const SchemeInfo info{
      .bits = bits, .lowest = double{ascending.front()}, .highest = double{ascending.back()}};
  const std::size_t count = ascending.size();
  NearestEntry nearest(ascending);
  return make_kernel_scheme(
      NearestKernel{.nearest = std::move(nearest), .values = std::move(ascending)}, info, count,
      context);
}

int bits_for(std::size_t count) { return std::max(1, static_cast<int>(std::bit_width(count - 1))); }

std::vector<float> parse_code_book(std::string_view text, std::string_view path) {
  const auto fail = [&](std::size_t line, std::string_view reason) {
    throw UserError(
        fmt::format("{}: line {}: {}; a code book is a text file of 2 to {} different "
                    "finite fp32 numbers",
                    path, line, reason, kMaxBookEntries));
  };
  constexpr std::string_view kApart = " \t\r,";
  std::vector<float> entries;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    std::string_view line = whole.substr(0, whole.find('#'));
    while (true) {
      line.remove_prefix(std::min(line.size(), line.find_first_not_of(kApart)));
      if (line.empty()) break;
      const std::string_view word = line.substr(0, line.find_first_of(kApart));
      line.remove_prefix(word.size());
      const bool has_plus = word.starts_with('+') && !word.starts_with("+-");
      const std::string_view digits = has_plus ? word.substr(1) : word;
      float value = 0;
      const auto* end = digits.data() + digits.size();
      const auto [stop, failure] = std::from_chars(digits.data(), end, value);
      if (failure != std::errc() || stop != end || !std::isfinite(value)) {
        fail(line_number, fmt::format("'{}' is not a finite fp32 number", word));
      }
      if (entries.size() == kMaxBookEntries) fail(line_number, "too many numbers");
      entries.push_back(without_negative_zero(value));
    }
  }
  std::ranges::sort(entries);
  if (const auto twice = std::ranges::adjacent_find(entries); twice != entries.end()) {
    throw UserError(fmt::format(
        "{}: {} is there twice (as fp32); a code book has different numbers", path, *twice));
  }
  if (entries.size() < 2) {
    throw UserError(fmt::format("{}: {} number{} found; a code book has 2 to {}", path,
                                entries.size(), entries.size() == 1 ? "" : "s", kMaxBookEntries));
  }
  return entries;
}

std::unique_ptr<Scheme> make_code_book(const Parameters& p) {
  return std::make_unique<CodeBook>(std::string(p.text(1)), p.has(0));
}

}  // namespace gradpath::schemes
