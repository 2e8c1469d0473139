# SPDX-License-Identifier: Apache-2.0
#
# Everything comes from Debian 12 packages; tools/setup installs them.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json CONFIG)
find_package(yaml-cpp 0.7 REQUIRED CONFIG)
if(NOT TARGET yaml-cpp::yaml-cpp)  # 0.7 exports the name without a namespace, 0.8 with one
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
find_package(spdlog 1.10 REQUIRED CONFIG)
find_package(prometheus-cpp REQUIRED CONFIG)  # has no version file: a version here would fail
find_package(OpenSSL 3.0 REQUIRED)
find_package(CLI11 2.1 REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
