#pragma once

#include <memory>

#include "sim/datapath/front_end/stream_block.hpp"

namespace gradpath {

/// The blocks as models: values from models/, time as rtl/README.md and rtl/compactor.sv document
/// it. Any number of lanes, formats and random sources.
[[nodiscard]] std::unique_ptr<StreamBlock> make_pruner_model();
[[nodiscard]] std::unique_ptr<StreamBlock> make_quantizer_model();
[[nodiscard]] std::unique_ptr<StreamBlock> make_compactor_model();

}  // namespace gradpath
