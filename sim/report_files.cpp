// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "evenkeel/sim/reports.h"

namespace evenkeel::sim {
namespace {

namespace fs = std::filesystem;

// Complete files wait here for their place. It is below the folder of reports, so that moving them
// is a rename within one file system.
constexpr const char* kWaiting = ".unfinished";

std::string cannot_write(const fs::path& path, const std::string& why) {
  return path.string() + ": cannot be written: " + why;
}

std::optional<std::string> write_file(const fs::path& path, const std::string& content) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return cannot_write(path.parent_path(), error.message());
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();  // what does not fit on the disk may only show here
  if (file.fail()) return cannot_write(path, errno != 0 ? std::strerror(errno) : "unknown error");
  return std::nullopt;
}

std::optional<std::string> write_all(const fs::path& folder, const std::vector<ReportFile>& files) {
  const fs::path waiting = folder / kWaiting;
  for (const ReportFile& file : files) {
    if (auto problem = write_file(waiting / file.path, file.content)) return problem;
  }
  for (const ReportFile& file : files) {
    std::error_code error;
    const fs::path target = folder / file.path;
    fs::create_directories(target.parent_path(), error);
    if (!error) fs::rename(waiting / file.path, target, error);
    if (error) return cannot_write(target, error.message());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> prepare_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error)) {
    return cannot_write(folder, "is there, but is no folder");
  }
  if (error) return cannot_write(folder, error.message());
  auto problem = write_file(fs::path(folder) / kWaiting / "probe", "");
  fs::remove_all(fs::path(folder) / kWaiting, error);
  return problem;
}

std::optional<std::string> write_reports(const std::string& folder,
                                         const std::vector<ReportFile>& files) {
  auto problem = write_all(folder, files);
  std::error_code ignored;
  fs::remove_all(fs::path(folder) / kWaiting, ignored);
  return problem;
}

}  // namespace evenkeel::sim
