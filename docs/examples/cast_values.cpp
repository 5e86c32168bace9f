// Casts numbers to OCP's 8-bit float E4M3 and prints each one's code and the value that it stands
// for.
#include <array>
#include <cstdint>
#include <cstdio>

#include <gradpath/format/formats.hpp>
#include <gradpath/quantize/quantizer.hpp>

int main() {
  const gradpath::Quantizer quantizer(gradpath::parse_format("e4m3fn"),
                                      {.overflow = gradpath::Overflow::saturate});
  const std::array<float, 4> values = {1.0f, 0.3f, -448.0f, 1e6f};
  std::array<std::uint8_t, 4> codes{};
  quantizer.to_codes<std::uint8_t>(values, codes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::printf("%g 0x%02x %g\n", double{values[i]}, unsigned{codes[i]},
                double{quantizer.value(codes[i])});
  }
}
