// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/loader.h"

#include <algorithm>
#include <utility>

#include "address.h"
#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/config/reader.h"
#include "evenkeel/core/config/validate.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

using Kind = DocumentNode::Kind;

// Reads the name of a map's policy, and leaves what is wrong with it to the FieldLoader.
class NameLoader final : public FieldVisitor {
 public:
  explicit NameLoader(const DocumentNode& map) : map_(map) {}

  void scalar(const Field& field, const Scalar& scalar) override {
    const DocumentNode* node = field.key == "name" ? map_.find(field.key) : nullptr;
    if (node != nullptr) (void)scalar.read(*node);
  }
  void list(const Field&, const ScalarList&) override {}
  void map(const Field&, const ScalarMap&) override {}
  void section(const Field&, const Section&) override {}
  void sections(const Field&, const SectionList&) override {}

 private:
  const DocumentNode& map_;
};

// Reads the fields of one map into the policy that is being visited.
class FieldLoader final : public FieldVisitor {
 public:
  // `relaxed` names a required list that may be absent or empty all the same.
  explicit FieldLoader(MapReader& reader, std::string_view relaxed = "")
      : reader_(reader), relaxed_(relaxed) {}

  void scalar(const Field& field, const Scalar& scalar) override {
    field.required ? reader_.required(field.key, scalar) : reader_.optional(field.key, scalar);
  }

  void list(const Field& field, const ScalarList& list) override {
    field.required ? reader_.required(field.key, list) : reader_.optional(field.key, list);
  }

  void map(const Field& field, const ScalarMap& map) override { reader_.optional(field.key, map); }

  void section(const Field& field, const Section& section) override {
    const DocumentNode* node = reader_.take(field.key);
    if (node == nullptr) return;
    if (section.switch_off && node->kind != Kind::map) {
      if (node->kind == Kind::scalar && node->scalar == "off") {
        section.switch_off();
      } else {
        reader_.fail(field.key, "expected a map or off, found " + describe(*node));
      }
      return;
    }
    read(*node, reader_.path(field.key), section.visit);
  }

  void sections(const Field& field, const SectionList& list) override {
    const auto items = reader_.take_items(field.key, field.key == relaxed_ ? 0 : list.min_items);
    list.clear();
    if (items.size() > list.max_items) {
      reader_.fail(field.key, "expected at most " + std::to_string(list.max_items) +
                                  " elements, found " + std::to_string(items.size()));
      return;
    }
    // Names first: an element may speak of one that stands below it.
    for (std::size_t i = 0; i < items.size(); ++i) {
      list.append();
      NameLoader names(items[i]);
      list.visit(i, names);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      read(items[i], reader_.path(field.key, i),
           [&list, i](FieldVisitor& visitor) { list.visit(i, visitor); });
    }
  }

 private:
  void read(const DocumentNode& node, std::string path,
            const std::function<void(FieldVisitor&)>& visit) {
    MapReader reader(node, std::move(path), reader_.errors());
    if (node.kind != Kind::map) return;  // has been reported
    FieldLoader loader(reader);
    visit(loader);
    reader.finish();
  }

  MapReader& reader_;
  std::string_view relaxed_;
};

// What a file may leave out although a Config has it.
void complete(Config& config) {
  for (ListenerPolicy& listener : config.listeners) {
    if (listener.name.empty() && !listener.address.host.empty()) {
      listener.name = to_text(listener.address);
    }
  }
  for (PoolPolicy& pool : config.pools) {
    for (BackendPolicy& backend : pool.backends) {
      if (backend.id.empty() && !backend.endpoint.host.empty()) {
        backend.id = to_text(backend.endpoint);
      }
    }
  }
  if (config.routes.empty() && config.pools.size() == 1) {
    RoutePolicy everything;
    everything.name = "default";
    config.routes.push_back(std::move(everything));
  }
}

// `p2c` names a number of choices too, which only the file still shows.
void check_p2c(const DocumentNode& root, const Config& config, const std::string& prefix,
               ErrorSink& errors) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const std::string balance = "pools[" + std::to_string(i) + "].balance";
    const DocumentNode* pool = &root.find("pools")->items[i];
    const DocumentNode* section = pool->find("balance");
    const DocumentNode* algorithm = section == nullptr ? nullptr : section->find("algorithm");
    if (algorithm == nullptr || algorithm->scalar != "p2c") continue;
    if (config.pools[i].balance.choice_count == 2) continue;
    errors.add(locate(root, balance + ".choice_count").where, prefix + balance + ".choice_count",
               "p2c compares two backends; for another number say least_request");
  }
}

// The key that the file has, else the first.
const std::string& place_of(const DocumentNode& root, const Violation& violation) {
  for (const std::string& key : violation.keys) {
    if (locate(root, key).exact) return key;
  }
  return violation.keys.front();
}

// Reports contradictions, except between values that were refused already.
void report(const DocumentNode& root, std::vector<Violation> violations, const std::string& prefix,
            ErrorSink& errors) {
  std::erase_if(violations, [&](const Violation& violation) {
    return std::any_of(violation.keys.begin(), violation.keys.end(),
                       [&](const std::string& key) { return errors.covers(prefix + key); });
  });
  for (const Violation& violation : violations) {
    const std::string& key = place_of(root, violation);
    errors.add(locate(root, key).where, prefix + key, violation.message);
  }
}

}  // namespace

Result<Config, ConfigErrors> load_config_node(const DocumentNode& root, const LoadOptions& options,
                                              const std::string& key) {
  if (options.warnings != nullptr) options.warnings->clear();
  const std::string prefix = key.empty() ? key : key + ".";
  ErrorSink errors;
  Config config;
  MapReader reader(root, key, errors);
  if (root.kind != Kind::map) return Unexpected{errors.take()};
  FieldLoader loader(reader, options.listeners_required ? "" : "listeners");
  visit_fields(loader, config);
  reader.finish();
  complete(config);
  check_p2c(root, config, prefix, errors);
  report(root, find_contradictions(config), prefix, errors);
  if (!errors.empty()) return Unexpected{errors.take()};
  if (options.warnings != nullptr) {
    ErrorSink warnings;
    report(root, find_doubts(config), prefix, warnings);
    *options.warnings = warnings.take();
  }
  return config;
}

Result<Config, ConfigErrors> load_config_text(std::string_view text, const std::string& file_name,
                                              const LoadOptions& options) {
  auto document = parse_document(text, file_name);
  if (!document) return Unexpected{std::move(document.error())};
  return load_config_node(*document, options);
}

Result<Config, ConfigErrors> load_config_file(const std::string& path, const LoadOptions& options) {
  auto document = read_document(path);
  if (!document) return Unexpected{std::move(document.error())};
  return load_config_node(*document, options);
}

}  // namespace evenkeel::core
