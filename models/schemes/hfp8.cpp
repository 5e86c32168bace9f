#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/schemes/kernel.hpp"
#include "models/schemes/schemes.hpp"

namespace gradpath::schemes {
namespace {

// A cast to an 8-bit float format, as a scheme.
class FormatScheme final : public PreparedScheme {
 public:
  FormatScheme(const Format& format, const CastOptions& options)
      : PreparedScheme(describe(format)), quantizer_(format, options) {}

  void to_codes(std::span<const float> in, std::span<std::int32_t> out, CounterRandom random,
                std::uint64_t first_index) const override {
    if (in.size() != out.size()) throw std::invalid_argument("scheme: sizes differ");
    std::array<std::uint8_t, kBlock> codes;
    for (std::size_t at = 0; at < in.size(); at += kBlock) {
      const std::size_t n = std::min(kBlock, in.size() - at);
      quantizer_.to_codes(in.subspan(at, n), std::span(codes).first(n), 1.0f, random,
                          first_index + at);
      std::copy_n(codes.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  void to_values(std::span<const float> in, std::span<float> out, CounterRandom random,
                 std::uint64_t first_index) const override {
    quantizer_.to_values(in, out, 1.0f, random, first_index);
  }
  void decode(std::span<const std::int32_t> codes, std::span<float> out) const override {
    if (codes.size() != out.size()) throw std::invalid_argument("decode: sizes differ");
    for (std::size_t i = 0; i < codes.size(); ++i) {
      out[i] = quantizer_.value(static_cast<Code>(codes[i]));
    }
  }

 private:
  static SchemeInfo describe(const Format& format) {
    SchemeInfo info{.codes = SchemeInfo::Codes::format,
                    .bits = format.bits(),
                    .lowest = -max_finite(format),
                    .highest = max_finite(format)};
    for (Code code = 0; code < format.code_count(); ++code) {
      info.book.push_back(static_cast<float>(decode_code(format, code)));
    }
    return info;
  }
  static double decode_code(const Format& format, Code code) {
    return gradpath::decode(format, code);
  }

  Quantizer quantizer_;
};

// HFP8: weights and activations in 1-4-3 with bias 11, gradients in 1-5-2.
class Hfp8 final : public Scheme {
 public:
  /// pass: forward, backward, or empty: chosen by the tensor's name.
  explicit Hfp8(std::string_view pass) : pass_(pass) {}

  [[nodiscard]] std::string name() const override {
    return pass_.empty() ? "hfp8" : fmt::format("hfp8:{}", pass_);
  }
  [[nodiscard]] bool has_cast_options() const override { return true; }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& /*statistics*/, const SchemeContext& context) const override {
    const Format format = parse_format(is_forward(context.tensor) ? "e4m3b11" : "e5m2");
    return std::make_unique<FormatScheme>(format, context.cast);
  }

 private:
  [[nodiscard]] bool is_forward(std::string_view tensor) const {
    if (!pass_.empty()) return pass_ == "forward";
    const std::string_view kind = tensor.substr(tensor.find_last_of('/') + 1);  // npos + 1 is 0
    if (kind == "input" || kind == "weight") return true;
    if (kind == "grad_output") return false;
    throw UserError(fmt::format(
        "hfp8 has a format per pass, which the name does not tell; expected a name that "
        "ends in grad_output, input or weight, or `scheme` hfp8:forward or "
        "hfp8:backward; found '{}'",
        tensor));
  }

  std::string pass_;
};

}  // namespace

std::unique_ptr<Scheme> make_hfp8(const Parameters& p) { return std::make_unique<Hfp8>(p.text(0)); }

}  // namespace gradpath::schemes
