#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/format/codec.hpp"
#include "models/round/random.hpp"
#include "models/schemes/statistics.hpp"

namespace gradpath {

/// What a scheme knows once it is prepared on a tensor.
struct SchemeInfo {
  enum class Codes : std::uint8_t {
    integers,  ///< two's complement; the value is code / scale
    book,      ///< place in `book`, which ascends
    format,    ///< code of a float format
  };
  Codes codes = Codes::book;
  int bits = 8;                  ///< an element's code has
  std::int32_t first_code = 0;   ///< smallest code
  std::vector<float> book = {};  ///< value of code first_code + i
  float scale = 1.0f;            ///< read where `codes` are integers
  double lowest = 0;             ///< finite elements outside [lowest, highest] are clipped
  double highest = 0;
};

/// A scheme and a tensor's statistics: maps that tensor's elements, in any pieces.
class PreparedScheme {
 public:
  explicit PreparedScheme(SchemeInfo info) : info_(std::move(info)) {}
  PreparedScheme(const PreparedScheme&) = delete;
  PreparedScheme& operator=(const PreparedScheme&) = delete;
  virtual ~PreparedScheme() = default;

  [[nodiscard]] const SchemeInfo& info() const { return info_; }

  /// Element i uses random.word(first_index + i). std::invalid_argument if sizes differ; UserError
  /// on a NaN without a code, naming the element first_index + i. in and out of to_values may be
  /// the same memory.
  virtual void to_codes(std::span<const float> in, std::span<std::int32_t> out,
                        CounterRandom random, std::uint64_t first_index) const = 0;
  /// What `decode` makes of `to_codes`.
  virtual void to_values(std::span<const float> in, std::span<float> out, CounterRandom random,
                         std::uint64_t first_index) const = 0;
  /// The values of codes that to_codes gave.
  virtual void decode(std::span<const std::int32_t> codes, std::span<float> out) const = 0;

 private:
  SchemeInfo info_;
};

/// What a scheme is told beside the statistics.
struct SchemeContext {
  std::string_view tensor;  ///< name: schemes with a format per pass read it
  CastOptions cast = {};    ///< `nan` for all; the rest for schemes that are float formats
};

/// Reads a whole text file; UserError if it cannot.
using ReadText = std::function<std::string(const std::string& path)>;

/// A quantizer of the literature with its parameters.
class Scheme {
 public:
  Scheme() = default;
  Scheme(const Scheme&) = delete;
  Scheme& operator=(const Scheme&) = delete;
  virtual ~Scheme() = default;

  /// The full specification, which parse_scheme reads back.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Whether prepare() reads SchemeStatistics::deviations, which cost a second pass.
  [[nodiscard]] virtual bool needs_deviations() const { return false; }
  /// Whether SchemeContext::cast's rounding, overflow and flush mean something to it.
  [[nodiscard]] virtual bool has_cast_options() const { return false; }
  /// Reads the file that the specification names, if it names one. Once, before prepare().
  virtual void load(const ReadText& /*read*/) {}
  [[nodiscard]] virtual std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const = 0;
};

}  // namespace gradpath
