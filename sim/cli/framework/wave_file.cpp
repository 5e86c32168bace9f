#include "sim/cli/framework/wave_file.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath::cli {

WaveFile::WaveFile(std::string path, std::span<const std::string> inputs)
    : path_(std::move(path)), partial_(path_ + ".partial") {
  for (const std::string& input : inputs) {
    std::error_code ignored;  // a file that does not exist equals none
    if (std::filesystem::equivalent(path_, input, ignored)) {
      throw UserError(
          fmt::format("--trace-fst {} is an input; give another path to write to", path_));
    }
  }
  std::error_code ignored;
  if (path_.empty() || std::filesystem::is_directory(path_, ignored) || !std::ofstream(partial_)) {
    throw UserError(
        fmt::format("--trace-fst {} cannot be written; expected the path of a file in a folder "
                    "that exists and may be written to",
                    path_));
  }
}

WaveFile::~WaveFile() {
  std::error_code ignored;  // gone after commit()
  std::filesystem::remove(partial_, ignored);
}

void WaveFile::commit() {
  std::error_code failure;
  std::filesystem::rename(partial_, path_, failure);
  if (failure) {
    throw UserError(
        fmt::format("--trace-fst {} cannot be put in its place: {}", path_, failure.message()));
  }
}

}  // namespace gradpath::cli
