# How every target of this project is made: one include root, one set of warnings.

add_library(gradpath_warnings INTERFACE)
target_compile_options(gradpath_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Wcast-qual -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # GCC 12 warns on `"text" + std::string` (GCC bug 105651)
  $<$<BOOL:${GRADPATH_WERROR}>:-Werror>)

# Floating-point contraction would make results depend on the machine: a*b+c is two roundings here.
add_library(gradpath_build INTERFACE)
target_compile_options(gradpath_build INTERFACE -ffp-contract=off)
if(GRADPATH_SANITIZE)
  target_compile_options(gradpath_build INTERFACE
    -fsanitize=${GRADPATH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(gradpath_build INTERFACE -fsanitize=${GRADPATH_SANITIZE})
endif()
if(GRADPATH_COVERAGE)
  target_compile_options(gradpath_build INTERFACE --coverage)
  target_link_options(gradpath_build INTERFACE --coverage)
endif()

# gradpath_library(NAME SOURCES a.cpp ... [PUBLIC lib ...] [PRIVATE lib ...])
# Makes gradpath_NAME with the alias gradpath::NAME.
function(gradpath_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(gradpath_${name} STATIC ${ARG_SOURCES})
  add_library(gradpath::${name} ALIAS gradpath_${name})
  target_include_directories(gradpath_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(gradpath_${name} PUBLIC cxx_std_20)
  target_link_libraries(gradpath_${name} PUBLIC ${ARG_PUBLIC}
    PRIVATE ${ARG_PRIVATE} fmt::fmt $<BUILD_INTERFACE:gradpath_warnings> $<BUILD_INTERFACE:gradpath_build>)
  set_target_properties(gradpath_${name} PROPERTIES EXPORT_NAME ${name})
  if(GRADPATH_SANITIZE OR GRADPATH_COVERAGE)
    target_link_libraries(gradpath_${name} PUBLIC $<BUILD_INTERFACE:gradpath_build>)
  endif()
endfunction()

# gradpath_test(NAME LABELS quick|long|rtl SOURCES a_test.cpp ... LIBS lib ...)
# One GoogleTest program; each of its tests is a ctest of its own.
function(gradpath_test name)
  cmake_parse_arguments(ARG "" "" "LABELS;SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main
    gradpath_warnings gradpath_build)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" DISCOVERY_TIMEOUT 60)
endfunction()
