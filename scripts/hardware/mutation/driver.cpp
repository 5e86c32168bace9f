// Replays one stimulus with every mutant of a block until its outputs differ from the block's own.
// Compiled by scripts/hardware/mutate.py for a Verilated netlist whose input `mutsel` selects the
// mutant (0: none) and for ports.hpp, which it writes from the netlist's ports.
//
//   driver MUTANTS vectors FILE    combinational: rows of 32-bit words, one a port, in port order
//   driver MUTANTS all             combinational: every input
//   driver MUTANTS clocked CYCLES SEED [SPARSE]   see stimulus.hpp
//
// Prints a line a mutant, "k vector" or "k -" (survived), after one with the number of vectors.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "Vmutated.h"
#include "verilated.h"

using Word = std::uint32_t;

namespace {

template <class T>
void put(T& port, const Word* words, int width) {
  if constexpr (std::is_integral_v<T>) {
    std::uint64_t value = words[0];
    if (width > 32) value |= std::uint64_t{words[1]} << 32;
    port = static_cast<T>(value);
  } else {
    for (int i = 0; i < (width + 31) / 32; ++i) port[i] = words[i];
  }
}

template <class T>
void take(const T& port, Word* words, int width) {
  if constexpr (std::is_integral_v<T>) {
    words[0] = static_cast<Word>(port);
    if (width > 32) words[1] = static_cast<Word>(static_cast<std::uint64_t>(port) >> 32);
  } else {
    for (int i = 0; i < (width + 31) / 32; ++i) words[i] = port[i];
  }
}

// A port: its place in a row of words. gate: the output that says when an output counts, or -1.
struct Port {
  std::string name;
  int width;
  int at;
  int gate = -1;
};

#include "ports.hpp"

struct Stimulus {
  std::vector<Word> inputs;    // a row of kInputWords a vector
  std::vector<Word> expected;  // of kOutputWords
  [[nodiscard]] std::size_t size() const { return inputs.size() / kInputWords; }
};

#include "stimulus.hpp"

// What counts of an output that comes with a valid flag: nothing while that is low.
bool same(const Word* got, const Word* expected) {
  for (const Port& port : kOutputs) {
    if (port.gate >= 0 && (expected[kOutputs[port.gate].at] & 1u) == 0) continue;
    for (int i = 0; i < (port.width + 31) / 32; ++i) {
      if (got[port.at + i] != expected[port.at + i]) return false;
    }
  }
  return true;
}

// One cycle: inputs, outputs before the edge, the edge.
void step(Vmutated& model, const Word* inputs, Word* outputs) {
  put_inputs(model, inputs);
  set_clock(model, 0);
  model.eval();
  take_outputs(model, outputs);
  if (!kHasClock) return;
  set_clock(model, 1);
  model.eval();
}

std::unique_ptr<Vmutated> make(unsigned mutant) {
  auto model = std::make_unique<Vmutated>();
  model->mutsel = mutant;
  return model;
}

Stimulus read_vectors(const char* path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  Stimulus stimulus;
  stimulus.inputs.resize(static_cast<std::size_t>(file.tellg()) / sizeof(Word));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(stimulus.inputs.data()),
            static_cast<std::streamsize>(stimulus.inputs.size() * sizeof(Word)));
  if (!file || stimulus.size() == 0 || stimulus.inputs.size() % kInputWords != 0) {
    std::fprintf(stderr, "%s: not rows of %d words\n", path, kInputWords);
    std::exit(2);
  }
  return stimulus;
}

Stimulus all_vectors() {
  int bits = 0;
  for (const Port& port : kInputs) bits += port.width;
  Stimulus stimulus;
  for (Word value = 0; value < Word{1} << bits; ++value) {
    Word rest = value;
    for (const Port& port : kInputs) {
      stimulus.inputs.push_back(rest & ((Word{1} << port.width) - 1));
      rest >>= port.width;
    }
  }
  return stimulus;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned mutants = static_cast<unsigned>(std::atoi(argv[1]));
  const std::string kind = argv[2];
  Stimulus stimulus;
  std::vector<Word> outputs(kOutputWords);
  if (kind == "clocked") {
    const auto whole = make(0);
    Generator generator(static_cast<Word>(std::atoi(argv[4])), argc > 5);
    const int cycles = std::atoi(argv[3]);
    for (int cycle = 0; cycle < cycles; ++cycle) {
      const auto& row = generator.next(outputs);
      step(*whole, row.data(), outputs.data());
      stimulus.inputs.insert(stimulus.inputs.end(), row.begin(), row.end());
      stimulus.expected.insert(stimulus.expected.end(), outputs.begin(), outputs.end());
    }
  } else {
    stimulus = kind == "all" ? all_vectors() : read_vectors(argv[3]);
    const auto whole = make(0);
    for (std::size_t i = 0; i < stimulus.size(); ++i) {
      step(*whole, &stimulus.inputs[i * kInputWords], outputs.data());
      stimulus.expected.insert(stimulus.expected.end(), outputs.begin(), outputs.end());
    }
  }
  std::printf("%zu\n", stimulus.size());
  for (unsigned mutant = 1; mutant <= mutants; ++mutant) {
    const auto model = make(mutant);
    bool killed = false;
    std::size_t i = 0;
    for (; i < stimulus.size() && !killed; ++i) {
      step(*model, &stimulus.inputs[i * kInputWords], outputs.data());
      // Before the first reset nothing is promised.
      killed = (!kHasReset || i >= Generator::kFirstCycle) &&
               !same(outputs.data(), &stimulus.expected[i * kOutputWords]);
    }
    if (killed) {
      std::printf("%u %zu\n", mutant, i);
    } else {
      std::printf("%u -\n", mutant);
    }
  }
}
