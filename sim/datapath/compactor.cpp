#include "sim/datapath/compactor.hpp"

namespace gradpath {

void Compactor::run() {
  const Format& format = work().quantizer->format();
  const std::uint64_t elements = plan().demand.m * plan().demand.k;
  while (stats_.elements_in < elements) {
    const Burst burst = take(in);
    PackedBurst result{.beats = burst.beats,
                       .packed = std::make_shared<PackedCodes>(pack_codes(format, *burst.codes))};
    stats_.elements_in += burst.elements;
    stats_.elements_out += result.packed->codes.size();
    stats_.dropped += burst.elements - result.packed->codes.size();
    stats_.bytes_in +=
        (std::uint64_t{burst.elements} * static_cast<std::uint64_t>(format.bits()) + 7) / 8;
    stats_.bytes_out += packed_bytes(burst.elements, result.packed->codes.size(), format.bits());
    stats_.beats += burst.beats;
    spend(burst.beats);
    give(out, result);
  }
}

}  // namespace gradpath
