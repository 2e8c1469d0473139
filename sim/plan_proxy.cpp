// SPDX-License-Identifier: Apache-2.0
//
// The `proxy:` section: from what a scenario writes to what the configuration loader reads.
#include <filesystem>
#include <utility>

#include "plan_reading.h"

namespace evenkeel::sim {
namespace {

using core::DocumentNode;
using Kind = core::DocumentNode::Kind;

// A file that is read in place of a node. Null when it cannot be read, which has been reported.
std::optional<DocumentNode> read_include(const std::string& path, const core::Position& where,
                                         const std::string& key, core::ErrorSink& errors) {
  auto document = core::read_document(path);
  if (document) return std::move(*document);
  // An error about the file as a whole belongs to the line that names it.
  for (core::ConfigError& error : document.error()) {
    if (error.line == 0) {
      errors.add(where, key, path + ": " + error.message);
    } else {
      errors.add({std::move(error)});
    }
  }
  return std::nullopt;
}

}  // namespace

void resolve_proxy(DocumentNode& root, const std::string& directory, const std::string& proxy_file,
                   core::ErrorSink& errors) {
  DocumentNode* proxy = root.find("proxy");
  if (!proxy_file.empty()) {
    auto document = core::read_document(proxy_file);
    if (!document) return errors.add(std::move(document.error()));
    if (proxy != nullptr) {
      *proxy = std::move(*document);
    } else {
      root.members.push_back({"proxy", document->where, std::move(*document)});
    }
    return;
  }
  if (proxy == nullptr || proxy->kind != Kind::map) return;  // reported when it is read

  DocumentNode resolved;
  resolved.where = proxy->where;
  resolved.kind = Kind::map;
  if (const DocumentNode* include = proxy->find("include")) {
    if (include->kind != Kind::scalar || include->scalar.empty()) {
      errors.add(include->where, "proxy.include",
                 "expected the path of a file, found " + core::describe(*include));
      return;
    }
    const std::string path =
        (std::filesystem::path(directory) / include->scalar).lexically_normal().string();
    auto included = read_include(path, include->where, "proxy.include", errors);
    if (!included) return;
    resolved = std::move(*included);
  }
  DocumentNode inline_part = *proxy;
  std::erase_if(inline_part.members, [](const core::DocumentMember& member) {
    return member.key == "include" || member.key == "set";
  });
  core::merge(resolved, inline_part);
  if (const DocumentNode* set = proxy->find("set")) {
    core::apply_overrides(resolved, *set, "proxy.set", errors);
  }
  *proxy = std::move(resolved);
}

std::string flow_text(const DocumentNode& node) {
  std::string text;
  switch (node.kind) {
    case Kind::null:
      return "null";
    case Kind::scalar:
      return node.scalar;
    case Kind::sequence:
      for (const DocumentNode& item : node.items) {
        text += (text.empty() ? "" : ", ") + flow_text(item);
      }
      return "[" + text + "]";
    case Kind::map:
      for (const core::DocumentMember& member : node.members) {
        text += (text.empty() ? "" : ", ") + member.key + ": " + flow_text(member.value);
      }
      return "{" + text + "}";
  }
  return text;
}

}  // namespace evenkeel::sim
