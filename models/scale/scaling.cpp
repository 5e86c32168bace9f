#include "models/scale/scaling.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::uint64_t kMaxBlock = std::uint64_t{1} << 40;
constexpr std::uint64_t kNvfp4Block = 16;

// The parameters after the name, each named in errors.
class Parameters {
 public:
  explicit Parameters(std::string_view text) : text_(text) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t colon = std::min(text.find(':', begin), text.size());
      parts_.push_back(text.substr(begin, colon - begin));
      begin = colon + 1;
    }
  }

  [[nodiscard]] std::string_view name() const { return parts_.front(); }
  [[nodiscard]] bool has(std::size_t i) const { return i < parts_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const { return parts_[i]; }

  void at_most(std::size_t count, std::string_view form) const {
    if (parts_.size() > count + 1) fail(fmt::format("has too many parts; expected {}", form));
  }
  [[nodiscard]] std::uint64_t integer(std::size_t i, std::string_view what, std::uint64_t least,
                                      std::uint64_t most, std::uint64_t absent) const {
    if (!has(i)) return absent;
    std::uint64_t value = 0;
    const char* end = parts_[i].data() + parts_[i].size();
    const auto [stop, failure] = std::from_chars(parts_[i].data(), end, value);
    if (failure != std::errc() || stop != end || value < least || value > most) {
      fail(fmt::format("has '{}' as {}; expected an integer from {} to {}", parts_[i], what, least,
                       most));
    }
    return value;
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw UserError(fmt::format("scale '{}' {}", text_, what));
  }

 private:
  std::string_view text_;
  std::vector<std::string_view> parts_;
};

Scaling parse_mx(const Parameters& p) {
  p.at_most(2, "mx[:BLOCK[:RULE]]");
  BlockScaling scaling{.block = p.integer(1, "block size", 1, kMaxBlock, 32)};
  if (p.has(2)) scaling.rule = parse_scale_rule(p[2]);
  return scaling;
}

Scaling parse_nvfp4(const Parameters& p) {
  p.at_most(1, "nvfp4[:BLOCK]");
  return BlockScaling{.kind = BlockScaling::Kind::nvfp4,
                      .block = p.integer(1, "block size", 1, kMaxBlock, kNvfp4Block)};
}

Scaling parse_delayed(const Parameters& p) {
  p.at_most(2, "delayed[:H[:MARGIN]]");
  const DelayedScaling standard;
  return DelayedScaling{
      .history = static_cast<unsigned>(p.integer(1, "history", 1, 1u << 20, standard.history)),
      .margin = static_cast<int>(p.integer(2, "margin", 0, 64, 0))};
}

Scaling parse_shift_squeeze(const Parameters& p) {
  p.at_most(0, "s2fp8");
  return ShiftSqueezeScaling{};
}

Scaling parse_mean_log(const Parameters& p) {
  p.at_most(0, "mean-log");
  return MeanLogScaling{};
}

Scaling parse_loss_scaling(const Parameters& p) {
  p.at_most(2, "loss-scaling[:START[:INTERVAL]]");
  LossScaling scaling;
  if (p.has(1)) {
    const char* end = p[1].data() + p[1].size();
    const auto [stop, failure] = std::from_chars(p[1].data(), end, scaling.start);
    int exponent = 0;
    if (failure != std::errc() || stop != end || !std::isnormal(scaling.start) ||
        std::frexp(scaling.start, &exponent) != 0.5f) {
      p.fail(fmt::format("has '{}' as start; expected a power of two, e.g. 32768", p[1]));
    }
  }
  scaling.interval = static_cast<unsigned>(p.integer(2, "interval", 1, 1u << 30, scaling.interval));
  return scaling;
}

// One more scaling with parameters is one more row.
struct Row {
  std::string_view name;
  Scaling (*parse)(const Parameters&);
};
constexpr std::array<Row, 6> kRows = {{
    {"mean-log", parse_mean_log},
    {"mx", parse_mx},
    {"nvfp4", parse_nvfp4},
    {"delayed", parse_delayed},
    {"s2fp8", parse_shift_squeeze},
    {"loss-scaling", parse_loss_scaling},
}};

std::string name_of(const ScalePolicy& scaling) { return scale_name(scaling); }
std::string name_of(const MeanLogScaling& /*scaling*/) { return "mean-log"; }
std::string name_of(const DelayedScaling& scaling) {
  return fmt::format("delayed:{}:{}", scaling.history, scaling.margin);
}
std::string name_of(const LossScaling& scaling) {
  return fmt::format("loss-scaling:{}:{}", scaling.start, scaling.interval);
}
std::string name_of(const ShiftSqueezeScaling& /*scaling*/) { return "s2fp8"; }
std::string name_of(const BlockScaling& scaling) {
  if (scaling.kind == BlockScaling::Kind::nvfp4) return fmt::format("nvfp4:{}", scaling.block);
  return fmt::format("mx:{}:{}", scaling.block, scale_rule_name(scaling.rule));
}

}  // namespace

Scaling parse_scaling(std::string_view text) {
  const Parameters parameters(text);
  for (const auto& [name, parse] : kRows) {
    if (parameters.name() == name) return parse(parameters);
  }
  try {
    return parse_scale(text);
  } catch (const UserError& error) {
    throw UserError(fmt::format(
        "{}, mean-log, mx[:BLOCK[:RULE]], nvfp4[:BLOCK], delayed[:H[:MARGIN]], s2fp8 or "
        "loss-scaling[:START[:INTERVAL]]",
        error.what()));
  }
}

std::string scaling_name(const Scaling& scaling) {
  return std::visit([](const auto& one) { return name_of(one); }, scaling);
}

}  // namespace gradpath
