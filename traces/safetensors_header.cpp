#include "traces/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRemedy = "write the file again, e.g. with safetensors.torch.save_file";

// An event parser instead of a document: a document keeps only the last of two equal keys, and a
// hostile header of 100 MB would cost gigabytes. The grammar is fixed, so the state is the place:
//   { NAME: { "dtype": STRING, "shape": [N...], "data_offsets": [N, N] }...,
//     "__metadata__": { KEY: STRING... } }
class HeaderParser : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderParser(std::string_view path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t /*elements*/) override {
    switch (place_) {
      case Place::start:
        place_ = Place::file;
        return true;
      case Place::file:
        if (key_ == "__metadata__") {
          place_ = Place::metadata;
        } else {
          place_ = Place::tensor;
          entry_ = HeaderEntry{};
          entry_.name = key_;
          dtype_.reset();
          has_shape_ = false;
          offsets_.reset();
        }
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    if (place_ == Place::metadata) {
      metadata_key_ = name;
      if (header_.metadata.contains(name)) {
        fail(fmt::format("__metadata__: key {} occurs twice", quote(name)), "keep one of them");
      }
      return true;
    }
    if (place_ == Place::tensor) {
      field_ = name;
      const bool repeated = (name == "dtype" && dtype_) || (name == "shape" && has_shape_) ||
                            (name == "data_offsets" && offsets_);
      if (repeated) fail_tensor(fmt::format("field {} occurs twice", quote(name)));
      if (name != "dtype" && name != "shape" && name != "data_offsets") {
        fail_tensor(fmt::format("unknown field {}; a tensor has dtype, shape and data_offsets",
                                quote(name)));
      }
      return true;
    }
    if (!names_.insert(name).second) {
      fail(fmt::format("tensor {}: the name occurs twice in the header", quote(name)),
           "give every tensor a name of its own");
    }
    if (name.find('\0') != std::string::npos) {
      fail(fmt::format("tensor {}: the name holds a NUL character", quote(name)), "rename it");
    }
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      if (!dtype_) fail_tensor("field 'dtype' is missing");
      if (!has_shape_) fail_tensor("field 'shape' is missing");
      if (!offsets_) fail_tensor("field 'data_offsets' is missing");
      entry_.dtype = *dtype_;
      entry_.begin = (*offsets_)[0];
      entry_.end = (*offsets_)[1];
      header_.entries.push_back(std::move(entry_));
      place_ = Place::file;
    } else if (place_ == Place::metadata) {
      place_ = Place::file;
    } else {
      place_ = Place::done;
    }
    return true;
  }

  bool start_array(std::size_t /*elements*/) override {
    if (place_ == Place::tensor && field_ == "shape") {
      place_ = Place::shape;
      return true;
    }
    if (place_ == Place::tensor && field_ == "data_offsets") {
      place_ = Place::offsets;
      numbers_.clear();
      return true;
    }
    return unexpected("an array");
  }

  bool end_array() override {
    if (place_ == Place::shape) {
      has_shape_ = true;
    } else {
      if (numbers_.size() != 2) {
        fail_tensor(
            fmt::format("data_offsets has {} numbers, expected [begin, end]", numbers_.size()));
      }
      offsets_ = {numbers_[0], numbers_[1]};
    }
    place_ = Place::tensor;
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(metadata_key_, text);
      return true;
    }
    if (place_ == Place::tensor && field_ == "dtype") {
      dtype_ = find_dtype(text);
      if (!dtype_) {
        fail_tensor(fmt::format("dtype {} is unknown; known are {}", quote(text), dtype_names()));
      }
      return true;
    }
    return unexpected(fmt::format("the string {}", quote(text)));
  }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ == Place::shape) {
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail_tensor(fmt::format("shape has the dimension {}, which is above 2^63 - 1", number));
      }
      entry_.shape.push_back(static_cast<std::int64_t>(number));
      return true;
    }
    if (place_ == Place::offsets) {
      // Two are right; a third is kept to be counted, more would only cost memory.
      if (numbers_.size() > 2) fail_tensor("data_offsets has more than two numbers");
      numbers_.push_back(number);
      return true;
    }
    return unexpected(fmt::format("the number {}", number));
  }

  // Negative numbers only: the parser reports the others as unsigned.
  bool number_integer(number_integer_t number) override {
    return unexpected(fmt::format("the number {}", number));
  }
  // With a fraction or exponent, or beyond 64 bits.
  bool number_float(number_float_t /*number*/, const string_t& text) override {
    return unexpected(fmt::format("the number {}", quote(text)));
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool binary(binary_t& /*value*/) override { return unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    fail_syntax(position);
  }

  /// position: from 1.
  [[noreturn]] void fail_syntax(std::size_t position) const {
    fail(fmt::format("the header is not valid UTF-8 JSON at byte {} of it", position), kRemedy);
  }

 private:
  enum class Place { start, file, metadata, tensor, shape, offsets, done };

  [[noreturn]] void fail(const std::string& what, std::string_view remedy) const {
    throw UserError(fmt::format("{}: {}; {}", path_, what, remedy));
  }
  [[noreturn]] void fail_tensor(const std::string& what) const {
    fail(fmt::format("tensor {}: {}", quote(key_), what), kRemedy);
  }

  bool unexpected(const std::string& found) const {
    switch (place_) {
      case Place::start:
      case Place::done:
        fail(fmt::format("the header is {}, expected an object", found), kRemedy);
      case Place::file:
        if (key_ == "__metadata__") {
          fail(fmt::format("__metadata__ is {}, expected an object of strings", found), kRemedy);
        }
        fail_tensor(fmt::format("the entry is {}, expected an object", found));
      case Place::metadata:
        fail(fmt::format("__metadata__: {} is {}, expected a string", quote(metadata_key_), found),
             "store it as a string");
      case Place::tensor:
        fail_tensor(fmt::format("{} is {}, expected {}", field_, found,
                                field_ == "dtype" ? "a string" : "an array of integers"));
      case Place::shape:
      case Place::offsets:
        break;
    }
    fail_tensor(fmt::format("{} holds {}, expected integers >= 0", field_, found));
  }

  std::string_view path_;
  SafetensorsHeader header_;
  Place place_ = Place::start;
  std::unordered_set<std::string> names_;
  std::string key_;
  std::string metadata_key_;
  std::string field_;
  HeaderEntry entry_;
  std::optional<DType> dtype_;
  bool has_shape_ = false;
  std::optional<std::array<std::uint64_t, 2>> offsets_;
  std::vector<std::uint64_t> numbers_;
};

[[noreturn]] void fail_entry(std::string_view path, const HeaderEntry& entry,
                             const std::string& what) {
  throw UserError(fmt::format("{}: tensor {}: {}; {}", path, quote(entry.name), what, kRemedy));
}

void check_size(std::string_view path, const HeaderEntry& entry, std::uint64_t data_size) {
  if (entry.begin > entry.end) {
    fail_entry(path, entry,
               fmt::format("data_offsets begin at {}, after their end {}", entry.begin, entry.end));
  }
  if (entry.end > data_size) {
    fail_entry(path, entry,
               fmt::format("data_offsets end at byte {}, but the file has only {} bytes of data "
                           "(truncated?)",
                           entry.end, data_size));
  }
  // Whoever multiplies some of the dimensions relies on it, whatever the others are: a zero among
  // them must not hide that the rest is too large.
  auto bytes = static_cast<std::int64_t>(dtype_size(entry.dtype));
  bool is_empty = false;
  for (const std::int64_t dimension : entry.shape) {
    is_empty |= dimension == 0;
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(dimension, 1), &bytes)) {
      fail_entry(path, entry,
                 fmt::format("shape {} of {} exceeds 2^63 bytes", shape_text(entry.shape),
                             dtype_name(entry.dtype)));
    }
  }
  if (is_empty) bytes = 0;
  if (static_cast<std::uint64_t>(bytes) != entry.end - entry.begin) {
    fail_entry(path, entry,
               fmt::format("data_offsets [{}, {}] hold {} bytes, but shape {} of {} needs {}",
                           entry.begin, entry.end, entry.end - entry.begin, shape_text(entry.shape),
                           dtype_name(entry.dtype), bytes));
  }
}

// The format demands that the data be "fully indexed", so bytes that belong to no tensor, or to
// two, betray a damaged or forged file.
void check_coverage(std::string_view path, const std::vector<HeaderEntry>& entries,
                    std::uint64_t data_size) {
  std::uint64_t position = 0;
  for (const HeaderEntry& entry : entries) {
    if (entry.begin != position) {
      fail_entry(path, entry,
                 fmt::format("data_offsets begin at {}, expected {}: {}", entry.begin, position,
                             entry.begin < position ? "overlaps another tensor"
                                                    : "a gap belongs to no tensor"));
    }
    position = entry.end;
  }
  if (position != data_size) {
    throw UserError(fmt::format(
        "{}: the tensors end at byte {} of the data, but the file has {} bytes of data; {}", path,
        position, data_size, kRemedy));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view path, std::string_view json,
                                           std::uint64_t data_size) {
  HeaderParser parser(path);
  // The library takes a NUL for the end of the text and would not look at what follows.
  if (const std::size_t nul = json.find('\0'); nul != std::string_view::npos) {
    parser.fail_syntax(nul + 1);
  }
  Json::sax_parse(json, &parser);
  SafetensorsHeader header = parser.take();
  for (const HeaderEntry& entry : header.entries) check_size(path, entry, data_size);
  std::ranges::stable_sort(header.entries, {}, [](const HeaderEntry& entry) {
    return std::tuple(entry.begin, entry.end);
  });
  check_coverage(path, header.entries, data_size);
  return header;
}

}  // namespace gradpath
