# Compiler settings for every target. No -march: hot loops dispatch on the CPU at run time. No -ffast-math:
# a NaN norm must become a clip factor of zero, and rounding must be what the sensitivity proof assumes.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  message(WARNING "Veilsum v1 supports x86-64 Linux; kernels on ${CMAKE_SYSTEM_PROCESSOR} take the portable path")
endif()

find_program(VEILSUM_CCACHE ccache)
if(VEILSUM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${VEILSUM_CCACHE})
endif()

# Linked PRIVATE by everything we write, never by generated code.
add_library(veilsum_warnings INTERFACE)
target_compile_options(veilsum_warnings INTERFACE -Wall -Wextra -Wshadow=local -Wnon-virtual-dtor -Wno-restrict
  -Werror=unused-result -Werror=return-type $<$<BOOL:${VEILSUM_WERROR}>:-Werror>)

if(VEILSUM_SANITIZE)
  add_compile_options(-fsanitize=${VEILSUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VEILSUM_SANITIZE})
endif()
