# SPDX-License-Identifier: Apache-2.0
#
# The few words CMakeLists.txt is written in.

# evenkeel_library(NAME GLOB PATTERN... [EXCLUDE REGEX] [HEADERS ROOT])
#
# A static library of the sources that match, or an interface library while there are none.
# HEADERS names an include root, public to whoever links the library.
function(evenkeel_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXCLUDE;HEADERS" "GLOB")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS LIST_DIRECTORIES false ${arg_GLOB})
  if(arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${arg_EXCLUDE}")
  endif()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE evenkeel_flags)
    target_compile_definitions(${name} PRIVATE EVENKEEL_VERSION="${PROJECT_VERSION}")
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  if(arg_HEADERS)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS LIST_DIRECTORIES false ${arg_HEADERS}/*.h)
    target_sources(${name} ${scope}
      FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/${arg_HEADERS} FILES ${headers})
  endif()
endfunction()

# evenkeel_folder(FOLDER [EXCLUDE REGEX]): the library evenkeel_FOLDER of FOLDER/**.cpp with the
# include root FOLDER/include.
function(evenkeel_folder folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXCLUDE" "")
  evenkeel_library(evenkeel_${folder} GLOB ${folder}/*.cpp EXCLUDE "${arg_EXCLUDE}"
    HEADERS ${folder}/include)
endfunction()

# evenkeel_program(NAME MAIN): an executable, once its main exists.
function(evenkeel_program name main)
  file(GLOB found CONFIGURE_DEPENDS ${main})
  if(found)
    add_executable(${name} ${main})
    target_link_libraries(${name} PRIVATE evenkeel_flags)
    target_compile_definitions(${name} PRIVATE EVENKEEL_VERSION="${PROJECT_VERSION}")
  endif()
endfunction()

# evenkeel_link(NAME PUBLIC ... PRIVATE ...): target_link_libraries for targets that may be absent or
# still interface libraries (these have no private part).
function(evenkeel_link name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PUBLIC;PRIVATE")
  if(NOT TARGET ${name})
    return()
  endif()
  get_target_property(type ${name} TYPE)
  if(type STREQUAL INTERFACE_LIBRARY)
    target_link_libraries(${name} INTERFACE ${arg_PUBLIC})
  else()
    target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  endif()
endfunction()
