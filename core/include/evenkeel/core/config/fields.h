// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string_view>

#include "evenkeel/core/config/scalar.h"
#include "evenkeel/core/policies.h"

// The one table of everything a configuration file can say: fields.cpp. Whoever needs to know the
// fields visits it: the loader, the writer, the JSON Schema and the documentation. A field that is
// added there exists in all of them.
namespace evenkeel::core {

class FieldVisitor;

struct Field {
  std::string_view key;
  std::string_view meaning;  // a sentence
  std::string_view unit;     // of a plain number, e.g. "percent"; else empty
  bool required = false;
};

// A map of its own.
struct Section {
  std::function<void(FieldVisitor&)> visit;
  // What `off` instead of a map means; empty: it means nothing here.
  std::function<void()> switch_off;
  // Whether it is off in a way that only `off` can say; empty: the fields say everything.
  std::function<bool()> is_off;
};

// A list of maps.
struct SectionList {
  std::size_t min_items = 0;
  std::size_t max_items = std::numeric_limits<std::size_t>::max();
  std::function<std::size_t()> size;
  std::function<void()> clear;
  std::function<void()> append;  // one element with the defaults
  std::function<void(std::size_t, FieldVisitor&)> visit;
};

class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void scalar(const Field& field, const Scalar& scalar) = 0;
  virtual void list(const Field& field, const ScalarList& list) = 0;
  virtual void map(const Field& field, const ScalarMap& map) = 0;
  virtual void section(const Field& field, const Section& section) = 0;
  virtual void sections(const Field& field, const SectionList& list) = 0;
};

// Shows every field of the policies `p`, in the order of a file. Elements of lists are visited as
// they are: a visitor that wants to see the fields of an empty list appends one first.
void visit_fields(FieldVisitor& v, Config& p);

}  // namespace evenkeel::core
