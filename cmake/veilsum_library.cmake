# Targets that know their layer. A link that points upward or sideways is a configure error.
#
#   veilsum_library(name LAYER layer SOURCES ... DEPS ...)     static library veilsum::name
#   veilsum_binary(name LAYER layer SOURCES ... DEPS ...)      an executable in bin/
#   veilsum_test(name LABELS ... SOURCES ... DEPS ...)         a GoogleTest program, one ctest entry per test
#   veilsum_expect_no_compile(name SOURCE file MISUSES ... DEPS ...)   the code in each #ifdef MISUSE must be refused

# What nearly every file includes is parsed once, which halves the time of a build. The dev preset does without, so that a
# file which forgets an #include does not get by. A precompiled header fits only files with the same compiler options.
# Not in it: headers that instantiate much, which every file would pay for anew (nlohmann/json.hpp: a second each).
# Every preset but dev also compiles the files of a target together, twelve at a time (unity builds), in about a third of
# the time: names in anonymous namespaces must therefore differ within a target.
set(VEILSUM_COMMON_HEADERS ${PROJECT_SOURCE_DIR}/base/status.h <algorithm> <array> <cstdint> <functional> <map> <memory> <mutex>
  <optional> <set> <span> <string> <string_view> <vector>)

# veilsum_precompile(target source-of-the-header headers...)
function(veilsum_precompile target owner)
  if(NOT VEILSUM_PRECOMPILED)
    return()
  endif()
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

set(VEILSUM_MAY_USE_base base)
set(VEILSUM_MAY_USE_proto base proto)
set(VEILSUM_MAY_USE_secure_agg base proto secure_agg)
set(VEILSUM_MAY_USE_dp base proto dp)
set(VEILSUM_MAY_USE_model base proto dp model)  # dp: the contract states noise, docs/decisions
set(VEILSUM_MAY_USE_client base proto secure_agg dp model client)
set(VEILSUM_MAY_USE_coordinator base proto secure_agg dp model coordinator)
set(VEILSUM_MAY_USE_cli base proto secure_agg dp model client coordinator cli)
set(VEILSUM_MAY_USE_tests base proto secure_agg dp model client coordinator cli tests)

function(veilsum_check_layer name layer)
  if(NOT DEFINED VEILSUM_MAY_USE_${layer})
    message(FATAL_ERROR "${name}: unknown layer '${layer}'")
  endif()
  foreach(dep IN LISTS ARGN)
    if(NOT TARGET ${dep})
      message(FATAL_ERROR "${name} (${layer}) names ${dep}, which is not a target (yet): order of add_subdirectory?")
    endif()
    get_target_property(theirs ${dep} VEILSUM_LAYER)
    if(theirs AND NOT theirs IN_LIST VEILSUM_MAY_USE_${layer})
      message(FATAL_ERROR "${name} (${layer}) may not depend on ${dep} (${theirs})")
    endif()
  endforeach()
endfunction()

function(veilsum_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LAYER" "SOURCES;DEPS")
  veilsum_check_layer(${name} ${ARG_LAYER} ${ARG_DEPS})
  add_library(veilsum_${name} STATIC ${ARG_SOURCES})
  add_library(veilsum::${name} ALIAS veilsum_${name})
  set_target_properties(veilsum_${name} PROPERTIES VEILSUM_LAYER ${ARG_LAYER})
  target_include_directories(veilsum_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(veilsum_${name} PUBLIC ${ARG_DEPS} PRIVATE veilsum_warnings)
  if(name STREQUAL test_support)
    veilsum_precompile(veilsum_test_support veilsum_test_support ${VEILSUM_COMMON_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  else()
    veilsum_precompile(veilsum_${name} veilsum_base ${VEILSUM_COMMON_HEADERS})
  endif()
endfunction()

function(veilsum_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LAYER" "SOURCES;DEPS")
  veilsum_check_layer(${name} ${ARG_LAYER} ${ARG_DEPS})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES VEILSUM_LAYER ${ARG_LAYER} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} veilsum_warnings)
  veilsum_precompile(${name} veilsum_base)
endfunction()

# WHOLE: one entry of ctest for the program, where its tests share a costly beginning.
function(veilsum_test name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "WHOLE" "TIMEOUT" "LABELS;SOURCES;DEPS")
  veilsum_check_layer(${name} tests ${ARG_DEPS})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} veilsum_warnings GTest::gmock_main)
  veilsum_precompile(${name} veilsum_test_support)
  foreach(label IN LISTS ARG_LABELS)
    add_dependencies(veilsum_tests_${label} ${name})
  endforeach()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
    return()
  endif()
  gtest_discover_tests(${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} NO_PRETTY_VALUES
    DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
include(GoogleTest OPTIONAL)

# Only the syntax is checked, with the include folders and definitions that DEPS bring along.
function(veilsum_expect_no_compile name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "SOURCE" "MISUSES;DEPS")
  veilsum_check_layer(${name} tests ${ARG_DEPS})
  add_library(${name}_carrier OBJECT EXCLUDE_FROM_ALL ${ARG_SOURCE})  # never built: knows what a compile line needs
  target_include_directories(${name}_carrier PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_carrier PRIVATE ${ARG_DEPS})
  list(JOIN ARG_MISUSES " " misuses)
  set(folders $<TARGET_PROPERTY:${name}_carrier,INCLUDE_DIRECTORIES>)
  set(definitions $<TARGET_PROPERTY:${name}_carrier,COMPILE_DEFINITIONS>)
  add_test(NAME compile_fail.${name}
    COMMAND ${PROJECT_SOURCE_DIR}/tests/compile_fail/refused.sh ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SOURCE} ${misuses}
      ${CMAKE_CXX_COMPILER} -std=c++20 "$<$<BOOL:${folders}>:-I$<JOIN:${folders},;-I>>"
      "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
    COMMAND_EXPAND_LISTS)
  set_tests_properties(compile_fail.${name} PROPERTIES LABELS fast TIMEOUT 120)
endfunction()
