# gradpath_mutated_program(NAME RTL_DIR OPTIMISE -O1 [SOURCES netlist.v ...] [ARGS verilator arguments]):
# the program over a copy of the RTL in which GRADPATH_MUTANT chooses what is broken; the folder holds
# mutant_select.sv, which asks for it.
function(gradpath_mutated_program name rtl_dir)
  cmake_parse_arguments(ARG "" "OPTIMISE" "SOURCES;ARGS" ${ARGN})
  gradpath_rtl_models(${name}_models ${rtl_dir} OPTIMISE ${ARG_OPTIMISE}
    SOURCES ${rtl_dir}/mutant_select.sv ${ARG_SOURCES} ARGS ${ARG_ARGS})
  # The wrappers and the mutated models stand before gradpath::verify, so the linker takes these.
  set(verify_dir ${PROJECT_SOURCE_DIR}/sim/verify)
  add_executable(${name} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/mutant_number.cpp
    ${PROJECT_SOURCE_DIR}/sim/cli/main.cpp
    ${verify_dir}/compaction.cpp ${verify_dir}/front_end.cpp ${verify_dir}/multiplier.cpp
    ${verify_dir}/pruner_lanes.cpp ${verify_dir}/quantizer_lanes.cpp ${verify_dir}/rows.cpp
    ${verify_dir}/statistics.cpp ${verify_dir}/streams.cpp)
  target_link_libraries(${name} PRIVATE ${name}_models gradpath::verbs gradpath_warnings gradpath_build)
endfunction()
