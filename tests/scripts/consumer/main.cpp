#include "models/format/codec.hpp"
#include "models/format/formats.hpp"

// 448 is the largest e4m3fn value, code 0x7e (OCP OFP8 v1.0).
int main() {
  const auto format = gradpath::parse_format("e4m3fn");
  return gradpath::encode(format, {}, 448.0) == 0x7e ? 0 : 1;
}
