#include "traces/interruption.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <unistd.h>

#include "traces/text.hpp"

namespace gradpath {
namespace {

enum class State : int { free, taken, live };

// A signal handler may neither allocate nor lock, so what it needs lies in tables of fixed size;
// this file's are the only mutable globals. An entry is filled while `taken` and read while `live`.
template <std::size_t NameBytes>
struct Slot {
  std::atomic<State> state = State::free;
  std::array<char, NameBytes> name = {};
  Unfinished kind = Unfinished::file;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

constexpr std::size_t kLongestName = 4096;   // PATH_MAX
constexpr std::size_t kLongestShown = 1024;  // of a message
std::array<Slot<kLongestName>, 16> unfinished;
std::array<Slot<kLongestShown>, 64> mapped;
static_assert(std::atomic<State>::is_always_lock_free);

// A slot of its own; -1 if none is free.
template <class Slots>
int take(Slots& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    State expected = State::free;
    if (slots[i].state.compare_exchange_strong(expected, State::taken)) return static_cast<int>(i);
  }
  return -1;
}

template <class Slots>
void release(Slots& slots, int slot) {
  if (slot >= 0) slots[static_cast<std::size_t>(slot)].state = State::free;
}

template <std::size_t N>
void copy_name(std::array<char, N>& to, std::string_view from) {
  const std::size_t length = std::min(from.size(), N - 1);
  std::memcpy(to.data(), from.data(), length);
  to[length] = '\0';
}

// From here on what a handler calls: no allocation, no lock, only calls that POSIX allows there.

template <std::size_t N>
void append(std::array<char, N>& text, std::string_view more) {
  const std::size_t used = std::strlen(text.data());
  const std::size_t length = std::min(more.size(), N - 1 - used);
  std::memcpy(text.data() + used, more.data(), length);
  text[used + length] = '\0';
}

void remove_unfinished() {
  for (const auto& slot : unfinished) {
    if (slot.state != State::live) continue;
    if (slot.kind == Unfinished::folder) {
      for (const std::string_view inside : {"/data", "/data.hier"}) {
        std::array<char, kLongestName + 16> name = {};
        append(name, slot.name.data());
        append(name, inside);
        (void)::unlink(name.data());
      }
      (void)::rmdir(slot.name.data());
    } else {
      (void)::unlink(slot.name.data());
    }
  }
}

[[noreturn]] void leave(std::string_view line, int code) {
  remove_unfinished();
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));  // nobody left to tell
  ::_exit(code);
}

extern "C" void on_interrupt(int number) {
  leave(number == SIGINT
            ? "gradpath: interrupted; unfinished files are removed, earlier ones stay\n"
            : "gradpath: terminated; unfinished files are removed, earlier ones stay\n",
        128 + number);
}

extern "C" void on_bus_error(int /*number*/, siginfo_t* info, void* /*context*/) {
  std::array<char, kLongestShown + 256> line = {};
  append(line, "gradpath: ");
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const auto& slot : mapped) {
    if (slot.state != State::live || address < slot.begin || address >= slot.end) continue;
    append(line, slot.name.data());
    append(line,
           ": became shorter, or its disk failed, while it was read; run again on a file that "
           "nobody writes\n");
    leave(line.data(), 2);
  }
  // Not ours: a library maps what it writes by name.
  for (const auto& slot : unfinished) {
    if (slot.state != State::live || slot.kind != Unfinished::folder) continue;
    const std::string_view name = slot.name.data();
    append(line, name.substr(0, name.rfind(".partial-")));
    append(line, ": ");
    break;
  }
  append(line,
         "cannot write, as a disk is full or failed; make room for it and for temporary files\n");
  leave(line.data(), 2);
}

}  // namespace

void handle_signals() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before = {};
    ::sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;  // as nohup and a shell's background jobs have it
    action.sa_handler = on_interrupt;
    ::sigaction(number, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &action, nullptr);
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_bus_error;
  ::sigaction(SIGBUS, &action, nullptr);
}

UnfinishedName::UnfinishedName(const std::string& name, Unfinished kind) {
  if (name.size() >= kLongestName) return;  // no file can have it
  slot_ = take(unfinished);
  if (slot_ == kNone) return;
  auto& slot = unfinished[static_cast<std::size_t>(slot_)];
  copy_name(slot.name, name);
  slot.kind = kind;
  slot.state = State::live;
}

UnfinishedName& UnfinishedName::operator=(UnfinishedName&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

UnfinishedName::~UnfinishedName() { release(unfinished, slot_); }

MappedName::MappedName(const std::string& name, std::span<const std::byte> bytes) {
  slot_ = take(mapped);
  if (slot_ == kNone) return;
  auto& slot = mapped[static_cast<std::size_t>(slot_)];
  copy_name(slot.name, one_line(name));
  slot.begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  slot.end = slot.begin + bytes.size();
  slot.state = State::live;
}

MappedName& MappedName::operator=(MappedName&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

MappedName::~MappedName() { release(mapped, slot_); }

}  // namespace gradpath
