// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/config/document.h"
#include "evenkeel/core/config/errors.h"
#include "evenkeel/core/config/scalar.h"

// Reads a map key by key into typed variables, and collects everything that is wrong with it. What
// nobody asked for by the time of finish() is an unknown key. Reading goes on after an error: a
// variable whose value was refused keeps its default.
//
//   MapReader reader(node, "world.network", errors);
//   reader.optional("latency", duration(latency, 0s, 1h));
//   if (const DocumentNode* tcp = reader.take("tcp")) read_tcp(MapReader(*tcp, reader.path("tcp"),
//   errors)); reader.finish();
namespace evenkeel::core {

// One value outside a map, e.g. an element of a list. False when it was refused (and reported).
bool read_scalar(const DocumentNode& node, const std::string& key, const Scalar& scalar,
                 ErrorSink& errors);
bool read_scalars(const DocumentNode& node, const std::string& key, const ScalarList& list,
                  ErrorSink& errors);
bool read_map(const DocumentNode& node, const std::string& key, const ScalarMap& map,
              ErrorSink& errors);

class MapReader {
 public:
  // `path` is the map's own dotted path ("" for the root). A node that is no map is reported, and
  // then reads like a map without members that misses nothing. Node and sink outlive the reader.
  MapReader(const DocumentNode& map, std::string path, ErrorSink& errors);

  // Whether the key was there and its value taken. An absent key leaves the variable.
  bool optional(std::string_view key, const Scalar& scalar);
  bool optional(std::string_view key, const ScalarList& list);
  bool optional(std::string_view key, const ScalarMap& map);
  // The same, but an absent key is an error.
  bool required(std::string_view key, const Scalar& scalar);
  bool required(std::string_view key, const ScalarList& list);

  // The node of a key, for the caller to read; null when absent. Marks the key as known.
  const DocumentNode* take(std::string_view key);
  const DocumentNode* take_required(std::string_view key);
  // The elements of a list; empty when absent. Anything else than a list is reported.
  // An element's path is path("backends", i).
  std::span<const DocumentNode> take_items(std::string_view key, std::size_t min_items = 0);

  // Whether the file has the key. Does not mark it as known.
  [[nodiscard]] bool has(std::string_view key) const { return map_.find(key) != nullptr; }
  // The dotted path of a key of this map, or of an element of a list in it.
  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] std::string path(std::string_view key, std::size_t element) const;
  [[nodiscard]] const DocumentNode& node() const { return map_; }
  [[nodiscard]] ErrorSink& errors() { return errors_; }

  // Reports a fault of a key's value, or of the whole map when the key is absent or empty.
  void fail(std::string_view key, std::string message);
  // Reports every key that was never asked for, with the known key it resembles. Call it once.
  void finish();

 private:
  const DocumentNode& map_;
  std::string path_;
  ErrorSink& errors_;
  bool usable_;  // false: the node was no map, which has been reported
  std::vector<std::string> known_;
};

// The word of `words` that `given` was probably meant to be; empty when none is close.
[[nodiscard]] std::string closest(std::string_view given, const std::vector<std::string>& words);

}  // namespace evenkeel::core
