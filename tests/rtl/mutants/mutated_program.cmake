# gradpath_mutated_program(NAME RTL_DIR OPTIMISE -O1 [SOURCES netlist.v ...] [ARGS verilator arguments]):
# the program over a copy of the RTL in which GRADPATH_MUTANT chooses what is broken; the folder holds
# mutant_select.sv, which asks for it.
function(gradpath_mutated_program name rtl_dir)
  cmake_parse_arguments(ARG "" "OPTIMISE" "SOURCES;ARGS" ${ARGN})
  gradpath_rtl_models(${name}_models ${rtl_dir} OPTIMISE ${ARG_OPTIMISE}
    SOURCES ${rtl_dir}/mutant_select.sv ${ARG_SOURCES} ARGS ${ARG_ARGS})
  # The wrappers and the mutated models stand before gradpath::verify, so the linker takes these.
  get_property(families GLOBAL PROPERTY gradpath_rtl_families)
  set(banks ${PROJECT_SOURCE_DIR}/sim/verify/banks)
  set(wrappers)
  foreach(family IN LISTS families)
    list(APPEND wrappers ${banks}/${family}/${family}.cpp)
  endforeach()
  add_executable(${name} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/mutant_number.cpp
    ${PROJECT_SOURCE_DIR}/sim/cli/main.cpp ${banks}/rows.cpp ${wrappers})
  target_link_libraries(${name} PRIVATE ${name}_models gradpath::verbs gradpath_warnings gradpath_build)
endfunction()
