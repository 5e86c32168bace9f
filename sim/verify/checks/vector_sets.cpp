#include "sim/verify/checks/vector_sets.hpp"

#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/error.hpp"

namespace gradpath::verify {
namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw UserError(fmt::format("{} cannot be written", path.string()));
}

// The connections of a stream: handshake, and each field its slice of the word.
void connect(const VectorSet& set, const VectorSet::Stream& stream, bool is_input,
             std::size_t index, std::vector<std::string>& ports) {
  const char* side = is_input ? "in" : "out";
  if (!set.is_combinational) {
    ports.push_back(
        fmt::format(".{}valid_{}({}_valid[{}])", stream.prefix, is_input ? 'i' : 'o', side, index));
    ports.push_back(
        fmt::format(".{}ready_{}({}_ready[{}])", stream.prefix, is_input ? 'o' : 'i', side, index));
  }
  std::size_t low = 0;
  for (auto field = stream.fields.rbegin(); field != stream.fields.rend(); ++field) {
    ports.push_back(
        fmt::format(".{}({}{}[{}+:{}])", field->first, side, index, low, field->second));
    low += field->second;
  }
}

}  // namespace

HexWord& HexWord::add(std::uint64_t value, std::size_t bits) {
  for (std::size_t bit = bits; bit-- > 0;) bits_.push_back((value >> bit & 1) != 0);
  return *this;
}

HexWord& HexWord::add_lanes(const Beat& beat, std::size_t lanes, std::size_t bits) {
  for (std::size_t lane = lanes; lane-- > 0;) add(beat.data[lane], bits);
  return *this;
}

std::string HexWord::text() const {
  std::string digits;
  unsigned digit = 0;
  for (std::size_t i = 0; i < bits_.size(); ++i) {
    digit = digit << 1 | (bits_[i] ? 1u : 0u);
    if ((bits_.size() - i - 1) % 4 != 0) continue;
    digits += fmt::format("{:x}", digit);
    digit = 0;
  }
  return digits;
}

void VectorSet::write(const std::filesystem::path& folder) const {
  const std::filesystem::path own = folder / name;
  std::error_code failed;
  std::filesystem::create_directories(own, failed);
  if (failed) throw UserError(fmt::format("{} cannot be made: {}", own.string(), failed.message()));

  std::vector<std::string> ports;
  if (!is_combinational) ports = {".clk_i(clk)", ".rst_ni(rst_n)"};
  for (const auto& [port, value] : ties) {
    ports.push_back(fmt::format(".{}({}'h{})", port, value.bits(), value.text()));
  }
  std::string header =
      fmt::format("// Written by gradpath verify --vectors.\n`define DUT {}\n", module);
  header += fmt::format("`define DUT_PARAMETERS {}\n", parameters);
  if (is_combinational) header += "`define DUT_IS_COMBINATIONAL\n";
  for (const bool is_input : {true, false}) {
    const std::vector<Stream>& streams = is_input ? inputs : outputs;
    for (std::size_t i = 0; i < 2; ++i) {
      const bool there = i < streams.size();
      std::size_t bits = 0;
      std::string text;
      if (there) {
        for (const auto& field : streams[i].fields) bits += field.second;
        for (const HexWord& word : streams[i].words) text += word.text() + "\n";
        connect(*this, streams[i], is_input, i, ports);
      }
      const std::string side = fmt::format("{}{}", is_input ? "in" : "out", i);
      const std::string upper = fmt::format("{}{}", is_input ? "IN" : "OUT", i);
      header += fmt::format("`define {}_BITS {}\n`define {}_COUNT {}\n", upper, there ? bits : 1,
                            upper, there ? streams[i].words.size() : 0);
      write_file(own / (side + ".hex"), text.empty() ? "0\n" : text);
    }
  }
  header += fmt::format("`define DUT_PORTS {}\n", fmt::join(ports, ", "));
  write_file(own / "dut.svh", header);
}

std::string format_parameters(const Format& format) {
  return fmt::format(".ExponentBits({}), .MantissaBits({}), .Bias({}), .NonFinite({})",
                     format.exponent_bits, format.mantissa_bits, format.bias,
                     static_cast<int>(format.non_finite));
}

std::string rounding_parameters(const Rounding& rounding) {
  return fmt::format(".Rounding({}), .RandomBits({})", static_cast<int>(rounding.mode),
                     rounding.is_stochastic() ? rounding.random_bits : 1);
}

}  // namespace gradpath::verify
