#pragma once

#include <string>

#include "models/schemes/scheme.hpp"
#include "sim/cli/framework/command.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"

namespace gradpath::cli {

/// `cast --scheme`: what the verb read from its options.
struct SchemeCast {
  Scheme& scheme;
  CastOptions options;
  std::string nan_name;
  bool as_values = false;
  std::string path;  ///< the file to write
};

/// Quantizes the selected tensors and writes them: values as F32, or codes with what they mean,
/// `NAME.scale` for integers and `NAME.codebook` for places in a book. `selection` and
/// `table_output` are open.
[[nodiscard]] ExitCode run_scheme_cast(const SchemeCast& cast, const TraceSelection& selection,
                                       TableOutput& table_output, Session& session);

}  // namespace gradpath::cli
