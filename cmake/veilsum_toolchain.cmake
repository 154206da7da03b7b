# Compiler settings for every target. No -march: hot loops dispatch on the CPU at run time. No -ffast-math:
# a NaN norm must become a clip factor of zero, and rounding must be what the sensitivity proof assumes.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# -O2 everywhere; the hot loops ask for -O3 beside their sources. Builds are a third cheaper.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  message(WARNING "Veilsum v1 supports x86-64 Linux; kernels on ${CMAKE_SYSTEM_PROCESSOR} take the portable path")
endif()

# gold links a test program in half the time of the default linker; part of binutils on Debian.
find_program(VEILSUM_GOLD ld.gold)
if(VEILSUM_GOLD)
  add_link_options(-fuse-ld=gold)
endif()

find_program(VEILSUM_CCACHE ccache)
if(VEILSUM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for before it caches a file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${VEILSUM_CCACHE})
endif()

# Linked PRIVATE by everything we write, never by generated code.
add_library(veilsum_warnings INTERFACE)
target_compile_options(veilsum_warnings INTERFACE -Wall -Wextra -Wshadow=local -Wnon-virtual-dtor -Wno-restrict
  -Werror=unused-result -Werror=return-type $<$<BOOL:${VEILSUM_WERROR}>:-Werror>)

if(VEILSUM_SANITIZE)
  add_compile_options(-fsanitize=${VEILSUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VEILSUM_SANITIZE})
endif()
