# The modules of rtl/blocks.json and the banks of sim/verify/banks that hold them.

# Sets the global property gradpath_rtl_families, the folders of sim/verify/banks, and writes rtl_modules.inc into `folder`
# (RTL_MODULE(name, family), in the order of rtl/blocks.json).
function(gradpath_read_blocks folder)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/rtl/blocks.json)
  file(READ ${PROJECT_SOURCE_DIR}/rtl/blocks.json blocks)
  string(JSON count LENGTH "${blocks}")
  math(EXPR last "${count} - 1")
  set(families)
  set(lines "")
  foreach(i RANGE ${last})
    string(JSON name GET "${blocks}" ${i} name)
    string(JSON family ERROR_VARIABLE none GET "${blocks}" ${i} verify)
    if(none)
      continue()
    endif()
    list(APPEND families ${family})
    string(APPEND lines "RTL_MODULE(${name}, ${family})\n")
  endforeach()
  list(REMOVE_DUPLICATES families)
  file(CONFIGURE OUTPUT ${folder}/rtl_modules.inc CONTENT "${lines}" @ONLY)
  set_property(GLOBAL PROPERTY gradpath_rtl_families ${families})
endfunction()

# Sets OUT to the files, each replaced by that of its name in GRADPATH_RTL_TABLES (scripts/verify-rtl).
function(gradpath_other_tables out)
  set(files)
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME)
    if(GRADPATH_RTL_TABLES AND EXISTS ${GRADPATH_RTL_TABLES}/${name})
      set(file ${GRADPATH_RTL_TABLES}/${name})
    endif()
    list(APPEND files ${file})
  endforeach()
  set(${out} ${files} PARENT_SCOPE)
endfunction()

# gradpath_rtl_models(TARGET RTL_DIR OPTIMISE -O2 [BANKS folder ...] [SOURCES other.sv ...] [ARGS ...]):
# a library of Verilated banks over the RTL of a folder; a bank F is the module F_bank of the *.sv and
# *.vlt of its folder. BANKS: instead of those of sim/verify/banks. ARGS: for Verilator. A function,
# because the tests build it a second time, over a broken copy of the RTL.
# With GRADPATH_RTL_COVERAGE the models count lines, toggles and cover_points.sv (scripts/coverage).
function(gradpath_rtl_models target rtl_dir)
  find_package(verilator REQUIRED HINTS /usr/share/verilator)
  find_package(Threads REQUIRED)
  find_package(ZLIB REQUIRED)  # of FST waveforms
  cmake_parse_arguments(ARG "" "OPTIMISE" "BANKS;SOURCES;ARGS" ${ARGN})
  set(banks ${PROJECT_SOURCE_DIR}/sim/verify/banks)
  if(NOT ARG_BANKS)
    get_property(families GLOBAL PROPERTY gradpath_rtl_families)
    list(TRANSFORM families PREPEND ${banks}/ OUTPUT_VARIABLE ARG_BANKS)
  endif()
  file(GLOB modules CONFIGURE_DEPENDS ${rtl_dir}/*.sv)
  list(REMOVE_ITEM modules ${ARG_SOURCES} ${rtl_dir}/gradpath_pkg.sv)
  # A row is as in quantizer_lane_table.sv.
  set(table ${banks}/quantizer_lane/quantizer_lane_table.sv)
  # Waveforms: buses of 16 lanes are wider than what is traced unless asked for.
  set(common -O3 --x-assign fast --x-initial unique --assert --trace-max-width 1024 --trace-max-array 64
    ${ARG_ARGS})
  list(PREPEND ARG_SOURCES ${banks}/waveform.vlt ${rtl_dir}/gradpath_pkg.sv)
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
    list(PREPEND ARG_SOURCES ${banks}/coverage.vlt ${banks}/cover_points.sv)
    list(APPEND common -fno-inline)
    set(speed OPT_GLOBAL -O1)
    set(quantizer_lane_part -GInputs=1 -GFirstRow=4 -GStride=7)
    set(stages_part -GFirstRow=2 -GStride=3)
    set(statistics_part -GFirstRow=1 -GStride=2)
    set(front_end_part -GRows=3)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 100)
    target_compile_options(${target} PRIVATE -O0 -g0)
  endif()
  foreach(folder IN LISTS ARG_BANKS)
    get_filename_component(bank ${folder} NAME)
    file(GLOB own CONFIGURE_DEPENDS ${folder}/*.vlt ${folder}/*_table.sv)
    list(REMOVE_ITEM own ${table})
    gradpath_other_tables(own_tables ${table} ${own})
    verilate(${target} ${counted} ${traced} PREFIX V${bank}_bank TOP_MODULE ${bank}_bank
      SOURCES ${ARG_SOURCES} ${own_tables} ${folder}/${bank}_bank.sv ${modules}
      VERILATOR_ARGS ${common} ${${bank}_part} ${speed})
  endforeach()
  target_link_libraries(${target} PUBLIC Threads::Threads ZLIB::ZLIB)
  target_compile_options(${target} PRIVATE -include ${banks}/messages.hpp)
  target_compile_definitions(${target} PRIVATE VL_PRINTF=gradpath_print_to_stderr)
  if(traced)
    set_source_files_properties(${VERILATOR_ROOT}/include/verilated_fst_c.cpp PROPERTIES
      COMPILE_OPTIONS "-DGRADPATH_CHECK_WRITES;-include;${banks}/checked_writes.hpp")
  endif()
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set_target_properties(${target} PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
endfunction()

# gradpath_rtl_wide_models(TARGET RTL_DIR): the named formats of quantizer_lane_table.sv, a model each with
# 16 inputs an evaluation.
function(gradpath_rtl_wide_models target rtl_dir)
  find_package(verilator REQUIRED HINTS /usr/share/verilator)
  find_package(Threads REQUIRED)
  set(bank ${PROJECT_SOURCE_DIR}/sim/verify/banks/quantizer_lane)
  set(formats 10)
  set(roundings 10)
  add_library(${target} STATIC)
  math(EXPR last "${formats} - 1")
  foreach(format RANGE ${last})
    math(EXPR first "${format} * ${roundings}")
    verilate(${target} PREFIX Vquantizer_wide_${format} TOP_MODULE quantizer_lane_bank
      SOURCES ${rtl_dir}/gradpath_pkg.sv ${bank}/quantizer_lane_table.sv ${bank}/quantizer_lane_bank.sv ${rtl_dir}/quantizer_lane.sv
      VERILATOR_ARGS -O3 --x-assign fast --x-initial fast --noassert
        -GInputs=16 -GFirstRow=${first} -GRowCount=${roundings}
      OPT_FAST -O3 OPT_SLOW -O0 OPT_GLOBAL -O1)
  endforeach()
  target_link_libraries(${target} PUBLIC Threads::Threads)
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  set_target_properties(${target} PROPERTIES
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${includes}")
endfunction()
