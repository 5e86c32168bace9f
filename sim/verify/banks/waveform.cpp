#include "sim/verify/banks/waveform.hpp"

#include <utility>

#include <verilated_fst_c.h>

#include "sim/verify/banks/checked_writes.hpp"

namespace gradpath::verify {
namespace {

constexpr std::uint64_t kPicosecondsPerTick = 1000;

}  // namespace

int waveform_error() { return gradpath_waveform_error; }

Waveform::Waveform(std::string path, Window window)
    : path_(std::move(path)), window_(window), file_(std::make_unique<VerilatedFstC>()) {}
Waveform::~Waveform() = default;

void Waveform::open() { file_->open(path_.c_str()); }

void Waveform::settled(std::uint64_t tick) {
  if (shows(tick)) file_->dump(time_of(tick) * kPicosecondsPerTick - kPicosecondsPerTick / 2);
}

void Waveform::done(std::uint64_t tick) {
  if (shows(tick)) file_->dump(time_of(tick) * kPicosecondsPerTick);
  if (tick == window_.last) throw Complete{};
}

void Waveform::close() { file_->close(); }

}  // namespace gradpath::verify
