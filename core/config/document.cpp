// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/document.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "utf8.h"

namespace evenkeel::core {

const DocumentNode* DocumentNode::find(std::string_view key) const {
  for (const DocumentMember& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

DocumentNode* DocumentNode::find(std::string_view key) {
  return const_cast<DocumentNode*>(std::as_const(*this).find(key));
}

std::string describe(const DocumentNode& node) {
  switch (node.kind) {
    case DocumentNode::Kind::null:
      return "nothing";
    case DocumentNode::Kind::scalar:
      return quote(node.scalar);
    case DocumentNode::Kind::sequence:
      return "a list";
    case DocumentNode::Kind::map:
      return "a map";
  }
  return "";
}

Result<DocumentNode, ConfigErrors> read_document(const std::string& path) {
  const auto refuse = [&path](const std::string& message) {
    return Unexpected{ConfigErrors{{path, 0, 0, "", message}}};
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return refuse("is a directory, not a file");
  errno = 0;
  std::ifstream input(path, std::ios::binary);
  if (!input) return refuse(std::string("cannot be opened: ") + std::strerror(errno));
  std::string text(kMaxDocumentBytes + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (input.bad()) return refuse("cannot be read");
  text.resize(static_cast<std::size_t>(input.gcount()));
  return parse_document(text, path);
}

void merge(DocumentNode& base, const DocumentNode& over) {
  if (base.kind != DocumentNode::Kind::map || over.kind != DocumentNode::Kind::map) {
    base = over;
    return;
  }
  for (const DocumentMember& member : over.members) {
    if (DocumentNode* present = base.find(member.key)) {
      merge(*present, member.value);
    } else {
      base.members.push_back(member);
    }
  }
}

}  // namespace evenkeel::core
