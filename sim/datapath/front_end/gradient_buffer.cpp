#include "sim/datapath/front_end/gradient_buffer.hpp"

#include <utility>

#include <fmt/format.h>

namespace gradpath {

void GradientBuffer::begin(std::vector<std::uint64_t> chunks, int code_bits,
                           std::uint64_t bank_bytes) {
  chunks_ = std::move(chunks);
  code_bits_ = code_bits;
  bank_bytes_ = bank_bytes;
  fillings_.clear();
  chunks_begun_ = 0;
  chunks_full_ = 0;
  stats_ = {};
  stats_.module = "gradient_buffer";
}

bool GradientBuffer::wants_bank() const {
  return chunks_begun_ < chunks_.size() && (fillings_.empty() || fillings_.back().has_bits);
}

void GradientBuffer::give_bank(int bank) {
  fillings_.push_back({.bank = bank, .packed = {}});
  ++chunks_begun_;
}

bool GradientBuffer::bitmap_ready() const {
  return !fillings_.empty() && !fillings_.back().has_bits;
}

bool GradientBuffer::codes_ready() const {
  // A full chunk does not stay: only the last one can still wait for codes.
  return !fillings_.empty() && !fillings_.back().has_codes;
}

GradientBuffer::Filling* GradientBuffer::filling_codes() {
  for (Filling& filling : fillings_) {
    if (!filling.has_codes) return &filling;
  }
  throw SimulationFault("gradient buffer: codes without a bank");
}

void GradientBuffer::take_bitmap(const StreamBeat& beat) {
  Filling& filling = fillings_.back();
  PackedCodes& packed = filling.packed;
  packed.bitmap.resize((std::uint64_t{packed.elements} + beat.elements + 63) / 64);
  for (std::uint32_t i = 0; i < beat.elements; ++i, ++packed.elements) {
    packed.bitmap[packed.elements / 64] |= std::uint64_t{beat.data[i]} << (packed.elements % 64);
  }
  filling.has_bits = beat.last;
  ++stats_.beats;
}

void GradientBuffer::take_codes(const StreamBeat& beat) {
  Filling& filling = *filling_codes();
  filling.packed.codes.insert(filling.packed.codes.end(), beat.data.begin(),
                              beat.data.begin() + beat.elements);
  filling.has_codes = beat.last;
  stats_.elements_in += beat.elements;
}

std::optional<Chunk> GradientBuffer::full_chunk() {
  if (fillings_.empty() || !fillings_.front().has_bits || !fillings_.front().has_codes) {
    return std::nullopt;
  }
  Filling filling = std::move(fillings_.front());
  fillings_.pop_front();
  const std::uint64_t elements = chunks_[chunks_full_++];
  if (filling.packed.elements != elements) {
    throw SimulationFault(fmt::format("gradient buffer: a chunk of {} elements instead of {}",
                                      filling.packed.elements, elements));
  }
  const std::uint64_t nonzeros = filling.packed.codes.size();
  const std::uint64_t bytes = packed_bytes(elements, nonzeros, code_bits_);
  if (bytes > bank_bytes_) {
    throw SimulationFault("gradient buffer: a chunk is larger than its bank");
  }
  stats_.bytes_in += bytes;
  stats_.sram_bytes += bytes;
  stats_.elements_out += nonzeros;
  stats_.bytes_out += bytes;
  auto runs = std::make_shared<std::vector<PackedCodes>>();
  runs->push_back(std::move(filling.packed));
  return Chunk{.bank = filling.bank, .bytes = bytes, .nonzeros = nonzeros, .runs = std::move(runs)};
}

}  // namespace gradpath
