#include "traces/layer_geometry.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "models/error.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

using Json = nlohmann::json;

// Large enough for any network, small enough that products of two never overflow 64 bits.
constexpr std::int64_t kLargest = std::int64_t{1} << 30;
constexpr std::array<std::string_view, 3> kOpNames = {"conv2d", "linear", "conv_transpose2d"};
// Deeper than any exporter nests its extra keys.
constexpr int kDeepest = 16;

class LayersReader {
 public:
  explicit LayersReader(std::string_view path) : path_(path) {}

  std::vector<NamedGeometry> read(std::string_view text) {
    const Json document = parse(text);
    if (!document.is_object()) {
      fail_layers(
          fmt::format("is {}, expected a JSON object, layer to geometry", document.type_name()));
    }
    std::vector<NamedGeometry> result;
    for (const std::string& layer : order_) {
      layer_ = layer;
      result.push_back({layer, read_layer(document.at(layer))});
    }
    return result;
  }

 private:
  // A document keeps one of two equal keys and sorts them; both matter here.
  Json parse(std::string_view text) {
    std::vector<std::unordered_set<std::string>> keys;
    std::string key;  // the last
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      using Event = Json::parse_event_t;
      if (depth > kDeepest) fail_layers(fmt::format("nests deeper than {} levels", kDeepest));
      if (event == Event::object_start) keys.emplace_back();
      if (event == Event::object_end) keys.pop_back();
      if (event == Event::key) {
        key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          fail_layers(fmt::format("has the key {} twice", quote(key)));
        }
        if (depth == 1) order_.push_back(key);
      }
      return true;
    };
    // The library takes a NUL for the end of the text.
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
      fail_layers(fmt::format("is not valid JSON at byte {}", nul + 1));
    }
    try {
      return Json::parse(text, watch);
    } catch (const Json::parse_error& error) {
      fail_layers(fmt::format("is not valid JSON at byte {}", error.byte));
    } catch (const Json::out_of_range&) {
      if (order_.empty()) fail_layers("is a number that no double holds");
      layer_ = order_.back();
      fail(fmt::format("has a number that no double holds in {}, expected an integer up to 2^30",
                       quote(key)));
    }
  }

  LayerGeometry read_layer(const Json& entry) const {
    if (!entry.is_object()) fail(fmt::format("is {}, expected an object", entry.type_name()));
    LayerGeometry geometry;
    geometry.op = read_op(entry);
    if (geometry.op == LayerGeometry::Op::linear) return geometry;
    geometry.stride = read_pair(entry, "stride", 1, geometry.stride);
    geometry.padding = read_pair(entry, "padding", 0, geometry.padding);
    geometry.dilation = read_pair(entry, "dilation", 1, geometry.dilation);
    if (entry.contains("groups")) geometry.groups = read_number("groups", entry["groups"], 1);
    return geometry;
  }

  LayerGeometry::Op read_op(const Json& entry) const {
    if (!entry.contains("op")) fail(R"(has no "op"; add "op":"conv2d" or "op":"linear")");
    const Json& op = entry["op"];
    const auto found = std::ranges::find(kOpNames, op);
    if (found != kOpNames.end()) return static_cast<LayerGeometry::Op>(found - kOpNames.begin());
    fail(fmt::format(R"("op" is {}, expected "{}")", shown(op), fmt::join(kOpNames, R"(", ")")));
  }

  std::int64_t read_number(std::string_view field, const Json& value, std::int64_t least) const {
    // Unsigned first: a number beyond 2^63 must not wrap.
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kLargest)
                          : value.is_number_integer() && value.get<std::int64_t>() <= kLargest;
    if (!fits || value.get<std::int64_t>() < least) {
      fail(fmt::format(R"("{}" is {}, expected an integer from {} to 2^30)", field, shown(value),
                       least));
    }
    return value.get<std::int64_t>();
  }

  // PyTorch takes one number for both directions, and its exporters write either.
  std::array<std::int64_t, 2> read_pair(const Json& entry, const char* field, std::int64_t least,
                                        std::array<std::int64_t, 2> fallback) const {
    if (!entry.contains(field)) return fallback;
    const Json& value = entry[field];
    if (!value.is_array()) {
      const std::int64_t both = read_number(field, value, least);
      return {both, both};
    }
    if (value.size() != 2) {
      fail(fmt::format(R"("{}" is {}, expected [height, width])", field, shown(value)));
    }
    return {read_number(field, value[0], least), read_number(field, value[1], least)};
  }

  static std::string shown(const Json& value) {
    return quote(value.dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  [[noreturn]] void fail_layers(const std::string& what) const {
    throw UserError(
        fmt::format("{}: __metadata__: 'layers' {}; write it as "
                    R"({{"conv1":{{"op":"conv2d","stride":[1,1]}}}})",
                    path_, what));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw UserError(
        fmt::format("{}: __metadata__: 'layers': layer {} {}", path_, quote(layer_), what));
  }

  std::string_view path_;
  std::string layer_;
  std::vector<std::string> order_;
};

}  // namespace

std::vector<NamedGeometry> parse_layers(std::string_view path, std::string_view json) {
  return LayersReader(path).read(json);
}

std::string layers_json(const std::vector<NamedGeometry>& layers) {
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  for (const auto& [layer, geometry] : layers) {
    nlohmann::ordered_json entry;
    entry["op"] = kOpNames[static_cast<std::size_t>(geometry.op)];
    if (geometry.op != LayerGeometry::Op::linear) {
      entry["stride"] = geometry.stride;
      entry["padding"] = geometry.padding;
      entry["dilation"] = geometry.dilation;
      entry["groups"] = geometry.groups;
    }
    document[layer] = std::move(entry);
  }
  return document.dump();
}

}  // namespace gradpath
