// SPDX-License-Identifier: Apache-2.0
//
// docs/configuration.md from the table of fields.
#include <cstddef>
#include <string>

#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Generated from the loader's table of fields. A test compares; see the end of this page. -->
# Configuration

One YAML file configures the proxy, and a simulation of it. The smallest useful one:

```yaml
listeners: [{address: 0.0.0.0:8080}]
pools:
  - name: main
    backends: [{url: http://127.0.0.1:9001}, {url: http://127.0.0.1:9002, weight: 2}]
```

`evenkeel --config FILE --check` reads a file and says everything that is wrong with it, as
`file:line:column: key: what was expected`; then it warns of what is valid but can hardly be meant: a
route that no request reaches, a key that another setting makes moot, a time that parks a backend for
hours. The proxy logs the same warnings when it starts. `configs/full.yaml` has every key with its default;
`configs/schema.json` gives editors completion.

- Nothing is guessed: unknown keys, keys given twice, wrong types, values out of range and
  combinations that cannot work are errors.
- **Durations** are whole numbers with a unit: `250ms`, `10s`, `1m30s`, `24h` (h, m, s, ms, us, ns).
  Plain `0` is allowed, other plain numbers are not.
- **Decimals** have at most three digits behind the point, and are taken exactly.
- **Sizes** are bytes, or `64KiB`, `1MiB`, `2GiB`.
- **off** instead of a map switches a policy off: `circuit_breaker: off`. Files are YAML 1.2, where
  on, off, yes and no are words.
- A **client** is its address, of IPv6 the /64 network; where a cookie or header is named, its value,
  and the address of who does not send it. Addresses are those of the connection: forwarding headers
  are never believed.
- Without `routes` everything goes to the only pool. A backend without `id` is called by its
  `host:port`, a listener without `name` by its address.
- Names are letters, digits and `-_.:`. Columns in error messages count bytes.
)";

constexpr std::string_view kEnd = R"(
---
To change this page, change `core/config/fields*.cpp`; then
`EVENKEEL_UPDATE_GENERATED=1 build/dev/core_test --gtest_filter='ConfigGenerated.*'` writes it anew.
)";

class ReferenceWriter final : public FieldVisitor {
 public:
  ReferenceWriter(std::string path, std::string_view meaning, bool can_be_off)
      : path_(std::move(path)) {
    text_ = "\n## " + (path_.empty() ? "The file" : "`" + path_ + "`") + "\n\n";
    if (!meaning.empty()) {
      text_ += std::string(meaning) + (can_be_off ? " May be `off`.\n\n" : "\n\n");
    }
    text_ += "| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n";
  }

  void scalar(const Field& field, const Scalar& scalar) override {
    const std::string value = scalar.write();
    std::string allowed = scalar.type == "choice" ? scalar.range : scalar.type;
    if (scalar.type != "choice" && !scalar.range.empty()) {
      allowed = (scalar.type == "integer" || scalar.type == "number") ? "" : scalar.type + ", ";
      allowed += scalar.range;
      if (!field.unit.empty()) allowed += " " + std::string(field.unit);
    }
    row(field, field.required ? "required" : value == "\"\"" ? "" : "`" + value + "`", allowed);
  }

  void list(const Field& field, const ScalarList& list) override {
    std::string values;
    for (const std::string& value : list.write()) {
      values += values.empty() ? "" : ", ";
      values += value;
    }
    const std::string of = list.range.empty() ? list.type + "s" : list.range;
    row(field, "`[" + values + "]`", "list: " + of);
  }

  void map(const Field& field, const ScalarMap& map) override {
    row(field, "`{}`", "map of " + map.type);
  }

  void section(const Field& field, const Section& section) override {
    // Documented with what the fields say while the policy is on.
    const std::string path = join(field.key);
    row(field, "", "map, see [`" + path + "`](#" + anchor(path) + ")");
    ReferenceWriter inner(path, field.meaning, static_cast<bool>(section.switch_off));
    section.visit(inner);
    parts_ += inner.take();
  }

  void sections(const Field& field, const SectionList& list) override {
    if (list.size() == 0) list.append();
    const std::string path = join(field.key) + "[]";
    row(field, field.required ? "required" : "`[]`",
        "list of maps, see [`" + path + "`](#" + anchor(path) + ")");
    ReferenceWriter inner(path, field.meaning, false);
    list.visit(0, inner);
    parts_ += inner.take();
  }

  [[nodiscard]] std::string take() const { return text_ + parts_; }

 private:
  [[nodiscard]] std::string join(std::string_view key) const {
    return (path_.empty() ? "" : path_ + ".") + std::string(key);
  }

  // As Markdown renderers make it from a heading.
  static std::string anchor(const std::string& path) {
    std::string id;
    for (const char c : path) {
      if (c != '.' && c != '[' && c != ']') id += c;
    }
    return id;
  }

  void row(const Field& field, const std::string& value, const std::string& allowed) {
    text_ += "| `" + std::string(field.key) + "` | " + value + " | " + allowed + " | " +
             std::string(field.meaning) + " |\n";
  }

  std::string path_;
  std::string text_;
  std::string parts_;  // the sections below this one
};

}  // namespace

std::string write_reference() {
  Config defaults;
  ReferenceWriter writer("", "", false);
  visit_fields(writer, defaults);
  return std::string(kIntroduction) + writer.take() + std::string(kEnd);
}

}  // namespace evenkeel::core
