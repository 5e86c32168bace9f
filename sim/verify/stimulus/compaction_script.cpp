#include "sim/verify/stimulus/compaction_script.hpp"

#include "models/sparse/packed_codes.hpp"

namespace gradpath::verify {

void append_code_beats(const std::vector<Code>& codes, std::size_t lanes, std::vector<Beat>& out) {
  std::size_t next = 0;
  do {
    Beat beat;
    for (std::size_t i = 0; i < lanes && next < codes.size(); ++i, ++next) {
      beat.data[i] = codes[next];
      beat.mask |= 1u << i;
    }
    beat.last = next == codes.size();
    out.push_back(beat);
  } while (next < codes.size());
}

void append_run(const Format& format, std::size_t lanes, const std::vector<Beat>& run,
                CompactionScript& script) {
  std::vector<Code> elements;
  for (const Beat& beat : run) {
    for (std::size_t i = 0; i < lanes; ++i) {
      if (beat.mask >> i & 1) elements.push_back(beat.data[i]);
    }
  }
  const PackedCodes packed = pack_codes(format, elements);
  std::vector<Code> again(elements.size());
  unpack_codes(packed, again);
  std::uint32_t element = 0;
  for (const Beat& beat : run) {
    Beat bits{.data = {}, .mask = beat.mask, .last = beat.last};
    Beat unpacked = bits;
    for (std::size_t i = 0; i < lanes; ++i) {
      if ((beat.mask >> i & 1) == 0) continue;
      bits.data[i] = packed.is_nonzero(element) ? 1 : 0;
      unpacked.data[i] = again[element++];
    }
    script.input.push_back(beat);
    script.bitmap.push_back(bits);
    script.unpacked.push_back(unpacked);
  }
  append_code_beats(packed.codes, lanes, script.codes);
}

}  // namespace gradpath::verify
