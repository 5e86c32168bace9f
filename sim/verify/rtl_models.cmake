# gradpath_rtl_models(TARGET RTL_DIR OPTIMISE -O2 [SOURCES other.sv ...] [ARGS verilator arguments]):
# a library of the Verilated banks of sim/verify/harness over the RTL of a folder. A function, because
# the tests build it a second time, over a broken copy of the RTL.
# With GRADPATH_RTL_COVERAGE the models count lines, toggles and cover_points.sv (scripts/coverage).
function(gradpath_rtl_models target rtl_dir)
  find_package(verilator REQUIRED HINTS /usr/share/verilator)
  find_package(Threads REQUIRED)
  find_package(ZLIB REQUIRED)  # of FST waveforms
  cmake_parse_arguments(ARG "" "OPTIMISE" "SOURCES;ARGS" ${ARGN})
  set(harness ${PROJECT_SOURCE_DIR}/sim/verify/harness)
  file(GLOB modules CONFIGURE_DEPENDS ${rtl_dir}/*.sv)
  list(REMOVE_ITEM modules ${ARG_SOURCES})
  # Waveforms: buses of 16 lanes are wider than what is traced unless asked for.
  set(common -O3 --x-assign fast --x-initial fast --assert --trace-max-width 1024 --trace-max-array 64
    ${ARG_ARGS})
  list(PREPEND ARG_SOURCES ${harness}/waveform.vlt)
  # Generated code: its own target, without our warnings, and without sanitizers or coverage, which
  # take minutes to compile over it and would look at Verilator, not at us. Its slow parts run once.
  set(speed OPT_FAST ${ARG_OPTIMISE} OPT_SLOW -O0 OPT_GLOBAL -O1)
  add_library(${target} STATIC)
  set(counted)
  set(traced TRACE_FST)
  if(GRADPATH_RTL_COVERAGE)
    # Hundreds of lanes with a counter a bit: not inlined, all in a few translation units (which takes
    # sources without flags of their own), and of the long tables a part. What that part reaches is a
    # lower bound of what all reaches.
    set(counted COVERAGE)
    set(traced)  # their functions' names meet in one translation unit, and nobody looks
    list(PREPEND ARG_SOURCES ${harness}/coverage.vlt ${harness}/cover_points.sv)
    list(APPEND common -fno-inline)
    set(speed OPT_GLOBAL -O1)
    set(quantizer_part -GInputs=1 -GFirstRow=4 -GStride=7)
    set(stream_part -GFirstRow=2 -GStride=3)
    set(statistics_part -GFirstRow=1 -GStride=2)
    set(front_end_part -GRows=3)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 100)
    target_compile_options(${target} PRIVATE -O0 -g0)
  endif()
  verilate(${target} ${counted} ${traced} PREFIX Vquantizer_bank TOP_MODULE quantizer_bank
    SOURCES ${ARG_SOURCES} ${harness}/quantizer_table.sv ${harness}/quantizer_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${quantizer_part} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vmultiplier_bank TOP_MODULE multiplier_bank
    SOURCES ${ARG_SOURCES} ${harness}/multiplier_bank.sv ${modules} VERILATOR_ARGS ${common} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vpruner_bank TOP_MODULE pruner_bank
    SOURCES ${ARG_SOURCES} ${harness}/pruner_bank.sv ${modules} VERILATOR_ARGS ${common} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vstream_bank TOP_MODULE stream_bank
    SOURCES ${ARG_SOURCES} ${harness}/quantizer_table.sv ${harness}/stream_table.sv ${harness}/stream_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${stream_part} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vstatistics_bank TOP_MODULE statistics_bank
    SOURCES ${ARG_SOURCES} ${harness}/statistics_table.sv ${harness}/statistics_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${statistics_part} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vfront_end_bank TOP_MODULE front_end_bank
    SOURCES ${ARG_SOURCES} ${harness}/front_end_table.sv ${harness}/front_end_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${front_end_part} ${speed})
  verilate(${target} ${counted} ${traced} PREFIX Vcompaction_bank TOP_MODULE compaction_bank
    SOURCES ${ARG_SOURCES} ${harness}/quantizer_table.sv ${harness}/compaction_table.sv
      ${harness}/compaction_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${speed})
  # In no coverage: `verify` does not run it.
  verilate(${target} TRACE_FST PREFIX Vdrop_in_bank TOP_MODULE drop_in_bank
    SOURCES ${harness}/drop_in.vlt ${ARG_SOURCES} ${harness}/drop_in_table.sv ${harness}/drop_in_bank.sv ${modules}
    VERILATOR_ARGS ${common} ${speed})
  target_link_libraries(${target} PUBLIC Threads::Threads ZLIB::ZLIB)
  # What a failed property prints goes to stderr, where it does not mix with results.
  target_compile_options(${target} PRIVATE -include ${harness}/messages.hpp)
  target_compile_definitions(${target} PRIVATE VL_PRINTF=gradpath_print_to_stderr)
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set_target_properties(${target} PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
endfunction()

# gradpath_rtl_wide_models(TARGET RTL_DIR): the named formats of quantizer_table.sv, a model each with
# 16 inputs an evaluation.
function(gradpath_rtl_wide_models target rtl_dir)
  find_package(verilator REQUIRED HINTS /usr/share/verilator)
  find_package(Threads REQUIRED)
  set(harness ${PROJECT_SOURCE_DIR}/sim/verify/harness)
  set(formats 10)
  set(roundings 10)
  add_library(${target} STATIC)
  math(EXPR last "${formats} - 1")
  foreach(format RANGE ${last})
    math(EXPR first "${format} * ${roundings}")
    verilate(${target} PREFIX Vquantizer_wide_${format} TOP_MODULE quantizer_bank
      SOURCES ${harness}/quantizer_table.sv ${harness}/quantizer_bank.sv ${rtl_dir}/quantizer_lane.sv
      VERILATOR_ARGS -O3 --x-assign fast --x-initial fast --noassert
        -GInputs=16 -GFirstRow=${first} -GRowCount=${roundings}
      OPT_FAST -O3 OPT_SLOW -O0 OPT_GLOBAL -O1)
  endforeach()
  target_link_libraries(${target} PUBLIC Threads::Threads)
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set_target_properties(${target} PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
endfunction()
