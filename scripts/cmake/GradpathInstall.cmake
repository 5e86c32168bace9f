# `cmake --install`: the libraries gradpath::models and gradpath::traces with the headers that they
# promise, as <gradpath/...>; the program with its completion; the capture module.
include(CMakePackageConfigHelpers)

# A header that is not here is internal, and no header here may include it.
set(public_headers
  models/error.hpp models/version.hpp
  models/format/codec.hpp models/format/format.hpp models/format/formats.hpp
  models/mac/accumulator.hpp models/mac/conv.hpp models/mac/dot.hpp models/mac/gemm_error.hpp
  models/mac/low_precision_gemm.hpp
  models/profile/block_profile.hpp models/profile/cast_measures.hpp models/profile/profile.hpp
  models/profile/profile_builder.hpp models/profile/profile_table.hpp
  models/profile/pruned_profile.hpp
  models/prune/alpha_rule.hpp models/prune/allocation.hpp models/prune/choose_alpha.hpp
  models/prune/magnitude_table.hpp models/prune/measure.hpp models/prune/policy.hpp
  models/prune/stochastic_pruner.hpp models/prune/threshold.hpp models/prune/threshold_unit.hpp
  models/quantize/quantizer.hpp
  models/round/random.hpp models/round/rounding.hpp
  models/scale/block_layout.hpp models/scale/block_quantizer.hpp models/scale/history.hpp
  models/scale/log_moments.hpp models/scale/scale.hpp models/scale/scale_rule.hpp
  models/scale/scaling.hpp
  models/scale/shift_squeeze.hpp
  models/schemes/scheme.hpp models/schemes/schemes.hpp
  models/schemes/statistics.hpp models/specification/grammar.hpp
  models/sparse/dispatch.hpp models/sparse/packed_codes.hpp models/sparse/sparse_panel.hpp
  models/sparse/tensordash.hpp
  models/stats/counts.hpp models/stats/fit.hpp models/stats/generalised.hpp
  models/stats/lilliefors.hpp models/stats/sorted.hpp models/stats/sum.hpp
  models/stats/tensor_source.hpp
  models/synth/variates.hpp
  models/theory/best_split.hpp models/theory/expected_max.hpp
  models/theory/lognormal_pruning.hpp models/theory/normal.hpp models/theory/split_error.hpp)
set(libraries gradpath_models)
if(GRADPATH_BUILD_SIM)
  list(APPEND public_headers
    traces/atomic_file.hpp traces/dtype.hpp traces/interruption.hpp traces/layer_geometry.hpp
    traces/mapped_file.hpp
    traces/networks/network.hpp traces/safetensors.hpp traces/safetensors_writer.hpp
    traces/tensor_data.hpp traces/trace.hpp)
  list(APPEND libraries gradpath_traces)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/install_headers.cmake.in install_headers.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/install_headers.cmake)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gradpath)
install(TARGETS ${libraries} EXPORT gradpath-targets)
install(EXPORT gradpath-targets NAMESPACE gradpath:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/gradpath-config.cmake.in
  gradpath-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(gradpath-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/gradpath-config.cmake ${PROJECT_BINARY_DIR}/gradpath-config-version.cmake
  DESTINATION ${package_dir})

if(GRADPATH_BUILD_SIM)
  install(TARGETS gradpath)
  # The program writes its own completion.
  foreach(shell IN ITEMS bash zsh)
    install(CODE "execute_process(COMMAND \"$<TARGET_FILE:gradpath>\" completion ${shell}
      OUTPUT_FILE \"${PROJECT_BINARY_DIR}/gradpath.${shell}\" COMMAND_ERROR_IS_FATAL ANY)")
  endforeach()
  install(FILES ${PROJECT_BINARY_DIR}/gradpath.bash RENAME gradpath
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${PROJECT_BINARY_DIR}/gradpath.zsh RENAME _gradpath
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${PROJECT_SOURCE_DIR}/scripts/capture/gradpath_capture.py
    DESTINATION ${CMAKE_INSTALL_DATADIR}/gradpath/capture)
endif()
