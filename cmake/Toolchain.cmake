# SPDX-License-Identifier: Apache-2.0
#
# Flags of every target of ours (the INTERFACE library evenkeel_flags), compiler cache, linker.

find_program(EVENKEEL_CCACHE ccache)
mark_as_advanced(EVENKEEL_CCACHE)
if(EVENKEEL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the checkout are stored relative to it, so that a second clone finds what the first
  # has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
    CCACHE_NOHASHDIR=1 ${EVENKEEL_CCACHE})
endif()

find_program(EVENKEEL_MOLD mold)
find_program(EVENKEEL_LLD ld.lld)
mark_as_advanced(EVENKEEL_MOLD EVENKEEL_LLD)
if(EVENKEEL_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(EVENKEEL_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(evenkeel_flags INTERFACE)
target_compile_options(evenkeel_flags INTERFACE
  -Wall -Wextra
  # g++ 12 reports std::string's own operator+ under -O2 (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # A fused multiply-add rounds once where two operations round twice. Simulations must give the same
  # digits on processors with and without it.
  -ffp-contract=off)

# Sanitizers and coverage apply to every target, Asio's and Beast's code included.
if(EVENKEEL_SANITIZE)
  add_compile_options(-fsanitize=${EVENKEEL_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${EVENKEEL_SANITIZE})
endif()

if(EVENKEEL_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
  find_program(EVENKEEL_GCOVR gcovr REQUIRED)
  # Run the tests first; this prints what they reached and writes the pages.
  add_custom_target(coverage
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/coverage
    COMMAND ${EVENKEEL_GCOVR} --root ${CMAKE_SOURCE_DIR}
      --filter "${CMAKE_SOURCE_DIR}/(core|net|sim|proxy)/"
      --exclude-unreachable-branches --exclude-throw-branches
      --html-details ${CMAKE_BINARY_DIR}/coverage/index.html --print-summary
      ${CMAKE_BINARY_DIR}
    COMMAND ${CMAKE_COMMAND} -E echo "Pages: ${CMAKE_BINARY_DIR}/coverage/index.html"
    VERBATIM)
endif()
