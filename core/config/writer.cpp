// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/writer.h"

#include <cstddef>
#include <vector>

#include "evenkeel/core/config/fields.h"
#include "layout.h"

namespace evenkeel::core {
namespace {

class YamlWriter final : public FieldVisitor {
 public:
  YamlWriter(std::string& out, std::size_t indent, bool comments)
      : out_(out), indent_(indent), comments_(comments) {}

  void scalar(const Field& field, const Scalar& scalar) override {
    std::string range = scalar.range.empty() ? "" : "(" + scalar.range;
    if (!range.empty()) {
      range += field.unit.empty() ? ")" : " " + std::string(field.unit) + ")";
    }
    comment(field, range);
    line(field.key, scalar.write());
  }

  void list(const Field& field, const ScalarList& list) override {
    comment(field, "");
    std::string items;
    for (const std::string& item : list.write()) {
      items += items.empty() ? "" : ", ";
      items += item;
    }
    line(field.key, "[" + items + "]");
  }

  void map(const Field& field, const ScalarMap& map) override {
    comment(field, "");
    std::string entries;
    for (const auto& [key, value] : map.write()) {
      entries += (entries.empty() ? "" : ", ") + yaml_text(key) + ": " + value;
    }
    line(field.key, "{" + entries + "}");
  }

  void section(const Field& field, const Section& section) override {
    comment(field, section.switch_off ? "(or off)" : "");
    if (section.is_off && section.is_off()) {
      line(field.key, "off");
      return;
    }
    line(field.key, "");
    YamlWriter inner(out_, indent_ + 2, comments_);
    section.visit(inner);
  }

  void sections(const Field& field, const SectionList& list) override {
    comment(field, "");
    line(field.key, list.size() == 0 ? "[]" : "");
    for (std::size_t i = 0; i < list.size(); ++i) out_ += element(list, i);
    if (list.size() == 0 && comments_) show_example(list);
  }

 private:
  // One element, its first field behind a dash. Comments stand at the first one only.
  [[nodiscard]] std::string element(const SectionList& list, std::size_t i) const {
    std::string text;
    YamlWriter inner(text, indent_ + 4, comments_ && i == 0);
    list.visit(i, inner);
    std::size_t first = 0;
    while (text[first + indent_ + 4] == '#') {
      text.erase(first, 2);
      first = text.find('\n', first) + 1;
    }
    text[first + indent_ + 2] = '-';
    return text;
  }

  // The fields of an element that is not there, commented out.
  void show_example(const SectionList& list) {
    list.append();
    const std::string text = element(list, 0);
    list.clear();
    for (const std::string& line : split_lines(text)) {
      out_ += std::string(indent_, ' ') + "#" + line.substr(indent_) + "\n";
    }
  }

  void comment(const Field& field, const std::string& range) {
    if (!comments_) return;
    const std::string text = std::string(field.meaning) + (range.empty() ? "" : " ") + range;
    const std::string margin = std::string(indent_, ' ') + "# ";
    for (const std::string& line : wrap(text, 100 - margin.size())) out_ += margin + line + "\n";
  }

  void line(std::string_view key, const std::string& value) {
    out_ += std::string(indent_, ' ') + std::string(key) + ":";
    out_ += value.empty() ? "\n" : " " + value + "\n";
  }

  std::string& out_;
  std::size_t indent_;
  bool comments_;
};

std::string write(Config config, bool comments) {
  std::string out;
  YamlWriter writer(out, 0, comments);
  visit_fields(writer, config);
  return out;
}

}  // namespace

std::string write_config(const Config& config) { return write(config, false); }

std::string write_commented_config(const Config& config) {
  return "# SPDX-License-Identifier: Apache-2.0\n"
         "# yaml-language-server: $schema=schema.json\n"
         "#\n"
         "# Every key with its default, meaning and range. Generated from the loader's table of\n"
         "# fields. A file needs listeners and pools; start from minimal.yaml and take from here\n"
         "# what you change.\n" +
         write(config, true);
}

}  // namespace evenkeel::core
