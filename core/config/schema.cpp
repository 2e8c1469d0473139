// SPDX-License-Identifier: Apache-2.0
//
// configs/schema.json from the table of fields.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

constexpr auto kNoMaximum = std::numeric_limits<std::size_t>::max();

std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// What a scalar writes is YAML; the part of it that is no JSON yet is bare words.
std::string json_value(const std::string& type, const std::string& yaml) {
  const bool as_is = type == "integer" || type == "number" || type == "boolean";
  return as_is || yaml.front() == '"' ? yaml : json_text(yaml);
}

class SchemaWriter final : public FieldVisitor {
 public:
  explicit SchemaWriter(std::size_t indent) : indent_(indent) {}

  void scalar(const Field& field, const Scalar& scalar) override {
    std::string description(field.meaning);
    if (scalar.type == "duration" || scalar.type == "size") {
      description += " (" + scalar.range + ")";  // schemas cannot compare these
    } else if (!field.unit.empty()) {
      description += " (" + std::string(field.unit) + ")";
    }
    std::string body = "\"description\": " + json_text(description);
    const std::string value = scalar.write();
    // Empty: a name that is made up from something else.
    if (!field.required && value != "\"\"") {
      body += ", \"default\": " + json_value(scalar.type, value);
    }
    add(field, "{" + body + ", " + scalar.schema + "}");
  }

  void list(const Field& field, const ScalarList& list) override {
    std::string values;
    for (const std::string& value : list.write()) {
      values += (values.empty() ? "" : ", ") + json_value(list.type, value);
    }
    std::string body = "\"description\": " + json_text(field.meaning) + ", \"default\": [" +
                       values + "], \"type\": \"array\"";
    if (list.min_items > 0) body += ", \"minItems\": " + std::to_string(list.min_items);
    if (list.max_items < kNoMaximum) body += ", \"maxItems\": " + std::to_string(list.max_items);
    add(field, "{" + body + ", \"items\": {" + list.schema + "}}");
  }

  void map(const Field& field, const ScalarMap& map) override {
    add(field, "{\"description\": " + json_text(field.meaning) +
                   ", \"default\": {}, \"type\": \"object\", \"maxProperties\": " +
                   std::to_string(map.max_items) + ", \"additionalProperties\": {" + map.schema +
                   "}}");
  }

  void section(const Field& field, const Section& section) override {
    SchemaWriter inner(indent_ + (section.switch_off ? 6 : 4));
    section.visit(inner);
    const std::string margin(indent_ + 4, ' ');
    std::string text = "{\n" + margin + "\"description\": " + json_text(field.meaning) + ",\n";
    if (section.switch_off) {
      text += margin + "\"anyOf\": [{\"const\": \"off\"}, {\n" + inner.object() + margin + "}]\n";
    } else {
      text += inner.object();
    }
    add(field, text + std::string(indent_ + 2, ' ') + "}");
  }

  void sections(const Field& field, const SectionList& list) override {
    if (list.size() == 0) list.append();
    SchemaWriter inner(indent_ + 6);
    list.visit(0, inner);
    const std::string margin(indent_ + 4, ' ');
    std::string text = "{\n" + margin + "\"description\": " + json_text(field.meaning) + ",\n" +
                       margin + "\"type\": \"array\",\n";
    if (list.min_items > 0) {
      text += margin + "\"minItems\": " + std::to_string(list.min_items) + ",\n";
    }
    if (list.max_items < kNoMaximum) {
      text += margin + "\"maxItems\": " + std::to_string(list.max_items) + ",\n";
    }
    text += margin + "\"items\": {\n" + inner.object() + margin + "}\n";
    add(field, text + std::string(indent_ + 2, ' ') + "}");
  }

  // The members of the object's schema, each line indented, the last without a comma.
  [[nodiscard]] std::string object() const {
    const std::string margin(indent_, ' ');
    std::string text =
        margin + "\"type\": \"object\",\n" + margin + "\"additionalProperties\": false,\n";
    if (!required_.empty()) text += margin + "\"required\": [" + required_ + "],\n";
    text += margin + "\"properties\": {\n" + properties_ + "\n" + margin + "}\n";
    return text;
  }

 private:
  void add(const Field& field, const std::string& schema) {
    properties_ += properties_.empty() ? "" : ",\n";
    properties_ += std::string(indent_ + 2, ' ') + json_text(field.key) + ": " + schema;
    if (!field.required) return;
    required_ += (required_.empty() ? "" : ", ") + json_text(field.key);
  }

  std::size_t indent_;
  std::string properties_;
  std::string required_;
};

}  // namespace

std::string write_schema() {
  Config defaults;
  SchemaWriter writer(2);
  visit_fields(writer, defaults);
  return std::string(R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Evenkeel configuration",
  "$defs": {
    "duration": {"anyOf": [{"const": 0}, {"type": "string", "pattern": "^(0|(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?)$"}]},
    "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+([KMGT]iB)?$"}]}
  },
)") + writer.object() +
         "}\n";
}

}  // namespace evenkeel::core
